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
