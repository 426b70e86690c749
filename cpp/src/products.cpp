/// J' v and J u by one pass forward or backward: their cost does not depend on the number of
/// outputs.

#include "products.hpp"

#include <algorithm>

#include "directions.hpp"
#include "output_map.hpp"
#include "vector_sums.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

constexpr Needs needs{.order = Order::slope, .outputs = false};

double flops(const Tape& tape, index_t count) {
    return tape.plan().forward_flops * static_cast<double>(tape.batch().size()) *
           static_cast<double>(2 * count + 1);
}

void write_jvp(const Plan& plan, const Block& block, const double* v, index_t k,
               const OutputVectors<double>& out) {
    Workspace work;
    const Motion* motion = move_forward(plan, block, v, work);
    for (const PlanOutput& output : plan.outputs) {
        Workspace own;
        double* y = own.doubles(block.n * output.rows);
        output_of_layer(output, block.n, motion[output.layer].a, y);
        for (index_t z = 0; z < block.count; ++z) {
            for (index_t i = 0; i < output.rows; ++i) {
                out(output.first_row + i, block.first + z, k) = y[i * block.n + z];
            }
        }
    }
}

/// sum += the product with vector k of u over the samples of a block.
void add_vjp(const Plan& plan, const Block& block, const OutputVectors<const double>& u, index_t k,
             double* sum) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    Workspace work;
    double** g = work.array<double*>(plan.n_layers());
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        g[l] = work.doubles(n * layer.h);
        back_through(plan, layer, n, g[l], [&](index_t s) { return g[s]; });
        if (layer.output >= 0) {
            const PlanOutput& output = plan.outputs[at(layer.output)];
            Workspace own;
            double* weights = own.doubles(n * output.rows);
            for (index_t i = 0; i < output.rows; ++i) {
                for (index_t z = 0; z < n; ++z) {
                    weights[i * n + z] =
                        z < block.count ? u(output.first_row + i, block.first + z, k) : 0.0;
                }
            }
            add_to_layer(output, n, weights, g[l]);
        }
        kernels.slope_backward(slope_of(plan, block, l), n, layer.h, g[l], n, g[l], n);
        kernels.sum_over_lanes(n, layer.h, layer.k, g[l], n, block.layers[l].u, n,
                               sum + layer.offset, layer.h);
    }
}

}  // namespace

void compute_jvp(Tape& tape, MatrixView<const double> v, const OutputVectors<double>& out,
                 std::optional<int> requested) {
    const Plan& plan = tape.plan();
    const int n_threads = threads_for(flops(tape, out.count), requested);
    Workspace work;
    const Directions directions("jvp", v, work);
    if (out.count > 1) tape.keep();
    if (!tape.kept() || out.count <= 1) {
        tape.for_each_block(needs, n_threads, [&](index_t, const Block& block) {
            for (index_t k = 0; k < out.count; ++k) {
                write_jvp(plan, block, directions.column(k), k, out);
            }
        });
        return;
    }
    tape.for_each_block(needs, n_threads, [](index_t, const Block&) {});
    parallel_for(tape.n_blocks() * out.count, n_threads, [&](index_t task) {
        const index_t k = task % out.count;
        tape.with_block(task / out.count, needs, [&](index_t, const Block& block) {
            write_jvp(plan, block, directions.column(k), k, out);
        });
    });
}

void compute_vjp(Tape& tape, const OutputVectors<const double>& u, MatrixView<double> out,
                 std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    sum_for_vectors(
        "vjp", tape, needs, threads_for(flops(tape, u.count), n_threads), out, [](const Block&) {},
        [&](const Block& block, index_t k, double* sum) { add_vjp(plan, block, u, k, sum); },
        [](index_t, index_t, double sum) { return sum; });
}

void compute_jvp(Tape& tape, const double* v, MatrixView<double> out,
                 std::optional<int> n_threads) {
    const OutputVectors<double> one{out.data, {out.row_stride, out.col_stride, 0}, 1};
    compute_jvp(tape, {v, tape.plan().n_parameters, 1}, one, n_threads);
}

void compute_vjp(Tape& tape, MatrixView<const double> u, double* out,
                 std::optional<int> n_threads) {
    const OutputVectors<const double> one{u.data, {u.row_stride, u.col_stride, 0}, 1};
    compute_vjp(tape, one, {out, tape.plan().n_parameters, 1}, n_threads);
}

}  // namespace jacnet
