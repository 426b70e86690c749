/// J' v and J u as products with the layers: d_l' (V_l u_l), and the sum of (d_l u) u_l'.

#include "products.hpp"

#include <algorithm>

#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

constexpr Needs needs{.order = Order::slope, .gradient = false, .sensitivities = true};

double flops(const Tape& tape) {
    const double outputs = static_cast<double>(tape.plan().n_outputs + 2);
    return tape.plan().forward_flops * outputs * static_cast<double>(tape.batch().size());
}

}  // namespace

void compute_jvp(Tape& tape, const double* v, MatrixView<double> out,
                 std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const Kernels& kernels = kernel_table();
    tape.for_each_block(needs, threads_for(flops(tape), n_threads), [&](index_t, Block& block) {
        const index_t n = block.n;
        Workspace work;
        double* sum = work.doubles(n * plan.n_outputs);
        double* moved = work.doubles(n);
        std::fill_n(sum, n * plan.n_outputs, 0.0);
        for (index_t l = 0; l < plan.n_layers(); ++l) {
            const PlanLayer& layer = plan.layers[at(l)];
            Workspace own;
            double* s = own.doubles(n * layer.h);  // the direction's change of the net input
            kernels.layer_product(n, layer.h, layer.k, block.layers[l].u, n, v + layer.offset, 1,
                                  layer.h, s, n, false);
            for (index_t m = 0; m < plan.n_outputs; ++m) {
                for (index_t i = 0; i < layer.h; ++i) {
                    const double* d = block.layers[l].d + (m * layer.h + i) * n;
                    kernels.multiply(n, d, s + i * n, moved, false);
                    kernels.scale(n, moved, 1.0, sum + m * n, true);
                }
            }
        }
        for (index_t z = 0; z < block.count; ++z) {
            for (index_t m = 0; m < plan.n_outputs; ++m) out(m, block.first + z) = sum[m * n + z];
        }
    });
}

void compute_vjp(Tape& tape, MatrixView<const double> u, double* out,
                 std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const Kernels& kernels = kernel_table();
    sum_over_blocks(tape, needs, threads_for(flops(tape), n_threads), out,
                    [&](const Block& block, double* sum) {
                        const index_t n = block.n;
                        Workspace work;
                        double* weights = work.doubles(n * plan.n_outputs);
                        for (index_t m = 0; m < plan.n_outputs; ++m) {
                            for (index_t z = 0; z < n; ++z) {
                                weights[m * n + z] = z < block.count ? u(m, block.first + z) : 0.0;
                            }
                        }
                        for (index_t l = 0; l < plan.n_layers(); ++l) {
                            const PlanLayer& layer = plan.layers[at(l)];
                            Workspace own;
                            double* g = own.doubles(n * layer.h);
                            for (index_t i = 0; i < layer.h; ++i) {
                                for (index_t m = 0; m < plan.n_outputs; ++m) {
                                    kernels.multiply(n, block.layers[l].d + (m * layer.h + i) * n,
                                                     weights + m * n, g + i * n, m > 0);
                                }
                            }
                            kernels.sum_over_lanes(n, layer.h, layer.k, g, n, block.layers[l].u, n,
                                                   sum + layer.offset, layer.h);
                        }
                    });
}

}  // namespace jacnet
