/// Diagonal of the Hessian, sum_n B_ll[i, i] u_l[p]^2, and of the Gauss-Newton matrix, where
/// B_ll[i, i] is also sum_mm' d_l[i, m] Lambda_mm' d_l[i, m']: neither needs more than the
/// curvatures of a layer's neurons with themselves. Becker and LeCun (1988) approximate this; here
/// it is exact.

#include <algorithm>

#include "curvature.hpp"
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

/// sum[p * h + i] += the sum over lanes of x_i u_p^2; x_i are `step` doubles apart.
void add_squares(const Block& block, const PlanLayer& layer, index_t l, const double* x,
                 index_t step, double* sum) {
    const Kernels& kernels = kernel_table();
    Workspace work;
    double* squares = work.doubles(block.n * layer.k);
    const double* u = block.layers[l].u;
    kernels.multiply(block.n * layer.k, u, u, squares, false);
    kernels.sum_over_lanes(block.n, layer.h, layer.k, x, step, squares, block.n, sum + layer.offset,
                           layer.h);
}

void add_curvatures(const Plan& plan, const Block& block, Curvature kind,
                    const CurvaturePairs& pairs, double* sum) {
    Workspace work;
    const CurvatureTape tape(plan, block, kind, Objective::performance, work, &pairs);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        if (!only_diagonal(plan, l)) {
            add_squares(block, layer, l, tape.b(l, l), (layer.h + 1) * block.n, sum);
            continue;
        }
        Workspace scratch;
        double* diagonal = scratch.doubles(block.n * layer.h);
        own_diagonal(plan, block, kind, tape, l, diagonal);
        add_squares(block, layer, l, diagonal, block.n, sum);
    }
}

/// Adds d_l' Lambda d_l of one output's loss to the diagonals, all neurons of layer l. The softmax
/// form, sum_{m<r} a_m a_r (d_m - d_r)^2, has no terms that cancel.
void add_output(const Plan& plan, const Block& block, const PlanOutput& output, index_t l,
                const double* second, double* diagonal) {
    const Kernels& kernels = kernel_table();
    const index_t h = plan.layers[at(l)].h, n = block.n;
    const bool softmax =
        loss_form(plan, output, Objective::performance) == LossForm::softmax_entropy;
    const double* d = block.layers[l].d + output.first_row * h * n;
    Workspace work;
    double* square = work.doubles(n * h);
    for (index_t m = 0; m < output.rows; ++m) {
        const double* own = d + m * h * n;
        if (!softmax) {
            kernels.multiply(n * h, own, own, square, false);
            for (index_t i = 0; i < h; ++i) {
                kernels.multiply(n, square + i * n, second + (m + m * output.rows) * n,
                                 diagonal + i * n, true);
            }
            continue;
        }
        for (index_t r = 0; r < m; ++r) {
            const double* weight = second + (m + r * output.rows) * n;  // -a_m a_r
            for (index_t i = 0; i < h; ++i) {
                for (index_t z = 0; z < n; ++z) {
                    const double gap = own[i * n + z] - d[(r * h + i) * n + z];
                    diagonal[i * n + z] -= weight[z] * gap * gap;
                }
            }
        }
    }
}

/// The Gauss-Newton diagonal from the sensitivities.
void add_sensitivities(const Plan& plan, Block& block, double* sum) {
    const index_t n = block.n;
    Workspace work;
    reserve_sensitivities(plan, block, work);
    From* from = work.array<From>(plan.n_outputs);
    double** second = work.array<double*>(static_cast<index_t>(plan.outputs.size()));
    for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
        const PlanOutput& output = plan.outputs[o];
        second[o] = work.doubles(n * output.rows * output.rows);
        const From start =
            second_derivatives(plan, block, output, Objective::performance, second[o]);
        std::fill_n(from + output.first_row, output.rows, start);
    }
    sensitivities(plan, block, from);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        Workspace scratch;
        double* diagonal = scratch.doubles(n * layer.h);
        std::fill_n(diagonal, n * layer.h, 0.0);
        for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
            add_output(plan, block, plan.outputs[o], l, second[o], diagonal);
        }
        add_squares(block, layer, l, diagonal, n, sum);
    }
}

/// Flops per sample of one way and the other.
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

double sensitivity_flops(const Plan& plan) {
    double sum = 0.0;
    for (const PlanLayer& layer : plan.layers) {
        sum += static_cast<double>(plan.n_outputs) * 2.0 * static_cast<double>(layer.size());
        for (const PlanOutput& output : plan.outputs) {
            const LossForm form = loss_form(plan, output, Objective::performance);
            const index_t each = form == LossForm::softmax_entropy ? output.rows : index_t{1};
            sum += 2.0 * static_cast<double>(output.rows * each * layer.h);
        }
    }
    return sum;
}

}  // namespace

void compute_curvature_diagonal(const Plan& plan, const Batch& batch, Curvature kind, double* d,
                                std::optional<int> requested) {
    const CurvaturePairs pairs = pairs_for(plan);
    const double recursion = curvature_flops(plan, pairs), columns = sensitivity_flops(plan);
    const bool by_columns =
        kind == Curvature::gauss_newton && !plan.own_loss && columns < recursion;
    const double flops = 5.0 * plan.forward_flops + (by_columns ? columns : recursion);
    const int n_threads = threads_for(flops * static_cast<double>(batch.size()), requested);
    constexpr index_t cached_doubles = index_t{1} << 17;
    index_t per_sample = pairs.doubles() + 1;
    if (by_columns) per_sample = 1;
    for (const PlanLayer& layer : plan.layers) {
        per_sample += layer.k_all + layer.h * (by_columns ? 6 + plan.n_outputs : 6);
    }
    const index_t chunk =
        std::clamp(cached_doubles / per_sample / lanes * lanes, index_t{16}, index_t{128});
    const double scale = data_scale(plan.performance, batch.counted);
    sum_over_chunks(
        plan, batch, chunk, n_threads, d, [&](index_t first, index_t count, double* sum) {
            Workspace work;
            Block block = forward_block(plan, batch, first, count, order_for(kind), scale, work);
            if (by_columns) {
                add_sensitivities(plan, block, sum);
                return;
            }
            backward(plan, block, Objective::performance);
            add_curvatures(plan, block, kind, pairs, sum);
        });
}

void compute_hessian_diagonal(const Plan& plan, const Batch& batch, Curvature kind, double* d,
                              std::optional<int> n_threads) {
    compute_curvature_diagonal(plan, batch, kind, d, n_threads);
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    for (index_t i = 0; i < plan.n_parameters; ++i) d[i] += penalty;
}

}  // namespace jacnet
