/// Stagewise second-order backpropagation at the net inputs: Mizutani and Dreyfus (2008), "Second-
/// order stagewise backpropagation for Hessian-matrix analyses and investigation of negative
/// curvature", Neural Networks 21; Bishop (1992), Neural Computation 4. For l descending,
///   B_lk = sum_s F_l' W_sl' B_sk,  B_ll = sum_s B_ls W_sl F_l + K_l (+ the loss's own curvature),
///   C_lk = (sum_r C_lr W_kr') F_k'.
/// Gauss-Newton is the same without K.

#include "curvature.hpp"

#include <algorithm>

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

CurvaturePairs::CurvaturePairs(const Plan& plan)
    : plan_(plan),
      b_(at(plan.n_layers() * plan.n_layers()), 0),
      c_(at(plan.n_layers() * plan.n_layers()), 0) {}

void CurvaturePairs::close() {
    const index_t n_layers = plan_.n_layers();
    for (index_t l = 0; l < n_layers; ++l) {
        for (index_t k = l; k < n_layers; ++k) {
            if (!b(l, k)) continue;
            for (const Successor& s : plan_.layers[at(l)].successors) {
                want_b(std::min(s.layer, k), std::max(s.layer, k));
            }
        }
        for (index_t k = n_layers - 1; k > l; --k) {
            if (!c(l, k)) continue;
            for (const Feed& feed : plan_.layers[at(k)].feeds) {
                if (feed.kind != SourceKind::layer || feed.source < l) continue;
                if (feed.source > l || plan_.layers[at(l)].matrix_slope) want_c(l, feed.source);
            }
        }
    }
}

index_t CurvaturePairs::doubles() const {
    index_t sum = 0;
    for (index_t l = 0; l < plan_.n_layers(); ++l) {
        for (index_t k = l; k < plan_.n_layers(); ++k) {
            sum +=
                (b_[index(l, k)] + c_[index(l, k)]) * plan_.layers[at(l)].h * plan_.layers[at(k)].h;
        }
    }
    return sum;
}

CurvatureTape::CurvatureTape(const Plan& plan, const Block& block, Curvature kind,
                             Objective objective, Workspace& work, const CurvaturePairs* pairs)
    : plan_(plan), block_(block), kind_(kind), objective_(objective) {
    const index_t n_layers = plan.n_layers();
    b_ = work.array<double*>(n_layers * n_layers);
    c_ = work.array<double*>(n_layers * n_layers);
    for (index_t l = 0; l < n_layers; ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        for (index_t k = l; k < n_layers; ++k) {
            const index_t size = block.n * layer.h * plan.layers[at(k)].h;
            const bool possible = kind == Curvature::exact && (k > l || layer.matrix_slope);
            const bool wanted = possible && (!pairs || pairs->c(l, k));
            b_[index(l, k)] = !pairs || pairs->b(l, k) ? work.doubles(size) : nullptr;
            c_[index(l, k)] = wanted ? work.doubles(size) : nullptr;
        }
    }
    if (plan.own_loss && plan.outputs.size() > 1) {
        Block outputs = block;
        outputs.layers = work.array<LayerTape>(n_layers);
        std::copy_n(block.layers, n_layers, outputs.layers);
        reserve_sensitivities(plan, outputs, work);
        sensitivities(plan, outputs);
        d_ = work.array<double*>(n_layers);
        for (index_t l = 0; l < n_layers; ++l) d_[l] = outputs.layers[l].d;
    }
    for (index_t l = n_layers - 1; l >= 0; --l) {
        const PlanLayer& layer = plan_.layers[at(l)];
        for (index_t k = n_layers - 1; k >= l; --k) {
            if (!b_[index(l, k)]) continue;
            recur_b(l, k);
            if (d_ && layer.output >= 0) add_coupling(l, k);
        }
        if (kind_ == Curvature::exact) {
            const LayerTape& tape = block_.layers[l];
            if (b_[index(l, l)]) {
                kernel_table().add_curvature(slope_of(plan_, block_, l), tape.d2, block_.n, layer.h,
                                             tape.v, block_.n, b_[index(l, l)], block_.n);
            }
            if (c_[index(l, l)]) fill_slope(l);
            for (index_t k = l + 1; k < n_layers; ++k) {
                if (c_[index(l, k)]) recur_c(l, k);
            }
        }
        if (b_[index(l, l)]) add_output_curvature(l);
    }
}

namespace {

/// Element (i, j) of the second derivative of a loss from outside, over the lanes of a block.
void load_loss_curvature(const Block& block, index_t i, index_t j, double* lanes) {
    const OutputLoss& loss = *block.loss;
    for (index_t z = 0; z < block.n; ++z) {
        const double* own = loss.curvature + (block.first + z) * loss.strides[0];
        const auto element = [&](index_t r, index_t c) {
            if (loss.diagonal) return r == c ? own[r * loss.strides[1]] : 0.0;
            return own[r * loss.strides[1] + c * loss.strides[2]];
        };
        lanes[z] = z < block.count ? 0.5 * (element(i, j) + element(j, i)) : 0.0;
    }
}

}  // namespace

/// D' diag(d2E/dy2) D of an output, h x h.
double* CurvatureTape::elementwise_curvature(const PlanOutput& output, Workspace& work) const {
    const index_t h = plan_.layers[at(output.layer)].h, n = block_.n;
    double* own = work.doubles(n * h * h);
    double* slope = work.doubles(n * output.rows);
    double* second = work.doubles(n * output.rows);
    loss_output_slopes(plan_, objective_, loss_lanes(plan_, block_, output), slope, second, n);
    std::fill_n(own, n * h * h, 0.0);
    for (index_t j = 0; j < h; ++j) {
        for (index_t i = 0; i < h; ++i) {
            for (index_t m = 0; m < output.rows; ++m) {
                const double gain = output.linear(m, i) * output.linear(m, j);
                if (gain == 0.0) continue;
                kernel_table().scale(n, second + m * n, gain, own + (i + h * j) * n, true);
            }
        }
    }
    return own;
}

/// D' L D of an output's own rows for a loss from outside, h x h.
double* CurvatureTape::own_loss_curvature(const PlanOutput& output, Workspace& work) const {
    const Kernels& kernels = kernel_table();
    const index_t h = plan_.layers[at(output.layer)].h, n = block_.n;
    double* own = work.doubles(n * h * h);
    double* product = work.doubles(n * h);  // a row of L D
    double* element = work.doubles(n);
    std::fill_n(own, n * h * h, 0.0);
    for (index_t m = 0; m < output.rows; ++m) {
        std::fill_n(product, n * h, 0.0);
        for (index_t r = 0; r < output.rows; ++r) {
            if (block_.loss->diagonal && r != m) continue;
            load_loss_curvature(block_, output.first_row + m, output.first_row + r, element);
            for (index_t j = 0; j < h; ++j) {
                const double gain = output.linear(r, j);
                if (gain != 0.0) kernels.scale(n, element, gain, product + j * n, true);
            }
        }
        for (index_t i = 0; i < h; ++i) {
            const double gain = output.linear(m, i);
            for (index_t j = 0; gain != 0.0 && j < h; ++j) {
                kernels.scale(n, product + j * n, gain, own + (i + h * j) * n, true);
            }
        }
    }
    return own;
}

/// What a loss that couples outputs adds: y of layer l enters the slopes of the others, F_l' D_l' L
/// dy/ds_k. For k = l its transpose has come with B_sl.
void CurvatureTape::add_coupling(index_t l, index_t k) {
    const OutputLoss& loss = *block_.loss;
    if (loss.diagonal) return;
    const Kernels& kernels = kernel_table();
    const PlanOutput& output = plan_.outputs[at(plan_.layers[at(l)].output)];
    const index_t h = plan_.layers[at(l)].h, hk = plan_.layers[at(k)].h, n = block_.n;
    Workspace work;
    double* element = work.doubles(n);
    double* added = work.doubles(n * h * hk);
    double* product = work.doubles(n * hk);
    std::fill_n(added, n * h * hk, 0.0);
    for (index_t m = 0; m < output.rows; ++m) {
        std::fill_n(product, n * hk, 0.0);
        for (index_t r = 0; r < plan_.n_outputs; ++r) {
            if (r >= output.first_row && r < output.first_row + output.rows) continue;
            load_loss_curvature(block_, output.first_row + m, r, element);
            for (index_t j = 0; j < hk; ++j) {
                kernels.multiply(n, element, d_[k] + (r * hk + j) * n, product + j * n, true);
            }
        }
        for (index_t i = 0; i < h; ++i) {
            const double gain = output.linear(m, i);
            for (index_t j = 0; gain != 0.0 && j < hk; ++j) {
                kernels.scale(n, product + j * n, gain, added + (i + h * j) * n, true);
            }
        }
    }
    const Slope f = slope_of(plan_, block_, l);
    double* b = b_[index(l, k)];
    for (index_t j = 0; j < hk; ++j) {
        kernels.slope_backward(f, n, h, added + h * j * n, n, added + h * j * n, n);
        for (index_t i = 0; i < h; ++i) {
            kernels.scale(n, added + (i + h * j) * n, 1.0, b + (i + h * j) * n, true);
        }
    }
}

/// B_ll += F' D' d2E/dy2 D F, or the curvature at the net input.
void CurvatureTape::add_output_curvature(index_t l) {
    const PlanLayer& layer = plan_.layers[at(l)];
    if (layer.output < 0) return;
    const Kernels& kernels = kernel_table();
    const PlanOutput& output = plan_.outputs[at(layer.output)];
    const LossLanes loss = loss_lanes(plan_, block_, output);
    const LossForm form = loss_form(plan_, output, objective_);
    const index_t h = layer.h, n = block_.n;
    Workspace work;
    double* own = nullptr;
    if (form != LossForm::output && form != LossForm::own) {
        own = work.doubles(n * h * h);
        loss_net_slopes(form, loss, work.doubles(n * h), n, own, n);
    } else {
        own = form == LossForm::own ? own_loss_curvature(output, work)
                                    : elementwise_curvature(output, work);
        const Slope f = slope_of(plan_, block_, l);
        for (index_t j = 0; j < h; ++j) {
            kernels.slope_backward(f, n, h, own + h * j * n, n, own + h * j * n, n);
        }
        for (index_t i = 0; i < h; ++i) {
            kernels.slope_backward(f, n, h, own + i * n, h * n, own + i * n, h * n);
        }
    }
    kernels.scale(h * h * n, own, 1.0, b_[index(l, l)], true);
}

void CurvatureTape::recur_b(index_t l, index_t k) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan_.layers[at(l)];
    const index_t h = layer.h, hk = plan_.layers[at(k)].h, n = block_.n;
    const Slope f = slope_of(plan_, block_, l);
    for (index_t j = 0; j < hk; ++j) {
        double* column = b_[index(l, k)] + j * h * n;
        if (layer.successors.empty()) std::fill_n(column, h * n, 0.0);
        bool accumulate = false;
        for (const Successor& s : layer.successors) {
            const index_t hs = plan_.layers[at(s.layer)].h;
            // B_sk[:, j]: stored as it is for s <= k, else as a row of B_ks. On the diagonal
            // (k = l) it is row j of B_ls, which this pass has made already.
            const bool stored = s.layer <= k;
            const double* from = stored ? b(s.layer, k) + j * hs * n : b(k, s.layer) + j * n;
            kernels.layer_product(n, h, hs, from, stored ? n : hk * n, plan_.weights(s), hs, 1,
                                  column, n, accumulate);
            accumulate = true;
        }
        kernels.slope_backward(f, n, h, column, n, column, n);
    }
}

/// C_ll = F_l, written out: F_l times the unit vectors.
void CurvatureTape::fill_slope(index_t l) {
    const index_t h = plan_.layers[at(l)].h, n = block_.n;
    double* c = c_[index(l, l)];
    std::fill_n(c, n * h * h, 0.0);
    for (index_t i = 0; i < h; ++i) {
        double* row = c + i * n;  // da_j / deps_i over j
        std::fill_n(row + i * h * n, n, 1.0);
        kernel_table().slope_forward(slope_of(plan_, block_, l), n, h, row, h * n, row, h * n);
    }
}

void CurvatureTape::recur_c(index_t l, index_t k) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan_.layers[at(k)];
    const index_t h = plan_.layers[at(l)].h, hk = layer.h, n = block_.n;
    const Slope f = slope_of(plan_, block_, l);
    for (index_t i = 0; i < h; ++i) {
        double* row = c_[index(l, k)] + i * n;
        for (index_t j = 0; j < hk; ++j) std::fill_n(row + j * h * n, n, 0.0);
        for (const Feed& feed : layer.feeds) {
            if (feed.kind != SourceKind::layer || feed.source < l) continue;
            const double* w = plan_.theta(k) + feed.column * hk;
            if (feed.source > l || f.matrix) {
                kernels.layer_product(n, hk, feed.width, c(l, feed.source) + i * n, h * n, w, 1, hk,
                                      row, h * n, true);
            } else {
                for (index_t j = 0; j < hk; ++j) {
                    kernels.scale(n, f.d1 + i * n, w[j + i * hk], row + j * h * n, true);
                }
            }
        }
        kernels.slope_forward(slope_of(plan_, block_, k), n, hk, row, h * n, row, h * n);
    }
}

}  // namespace jacnet
