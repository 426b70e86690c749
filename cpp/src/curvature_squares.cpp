#include "curvature_squares.hpp"

#include <algorithm>
#include <vector>

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

LossForm form_of(const Plan& plan, const PlanOutput& output) {
    return loss_form(plan, output, Objective::performance);
}

/// Whether a layer has curvature of its own, K. Where nothing but a loss at the net input reads it,
/// v is 0.
bool has_curvature(const Plan& plan, index_t l) {
    const PlanLayer& layer = plan.layers[at(l)];
    const bool unread = layer.successors.empty() && layer.output >= 0 &&
                        !splits_at_output(form_of(plan, plan.outputs[at(layer.output)]));
    return !unread && (layer.matrix_slope || bends(layer.transfer));
}

/// Whether the curvature of layer s reaches those below over one connection each, with slopes that
/// are diagonal.
bool reaches_directly(const Plan& plan, index_t s) {
    if (plan.layers[at(s)].matrix_slope) return false;
    std::vector<char> reaches(at(plan.n_layers()), 0);
    for (index_t l = s - 1; l >= 0; --l) {
        for (const Successor& next : plan.layers[at(l)].successors) {
            if (next.layer != s && reaches[at(next.layer)]) return false;
            if (next.layer == s) reaches[at(l)] = 1;
        }
        if (reaches[at(l)] && plan.layers[at(l)].matrix_slope) return false;
    }
    return true;
}

/// Adds d_l' Lambda d_l of one output's loss to the diagonals, all neurons of layer l. The softmax
/// form, sum_{m<r} a_m a_r (d_m - d_r)^2, has no terms that cancel.
void add_output(const Plan& plan, const Block& block, const PlanOutput& output, index_t l,
                const double* second, double* diagonal) {
    const Kernels& kernels = kernel_table();
    const index_t h = plan.layers[at(l)].h, n = block.n;
    const bool softmax = form_of(plan, output) == LossForm::softmax_entropy;
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

/// The sensitivities of a block, and second derivatives of the loss for each output, n x (rows x
/// rows).
double** load_outputs(const Plan& plan, Block& block, Workspace& work) {
    const index_t n = block.n;
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
    return second;
}

/// Adds K_l[i, i] + f_i'^2 sum_s sum_j W_sl[j, i]^2 K_s[j, j], all neurons of layer l.
void add_neurons(const Plan& plan, const Block& block, index_t l, double* diagonal) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan.layers[at(l)];
    const LayerTape& own = block.layers[l];
    const index_t n = block.n, size = n * layer.h;
    if (has_curvature(plan, l)) kernels.multiply(size, own.d2, own.v, diagonal, true);
    Workspace work;
    double* sum = work.doubles(size);
    bool accumulate = false;
    for (const Successor& s : layer.successors) {
        if (!has_curvature(plan, s.layer)) continue;
        const LayerTape& next = block.layers[s.layer];
        const index_t hs = plan.layers[at(s.layer)].h;
        double* k = work.doubles(n * hs);
        double* squares = work.doubles(hs * layer.h);
        kernels.multiply(n * hs, next.d2, next.v, k, false);
        const double* weights = plan.weights(s);
        std::transform(weights, weights + hs * layer.h, squares, [](double w) { return w * w; });
        kernels.layer_product(n, layer.h, hs, k, n, squares, hs, 1, sum, n, accumulate);
        accumulate = true;
    }
    if (!accumulate) return;
    kernels.multiply(size, own.d1, sum, sum, false);
    kernels.multiply(size, own.d1, sum, diagonal, true);
}

}  // namespace

bool squares_suffice(const Plan& plan, Curvature kind) {
    if (plan.own_loss) return false;
    for (index_t s = 0; kind == Curvature::exact && s < plan.n_layers(); ++s) {
        if (has_curvature(plan, s) && !reaches_directly(plan, s)) return false;
    }
    return true;
}

double squares_flops(const Plan& plan, Curvature kind) {
    double sum = 0.0;
    for (const PlanLayer& layer : plan.layers) {
        const index_t products = plan.n_outputs + (kind == Curvature::exact ? 1 : 0);
        sum += 2.0 * static_cast<double>(products * layer.size());
        for (const PlanOutput& output : plan.outputs) {
            const bool softmax = form_of(plan, output) == LossForm::softmax_entropy;
            const index_t each = softmax ? output.rows : index_t{1};
            sum += 2.0 * static_cast<double>(output.rows * each * layer.h);
        }
    }
    return sum;
}

void add_diagonal_squares(const Plan& plan, Block& block, Curvature kind, double* sum) {
    const index_t n = block.n;
    Workspace work;
    double** second = load_outputs(plan, block, work);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const index_t h = plan.layers[at(l)].h;
        Workspace scratch;
        double* diagonal = scratch.doubles(n * h);
        std::fill_n(diagonal, n * h, 0.0);
        for (std::size_t o = 0; o < plan.outputs.size(); ++o) {
            add_output(plan, block, plan.outputs[o], l, second[o], diagonal);
        }
        if (kind == Curvature::exact) add_neurons(plan, block, l, diagonal);
        add_diagonal(plan, block, l, diagonal, n, sum);
    }
}

void add_diagonal(const Plan& plan, const Block& block, index_t l, const double* x, index_t step,
                  double* sum) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan.layers[at(l)];
    Workspace work;
    double* squares = work.doubles(block.n * layer.k);
    const double* u = block.layers[l].u;
    kernels.multiply(block.n * layer.k, u, u, squares, false);
    kernels.sum_over_lanes(block.n, layer.h, layer.k, x, step, squares, block.n, sum + layer.offset,
                           layer.h);
}

}  // namespace jacnet
