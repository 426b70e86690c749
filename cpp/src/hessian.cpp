/// Hessian and Gauss-Newton matrix: one contraction over samples per pair of layers.
///
/// Block (l, k), l < k: sum_n u_l[p] (B_lk[i, j] u_k[q] + g_k[j] dC[i, q]), a matrix product over
/// samples for every column (q, j); block (l, l): sum_n u_l[p] u_l[q] B_ll[i, j], a product over
/// samples of the pairs i <= j with the pairs p <= q.

#include <algorithm>

#include "curvature.hpp"
#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// One share of a block pair, owned by one task: columns [begin, end) of j (l < k) or q (l == k).
struct Tile {
    index_t l, k, begin, end;
};

std::vector<Tile> tiles(const Plan& plan) {
    std::vector<Tile> all;
    const auto cut = [&](index_t l, index_t k, index_t size, double flops) {
        constexpr double flops_per_tile = 2e5;  // for one sample of a hundred
        const index_t parts =
            std::clamp(static_cast<index_t>(flops * 100.0 / flops_per_tile), index_t{1}, size);
        for (index_t part = 0; part < parts; ++part) {
            all.push_back({l, k, size * part / parts, size * (part + 1) / parts});
        }
    };
    for (index_t l = 0; l < static_cast<index_t>(plan.layers.size()); ++l) {
        const PlanLayer& a = plan.layers[at(l)];
        if (a.size() == 0) continue;
        for (index_t k = l; k < static_cast<index_t>(plan.layers.size()); ++k) {
            const PlanLayer& b = plan.layers[at(k)];
            if (b.size() == 0) continue;
            const double flops = 2.0 * static_cast<double>(a.size() * b.size());
            if (k == l) {
                cut(l, l, a.k, flops / 4.0);
            } else {
                cut(l, k, b.h, flops);
            }
        }
    }
    return all;
}

/// The target: P x P, column-major; only the upper triangle of blocks is written.
struct Target {
    double* h;
    index_t ld;
    bool accumulate;

    double* column(index_t row, index_t col) const { return h + row + col * ld; }
    void put(double* to, double value) const { *to = accumulate ? *to + value : value; }
};

/// What a column q of u_k depends on beyond layer l: dC[:, q] of the block, or none.
struct Dependence {
    const double* c = nullptr;  ///< n x h_l, full
    index_t diagonal_row = -1;  ///< or: f' of this row of layer l, elsewhere zero
    bool layer_itself = false;  ///< reads a_l itself
};

Dependence dependence(const Plan& plan, const Block& block, const CurvatureTape& tape, index_t l,
                      index_t k, index_t q) {
    if (tape.kind() != Curvature::exact) return {};
    for (const Feed& feed : plan.layers[at(k)].feeds) {
        if (q < feed.column || q >= feed.column + feed.width) continue;
        if (feed.kind != SourceKind::layer || feed.source < l) return {};
        const index_t row = q - feed.column;
        if (feed.source == l) return {.c = nullptr, .diagonal_row = row, .layer_itself = true};
        return {.c = tape.c(l, feed.source) + row * plan.layers[at(l)].h * block.n};
    }
    return {};
}

/// bracket = B_lk[:, j] u_k[q] + g_k[j] dC[:, q], n x h_l.
void form_bracket(const Plan& plan, const Block& block, const CurvatureTape& tape, index_t l,
                  index_t k, index_t j, index_t q, double* out, double* scratch) {
    const Kernels& kernels = kernel_table();
    const index_t h = plan.layers[at(l)].h, n = block.n;
    const double* b = tape.b(l, k) + j * h * n;
    const double* u = block.layers[at(k)].u + q * n;
    const double* g = block.layers[at(k)].g + j * n;
    const Dependence d = dependence(plan, block, tape, l, k, q);
    if (d.layer_itself && plan.layers[at(l)].matrix_slope) {
        // da_q/deps_i over i is F' of the unit vector q.
        std::fill_n(scratch, n * h, 0.0);
        std::fill_n(scratch + d.diagonal_row * n, n, 1.0);
        kernels.slope_backward(slope_of(plan, block, l, {0, n}), n, h, scratch, n, scratch, n);
        kernels.bracket(n, h, b, n, u, g, scratch, n, out, n);
        return;
    }
    kernels.bracket(n, h, b, n, u, g, d.c, n, out, n);
    if (d.layer_itself) {
        kernels.multiply(n, g, block.layers[at(l)].d1 + d.diagonal_row * n,
                         out + d.diagonal_row * n, true);
    }
}

void off_diagonal(const Plan& plan, const Block& block, const CurvatureTape& tape, const Tile& tile,
                  const Target& target) {
    const PlanLayer& a = plan.layers[at(tile.l)];
    const PlanLayer& b = plan.layers[at(tile.k)];
    const index_t n = block.n;
    const index_t together = std::clamp(index_t{64} / a.h, index_t{1}, b.k);  // columns q at once
    Workspace work;
    double* brackets = work.doubles(n * a.h * together);
    double* product = work.doubles(a.h * together * a.k);
    double* scratch = work.doubles(n * a.h);
    for (index_t j = tile.begin; j < tile.end; ++j) {
        for (index_t q = 0; q < b.k; q += together) {
            const index_t width = std::min(together, b.k - q);
            for (index_t w = 0; w < width; ++w) {
                form_bracket(plan, block, tape, tile.l, tile.k, j, q + w, brackets + w * a.h * n,
                             scratch);
            }
            const index_t rows = a.h * width;
            kernel_table().gemm(true, false, rows, a.k, n, brackets, n, block.layers[at(tile.l)].u,
                                n, product, rows, false);
            for (index_t w = 0; w < width; ++w) {
                double* column = target.column(a.offset, b.offset + (q + w) * b.h + j);
                for (index_t p = 0; p < a.k; ++p) {
                    const double* from = product + p * rows + w * a.h;
                    double* to = column + p * a.h;
                    if (target.accumulate) {
                        for (index_t i = 0; i < a.h; ++i) to[i] += from[i];
                    } else {
                        std::copy_n(from, a.h, to);
                    }
                }
            }
        }
    }
}

/// Compressed pairs i <= j of B_ll, made once per block of samples: n x h (h + 1) / 2.
void compress(const Plan& plan, const Block& block, const CurvatureTape& tape, index_t l,
              const Chunk& chunk, double* pairs) {
    const index_t h = plan.layers[at(l)].h, n = block.n;
    double* to = pairs + chunk.begin;
    for (index_t j = 0; j < h; ++j) {
        for (index_t i = 0; i <= j; ++i, to += n) {
            std::copy_n(tape.b(l, l) + (i + h * j) * n + chunk.begin, chunk.n, to);
        }
    }
}

void diagonal(const Plan& plan, const Block& block, const double* pairs, const Tile& tile,
              const Target& target) {
    const PlanLayer& a = plan.layers[at(tile.l)];
    const index_t n = block.n, h = a.h, n_pairs = h * (h + 1) / 2;
    const double* u = block.layers[at(tile.l)].u;
    constexpr index_t together = 64;  // pairs (p, q) at once
    Workspace work;
    double* products = work.doubles(n * together);
    double* sums = work.doubles(n_pairs * together);
    index_t members[together][2];
    index_t count = 0;
    const auto flush = [&] {
        kernel_table().gemm(true, false, n_pairs, count, n, pairs, n, products, n, sums, n_pairs,
                            false);
        for (index_t c = 0; c < count; ++c) {
            const index_t p = members[c][0], q = members[c][1];
            const double* from = sums + c * n_pairs;
            for (index_t j = 0; j < h; ++j) {
                double* column = target.column(a.offset + p * h, a.offset + q * h + j);
                for (index_t i = 0; i <= j; ++i, ++from) {
                    target.put(column + i, *from);
                    // Below the diagonal of a sub-block p < q, which is symmetric itself.
                    if (p < q && i < j) {
                        target.put(target.column(a.offset + p * h + j, a.offset + q * h + i),
                                   *from);
                    }
                }
            }
        }
        count = 0;
    };
    for (index_t q = tile.begin; q < tile.end; ++q) {
        for (index_t p = 0; p <= q; ++p) {
            kernel_table().multiply(n, u + p * n, u + q * n, products + count * n, false);
            members[count][0] = p;
            members[count][1] = q;
            if (++count == together) flush();
        }
    }
    if (count > 0) flush();
}

/// Samples per block: enough to amortise a pass over the P x P result, few enough for the caches.
index_t samples_per_block(const Plan& plan, Curvature kind) {
    constexpr index_t budget = index_t{32} << 17;  // 32 MiB of doubles
    const index_t per_lane = std::max(CurvatureTape::doubles_per_lane(plan, kind), index_t{1});
    return std::clamp(budget / per_lane / lanes * lanes, index_t{32}, index_t{512});
}

void mirror(double* h, index_t p, index_t ld, int n_threads) {
    constexpr index_t columns = 128;
    parallel_for((p + columns - 1) / columns, n_threads, [&](index_t task) {
        const index_t first = task * columns;
        kernel_table().mirror(p, first, std::min(first + columns, p), h, ld);
    });
}

double total_flops(const Plan& plan, index_t samples) {
    const double p = static_cast<double>(plan.n_parameters);
    return p * p * static_cast<double>(samples + 2);
}

}  // namespace

double contract_curvature(const Plan& plan, const Batch& batch, Objective objective, Curvature kind,
                          double scale, double* h, index_t ld, double* gradient, int n_threads) {
    const index_t p = plan.n_parameters, n_layers = static_cast<index_t>(plan.layers.size());
    n_threads = threads_for(total_flops(plan, batch.size()), n_threads);
    if (gradient) std::fill_n(gradient, p, 0.0);
    if (batch.size() == 0) {
        for (index_t j = 0; j < p; ++j) std::fill_n(h + j * ld, p, 0.0);
        return 0.0;
    }
    const std::vector<Tile> work_list = tiles(plan);
    const index_t step = samples_per_block(plan, kind);
    const Order order = kind == Curvature::exact ? Order::curvature : Order::slope;
    double loss = 0.0;
    for (index_t first = 0; first < batch.size(); first += step) {
        Workspace work;
        Block block = make_block(plan, first, std::min(step, batch.size() - first), order, work);
        reserve_gradient(plan, block, work);
        CurvatureTape tape(plan, block, kind, work);
        std::vector<double*> pairs;
        for (const PlanLayer& layer : plan.layers) {
            pairs.push_back(work.doubles(block.n * layer.h * (layer.h + 1) / 2));
        }
        std::vector<double> losses(at(n_chunks(block.n)));
        parallel_for(n_chunks(block.n), n_threads, [&](index_t task) {
            const Chunk chunk = chunk_of(block.n, task);
            forward(plan, batch, block, chunk, order);
            load_targets(plan, batch, block, chunk, scale);
            backward(plan, block, chunk, objective);
            tape.fill(chunk, objective);
            for (index_t l = 0; l < n_layers; ++l) {
                compress(plan, block, tape, l, chunk, pairs[at(l)]);
            }
            for (const PlanOutput& output : plan.outputs) {
                if (objective == Objective::half_sse) {
                    losses[at(task)] += loss_value(Performance::sse, LossForm::output,
                                                   loss_lanes(plan, block, output, chunk));
                }
            }
        });
        for (const double chunk : losses) loss += chunk;
        const Target target{h, ld, first > 0};
        parallel_for(static_cast<index_t>(work_list.size()), n_threads, [&](index_t task) {
            const Tile& tile = work_list[at(task)];
            if (tile.l == tile.k) {
                diagonal(plan, block, pairs[at(tile.l)], tile, target);
            } else {
                off_diagonal(plan, block, tape, tile, target);
            }
        });
        if (gradient) add_gradient(plan, block, {0, block.n}, gradient);
    }
    mirror(h, p, ld, n_threads);
    return loss;
}

void compute_hessian(const Plan& plan, const Batch& batch, Curvature kind, MatrixView<double> h,
                     int n_threads) {
    const double scale = data_scale(plan.performance, batch.counted);
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    with_symmetric_target(h, [&](double* data, index_t ld) {
        contract_curvature(plan, batch, Objective::performance, kind, scale, data, ld, nullptr,
                           n_threads);
        for (index_t i = 0; penalty != 0.0 && i < plan.n_parameters; ++i)
            data[i + i * ld] += penalty;
    });
}

}  // namespace jacnet
