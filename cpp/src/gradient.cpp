/// Gradient of the performance: g_l u_l' summed over samples.

#include <algorithm>

#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

/// Samples are split into this many parts at most, each summed in order; the number of threads
/// has no say in it.
constexpr index_t max_parts = 16;
}  // namespace

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
    const index_t p = plan.n_parameters, n_blocks = tape.n_blocks();
    const index_t n_parts = std::clamp(n_blocks, index_t{1}, max_parts);
    const double flops = 3.0 * plan.forward_flops * static_cast<double>(tape.batch().size());
    Workspace work;
    double* parts = work.doubles(n_parts * p);
    parallel_for(n_parts, threads_for(flops, n_threads), [&](index_t part) {
        double* sum = parts + part * p;
        std::fill_n(sum, p, 0.0);
        const index_t last = n_blocks * (part + 1) / n_parts;
        for (index_t b = n_blocks * part / n_parts; b < last; ++b) {
            tape.with_block(b, {.order = Order::slope, .gradient = true},
                            [&](index_t, const Block& block) { add_gradient(plan, block, sum); });
        }
    });
    const bool regularized = plan.performance.regularization != 0.0;
    for (index_t i = 0; i < p; ++i) {
        double sum = 0.0;
        for (index_t part = 0; part < n_parts; ++part) sum += parts[part * p + i];
        g[i] = regularized ? sum + weight_penalty_slope(plan.performance, plan.wb()[i], p) : sum;
    }
}

}  // namespace jacnet
