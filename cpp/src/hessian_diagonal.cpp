/// Diagonal of the Hessian, sum_n B_ll[i, i] u_l[p]^2, and of the Gauss-Newton matrix: neither
/// needs more than the curvatures of a layer's neurons with themselves. They come from sums of
/// squares where these do, else from the recursion. Becker and LeCun (1988) approximate them; here
/// they are exact.

#include <algorithm>

#include "curvature.hpp"
#include "curvature_squares.hpp"
#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Nobody asks for more of such a layer's curvature than its diagonal.
bool only_diagonal(const Plan& plan, index_t l) {
    const PlanLayer& layer = plan.layers[at(l)];
    return !layer.reads_layers() && !layer.matrix_slope && layer.output < 0;
}

CurvaturePairs pairs_for(const Plan& plan) {
    CurvaturePairs pairs(plan);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        if (!only_diagonal(plan, l)) {
            pairs.want_b(l, l);
            continue;
        }
        for (const Successor& s : plan.layers[at(l)].successors) pairs.want_b(l, s.layer);
    }
    pairs.close();
    return pairs;
}

/// B_ll[i, i] = f_i' sum_s (B_ls W_sl)[i, i] + f_i'' v_i for such a layer, n x h.
void own_diagonal(const Plan& plan, const Block& block, Curvature kind, const CurvatureTape& tape,
                  index_t l, double* diagonal) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan.layers[at(l)];
    const LayerTape& own = block.layers[l];
    const index_t n = block.n;
    for (index_t i = 0; i < layer.h; ++i) {
        double* sum = diagonal + i * n;
        std::fill_n(sum, n, 0.0);
        for (const Successor& s : layer.successors) {
            const index_t hs = plan.layers[at(s.layer)].h;
            kernels.layer_product(n, 1, hs, tape.b(l, s.layer) + i * n, layer.h * n,
                                  plan.weights(s) + i * hs, 0, 1, sum, n, true);
        }
        kernels.multiply(n, own.d1 + i * n, sum, sum, false);
        if (kind == Curvature::exact) kernels.multiply(n, own.d2 + i * n, own.v + i * n, sum, true);
    }
}

void add_curvatures(const Plan& plan, const Block& block, Curvature kind,
                    const CurvaturePairs& pairs, double* sum) {
    Workspace work;
    const CurvatureTape tape(plan, block, kind, Objective::performance, work, &pairs);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        if (!only_diagonal(plan, l)) {
            add_diagonal(plan, block, l, tape.b(l, l), (layer.h + 1) * block.n, sum);
            continue;
        }
        Workspace scratch;
        double* diagonal = scratch.doubles(block.n * layer.h);
        own_diagonal(plan, block, kind, tape, l, diagonal);
        add_diagonal(plan, block, l, diagonal, block.n, sum);
    }
}

/// Flops of the recursion per sample.
double curvature_flops(const Plan& plan, const CurvaturePairs& pairs) {
    double sum = 0.0;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        for (index_t k = l; k < plan.n_layers(); ++k) {
            if (!pairs.b(l, k)) continue;
            for (const Successor& s : plan.layers[at(l)].successors) {
                sum += 2.0 * static_cast<double>(plan.layers[at(l)].h * plan.layers[at(k)].h *
                                                 plan.layers[at(s.layer)].h);
            }
        }
    }
    return sum;
}

}  // namespace

void compute_curvature_diagonal(const Plan& plan, const Batch& batch, Curvature kind, double* d,
                                std::optional<int> requested) {
    const CurvaturePairs pairs = pairs_for(plan);
    const double recursion = curvature_flops(plan, pairs), squares = squares_flops(plan, kind);
    const bool by_squares = squares_suffice(plan, kind) && squares < recursion;
    const double flops = 5.0 * plan.forward_flops + (by_squares ? squares : recursion);
    const int n_threads = threads_for(flops * static_cast<double>(batch.size()), requested);
    constexpr index_t cached_doubles = index_t{1} << 17;
    index_t per_sample = pairs.doubles() + 1;
    if (by_squares) per_sample = 1;
    for (const PlanLayer& layer : plan.layers) {
        per_sample += layer.k_all + layer.h * (by_squares ? 8 + plan.n_outputs : 6);
    }
    const index_t chunk =
        std::clamp(cached_doubles / per_sample / lanes * lanes, index_t{16}, index_t{128});
    const double scale = data_scale(plan.performance, batch.counted);
    sum_over_chunks(
        plan, batch, chunk, n_threads, d, [&](index_t first, index_t count, double* sum) {
            Workspace work;
            Block block = forward_block(plan, batch, first, count, order_for(kind), scale, work);
            const bool gradient = !by_squares || kind == Curvature::exact;
            if (gradient) backward(plan, block, Objective::performance);
            if (by_squares) {
                add_diagonal_squares(plan, block, kind, sum);
            } else {
                add_curvatures(plan, block, kind, pairs, sum);
            }
        });
}

void compute_hessian_diagonal(const Plan& plan, const Batch& batch, Curvature kind, double* d,
                              std::optional<int> n_threads) {
    compute_curvature_diagonal(plan, batch, kind, d, n_threads);
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    for (index_t i = 0; i < plan.n_parameters; ++i) d[i] += penalty;
}

}  // namespace jacnet
