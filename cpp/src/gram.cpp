/// Gram matrix of the Jacobian's columns, (dy/dw)'(dy/dw), without the Jacobian: for samples n, n'
/// and outputs m, m', the sum over layers of (u_l(n) . u_l(n')) (d_l,m(n) . d_l,m'(n')). The
/// empirical neural tangent kernel: Jacot, Gabriel and Hongler (2018), "Neural tangent kernel",
/// NeurIPS 31.

#include <algorithm>

#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

constexpr index_t tile = 64;  // samples; whole panels of every kernel

/// u and d of all samples, feature by feature, n samples apart.
struct Sides {
    index_t n = 0;
    std::vector<double*> u, d;
};

Sides gather(Tape& tape, int n_threads, Workspace& work) {
    const Plan& plan = tape.plan();
    Sides sides;
    sides.n = round_up(tape.batch().size(), tile);
    for (const PlanLayer& layer : plan.layers) {
        sides.u.push_back(work.doubles(sides.n * layer.k));
        sides.d.push_back(work.doubles(sides.n * layer.h * plan.n_outputs));
    }
    const Needs needs{.order = Order::slope, .sensitivities = true};
    tape.for_each_block(needs, n_threads, [&](index_t, const Block& block) {
        for (index_t l = 0; l < plan.n_layers(); ++l) {
            const PlanLayer& layer = plan.layers[at(l)];
            const LayerTape& from = block.layers[l];
            for (index_t c = 0; c < layer.k; ++c) {
                std::copy_n(from.u + c * block.n, block.count,
                            sides.u[at(l)] + c * sides.n + block.first);
            }
            for (index_t i = 0; i < layer.h * plan.n_outputs; ++i) {
                std::copy_n(from.d + i * block.n, block.count,
                            sides.d[at(l)] + i * sides.n + block.first);
            }
        }
    });
    // What stands beyond the last sample is multiplied, but never written.
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const index_t count = tape.batch().size();
        for (index_t c = 0; c < layer.k; ++c) {
            std::fill_n(sides.u[at(l)] + c * sides.n + count, sides.n - count, 0.0);
        }
        for (index_t i = 0; i < layer.h * plan.n_outputs; ++i) {
            std::fill_n(sides.d[at(l)] + i * sides.n + count, sides.n - count, 0.0);
        }
    }
    return sides;
}

/// out (tile x tile, column-major) = a' b over `features` of two tiles of samples.
void tile_product(index_t features, const double* a, const double* b, index_t n, double* out,
                  Workspace& work) {
    const Kernels& kernels = kernel_table();
    double* left = work.doubles(features * tile);
    double* right = work.doubles(features * tile + 16);
    index_t* rows = work.array<index_t>(tile);
    index_t* columns = work.array<index_t>(tile);
    for (index_t z = 0; z < tile; ++z) {
        rows[z] = z;
        columns[z] = z * tile;
    }
    kernels.pack_rows(features, tile, a, n, left);
    kernels.pack_columns(features, tile, 1.0, b, n, right);
    kernels.contract(features, tile, left, kernels.panel_rows * features, rows, tile, right,
                     columns, tile, out, false);
}

/// Samples [a, a + tile) by [b, b + tile).
void gram_tile(const Plan& plan, const Sides& sides, index_t a, index_t b, index_t count,
               const MatrixView<double>& g) {
    const index_t outputs = plan.n_outputs;
    Workspace work;
    double* sums = work.doubles(tile * tile * outputs);
    double* sources = work.doubles(tile * tile * plan.n_layers());
    double* own = work.doubles(tile * tile);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        Workspace scratch;
        tile_product(plan.layers[at(l)].k, sides.u[at(l)] + a, sides.u[at(l)] + b, sides.n,
                     sources + l * tile * tile, scratch);
    }
    const index_t n_rows = std::min(tile, count - a), n_columns = std::min(tile, count - b);
    for (index_t right = 0; right < outputs; ++right) {
        std::fill_n(sums, tile * tile * outputs, 0.0);
        for (index_t l = 0; l < plan.n_layers(); ++l) {
            const index_t h = plan.layers[at(l)].h;
            if (plan.layers[at(l)].k == 0) continue;
            const double* d = sides.d[at(l)];
            for (index_t left = 0; left < outputs; ++left) {
                Workspace scratch;
                tile_product(h, d + left * h * sides.n + a, d + right * h * sides.n + b, sides.n,
                             own, scratch);
                kernel_table().multiply(tile * tile, own, sources + l * tile * tile,
                                        sums + left * tile * tile, true);
            }
        }
        for (index_t c = 0; c < n_columns; ++c) {
            for (index_t r = 0; r < n_rows; ++r) {
                for (index_t left = 0; left < outputs; ++left) {
                    const double value = sums[left * tile * tile + c * tile + r];
                    const index_t i = (a + r) * outputs + left, j = (b + c) * outputs + right;
                    if (i > j) continue;
                    g(i, j) = value;
                    g(j, i) = value;
                }
            }
        }
    }
}

}  // namespace

void compute_gram(Tape& tape, MatrixView<double> g, std::optional<int> requested) {
    const Plan& plan = tape.plan();
    const index_t count = tape.batch().size();
    const double columns = static_cast<double>(count * plan.n_outputs);
    double neurons = 0.0;
    for (const PlanLayer& layer : plan.layers) neurons += static_cast<double>(layer.h);
    const int n_threads = threads_for(columns * columns * neurons, requested);
    Workspace work;
    const Sides sides = gather(tape, n_threads, work);
    const index_t n_tiles = sides.n / tile;
    parallel_for(n_tiles * (n_tiles + 1) / 2, n_threads, [&](index_t task) {
        index_t b = 0, first = 0;  // task = first(b) + a, a <= b
        while (first + b + 1 <= task) first += ++b;
        gram_tile(plan, sides, (task - first) * tile, b * tile, count, g);
    });
}

}  // namespace jacnet
