/// Jacobian of the outputs with respect to the inputs: one more step back, to layer zero.

#include <algorithm>

#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// dy_m/d(processed input), n x rows.
LaneMatrix input_sensitivity(const Plan& plan, const Block& block, index_t input, index_t m,
                             Workspace& work) {
    const index_t rows = plan.input_linear[at(input)].rows;
    const LaneMatrix d{work.doubles(block.n * rows), block.n, rows, block.n};
    std::fill_n(d.data, block.n * rows, 0.0);
    for (std::size_t l = 0; l < plan.layers.size(); ++l) {
        const PlanLayer& layer = plan.layers[l];
        for (const Feed& feed : layer.feeds) {
            if (feed.kind != SourceKind::input || feed.source != input) continue;
            kernel_table().layer_product(
                block.n, rows, layer.h, block.layers[l].d + m * layer.h * block.n, block.n,
                plan.theta(static_cast<index_t>(l)) + feed.column * layer.h, layer.h, 1, d.data,
                block.n, true);
        }
    }
    return d;
}

}  // namespace

void compute_input_jacobian(Tape& tape, double* data, const index_t strides[3],
                            std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const double flops =
        2.0 * plan.forward_flops * static_cast<double>(tape.batch().size() * (plan.n_outputs + 1));
    const Needs needs{.order = Order::slope, .sensitivities = true};
    tape.for_each_block(needs, threads_for(flops, n_threads), [&](index_t, const Block& block) {
        const index_t first = block.first;
        index_t first_row = 0;
        for (std::size_t input = 0; input < plan.inputs.size(); ++input) {
            const LinearPart& linear = plan.input_linear[input];
            for (index_t m = 0; m < plan.n_outputs; ++m) {
                Workspace own;
                const LaneMatrix d =
                    input_sensitivity(plan, block, static_cast<index_t>(input), m, own);
                for (index_t r = 0; r < linear.cols; ++r) {
                    for (index_t z = 0; z < block.count; ++z) {
                        double sum = 0.0;
                        if (linear.diagonal) {
                            sum = d.row(r)[z] * linear(r, r);
                        } else {
                            for (index_t i = 0; i < d.rows; ++i) sum += d.row(i)[z] * linear(i, r);
                        }
                        data[(first + z) * strides[0] + m * strides[1] +
                             (first_row + r) * strides[2]] = sum;
                    }
                }
            }
            first_row += linear.cols;
        }
    });
}

}  // namespace jacnet
