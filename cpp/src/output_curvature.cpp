/// What the loss itself adds to the curvature at the net inputs: by its second derivatives at the
/// outputs or at their net inputs, its own or given from outside.

#include <algorithm>

#include "curvature.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

void load_loss_curvature(const Block& block, index_t i, index_t j, double* lanes) {
    const OutputLoss& loss = *block.loss;
    for (index_t z = 0; z < block.n; ++z) {
        const double* own = loss.curvature + (block.first + z) * loss.strides[0];
        const auto element = [&](index_t r, index_t c) {
            if (loss.diagonal) return r == c ? own[r * loss.strides[1]] : 0.0;
            return own[r * loss.strides[1] + c * loss.strides[2]];
        };
        const bool counts = block.w[i * block.n + z] != 0.0 && block.w[j * block.n + z] != 0.0;
        lanes[z] = counts ? 0.5 * (element(i, j) + element(j, i)) : 0.0;
    }
}

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
    if (!splits_at_output(form)) {
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

}  // namespace jacnet
