/// Gradient of the performance: g_l u_l' summed over samples.

#include <algorithm>

#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

void add_gradient(const Plan& plan, const Block& block, double* gradient) {
    for (std::size_t l = 0; l < plan.layers.size(); ++l) {
        const PlanLayer& layer = plan.layers[l];
        const LayerTape& tape = block.layers[l];
        kernel_table().sum_over_lanes(block.n, layer.h, layer.k, tape.g, block.n, tape.u, block.n,
                                      gradient + layer.offset, layer.h);
    }
}

void compute_gradient(Tape& tape, VectorView<double> g, std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const index_t p = plan.n_parameters;
    const double flops = 3.0 * plan.forward_flops * static_cast<double>(tape.batch().size());
    const bool regularized = plan.performance.regularization != 0.0;
    sum_over_blocks(
        tape, {.order = Order::slope, .gradient = true}, threads_for(flops, n_threads),
        [&](index_t i, double sum) {
            g[i] =
                regularized ? sum + weight_penalty_slope(plan.performance, plan.wb()[i], p) : sum;
        },
        [&](const Block& block, double* part) { add_gradient(plan, block, part); });
}

}  // namespace jacnet
