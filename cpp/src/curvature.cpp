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

CurvatureTape::CurvatureTape(const Plan& plan, const Block& block, Curvature kind, Workspace& work)
    : plan_(plan), block_(block), kind_(kind) {
    const index_t n_layers = static_cast<index_t>(plan.layers.size());
    b_.resize(at(n_layers * n_layers), nullptr);
    c_.resize(at(n_layers * n_layers), nullptr);
    for (index_t l = 0; l < n_layers; ++l) {
        for (index_t k = l; k < n_layers; ++k) {
            const index_t size = block.n * plan.layers[at(l)].h * plan.layers[at(k)].h;
            b_[index(l, k)] = work.doubles(size);
            if (k > l && kind == Curvature::exact) c_[index(l, k)] = work.doubles(size);
        }
    }
}

index_t CurvatureTape::doubles_per_lane(const Plan& plan, Curvature kind) {
    index_t size = 0;
    for (std::size_t l = 0; l < plan.layers.size(); ++l) {
        for (std::size_t k = l; k < plan.layers.size(); ++k) {
            const index_t copies = kind == Curvature::exact && k > l ? 2 : 1;
            size += copies * plan.layers[l].h * plan.layers[k].h;
        }
    }
    return size;
}

/// B_ll += F' D' d2E/dy2 D F, or the curvature at the net input.
void CurvatureTape::seed(index_t l, const Chunk& chunk, Objective objective) {
    const PlanLayer& layer = plan_.layers[at(l)];
    if (layer.output < 0) return;
    const Kernels& kernels = kernel_table();
    const PlanOutput& output = plan_.outputs[at(layer.output)];
    const LossLanes loss = loss_lanes(plan_, block_, output, chunk);
    const LossForm form = loss_form(plan_, output, objective);
    const index_t h = layer.h, n = chunk.n;
    Workspace work;
    double* own = work.doubles(n * h * h);
    double* slope = work.doubles(n * std::max(h, output.rows));
    if (form != LossForm::output) {
        loss_net_slopes(form, loss, slope, n, own, n);
    } else {
        double* second = work.doubles(n * output.rows);
        const bool sse = objective == Objective::half_sse;
        loss_output_slopes(sse ? Performance::sse : plan_.performance.function, loss, slope, second,
                           n);
        std::fill_n(own, n * h * h, 0.0);
        for (index_t j = 0; j < h; ++j) {
            for (index_t i = 0; i < h; ++i) {
                for (index_t m = 0; m < output.rows; ++m) {
                    const double gain = output.linear(m, i) * output.linear(m, j);
                    if (gain == 0.0) continue;
                    kernels.scale(n, second + m * n, sse ? 0.5 * gain : gain, own + (i + h * j) * n,
                                  true);
                }
            }
        }
        const Slope f = slope_of(plan_, block_, l, chunk);
        for (index_t j = 0; j < h; ++j) {
            kernels.slope_backward(f, n, h, own + h * j * n, n, own + h * j * n, n);
        }
        for (index_t i = 0; i < h; ++i) {
            kernels.slope_backward(f, n, h, own + i * n, h * n, own + i * n, h * n);
        }
    }
    double* b = this->b(l, l) + chunk.begin;
    for (index_t e = 0; e < h * h; ++e) kernels.scale(n, own + e * n, 1.0, b + e * block_.n, true);
}

void CurvatureTape::recur_b(index_t l, index_t k, const Chunk& chunk) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan_.layers[at(l)];
    const index_t h = layer.h, hk = plan_.layers[at(k)].h, ld = block_.n;
    double* target = b(l, k) + chunk.begin;
    const Slope f = slope_of(plan_, block_, l, chunk);
    for (index_t j = 0; j < hk; ++j) {
        double* column = target + j * h * ld;
        for (index_t i = 0; layer.successors.empty() && i < h; ++i) {
            std::fill_n(column + i * ld, chunk.n, 0.0);
        }
        for (std::size_t s = 0; s < layer.successors.size(); ++s) {
            const index_t next = layer.successors[s].layer;
            const index_t hs = plan_.layers[at(next)].h;
            // B_sk[:, j]: stored as it is for s <= k, else as a row of B_ks. On the diagonal
            // (k = l) it is row j of B_ls, which this pass has made already.
            const bool stored = next <= k;
            const double* from = stored ? b(next, k) + j * hs * ld : b(k, next) + j * ld;
            kernels.gemm(false, false, chunk.n, h, hs, from + chunk.begin, stored ? ld : hk * ld,
                         plan_.weights(layer.successors[s]), hs, column, ld, s > 0);
        }
        kernels.slope_backward(f, chunk.n, h, column, ld, column, ld);
    }
}

void CurvatureTape::recur_c(index_t l, index_t k, const Chunk& chunk) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan_.layers[at(k)];
    const index_t h = plan_.layers[at(l)].h, hk = layer.h, ld = block_.n;
    const Slope f = slope_of(plan_, block_, l, chunk);
    Workspace work;
    double* unit = work.doubles(chunk.n * h);
    for (index_t i = 0; i < h; ++i) {
        double* row = c(l, k) + i * ld + chunk.begin;
        for (index_t j = 0; j < hk; ++j) std::fill_n(row + j * h * ld, chunk.n, 0.0);
        for (const Feed& feed : layer.feeds) {
            if (feed.kind != SourceKind::layer || feed.source < l) continue;
            const double* w = layer.theta + feed.column * hk;
            if (feed.source > l) {
                const index_t hr = plan_.layers[at(feed.source)].h;
                kernels.gemm(false, true, chunk.n, hk, hr, c(l, feed.source) + i * ld + chunk.begin,
                             h * ld, w, hk, row, h * ld, true);
            } else if (!f.matrix) {
                for (index_t j = 0; j < hk; ++j) {
                    kernels.scale(chunk.n, f.d1 + i * ld, w[j + i * hk], row + j * h * ld, true);
                }
            } else {
                std::fill_n(unit, chunk.n * h, 0.0);
                std::fill_n(unit + i * chunk.n, chunk.n, 1.0);
                kernels.slope_forward(f, chunk.n, h, unit, chunk.n, unit, chunk.n);
                kernels.gemm(false, true, chunk.n, hk, h, unit, chunk.n, w, hk, row, h * ld, true);
            }
        }
        const Slope fk = slope_of(plan_, block_, k, chunk);
        kernels.slope_forward(fk, chunk.n, hk, row, h * ld, row, h * ld);
    }
}

void CurvatureTape::fill(const Chunk& chunk, Objective objective) {
    const index_t n_layers = static_cast<index_t>(plan_.layers.size());
    for (index_t l = n_layers - 1; l >= 0; --l) {
        const PlanLayer& layer = plan_.layers[at(l)];
        for (index_t k = n_layers - 1; k >= l; --k) recur_b(l, k, chunk);
        if (kind_ == Curvature::exact) {
            const LayerTape& tape = block_.layers[at(l)];
            kernel_table().add_curvature(slope_of(plan_, block_, l, chunk), tape.d2 + chunk.begin,
                                         chunk.n, layer.h, tape.v + chunk.begin, block_.n,
                                         b(l, l) + chunk.begin, block_.n);
            for (index_t k = l + 1; k < n_layers; ++k) recur_c(l, k, chunk);
        }
        seed(l, chunk, objective);
    }
}

}  // namespace jacnet
