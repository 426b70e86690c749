/// The dense Jacobian: for every sample and output, kron(u_l, d_l) layer by layer.

#include <algorithm>
#include <functional>

#include "columns.hpp"
#include "kernels/kernels.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

/// Factor of every column: 1, or -sqrt(EW) norm, zero where the target does not count. Returns
/// whether each is 1 or -1.
bool column_scales(const Plan& plan, const Batch& batch, JacobianScale scale, Block& block,
                   double* scales) {
    const index_t size = plan.n_outputs * block.n;
    if (scale == JacobianScale::outputs) {
        kernel_table().fill(size, 1.0, scales, false);
        return true;
    }
    if (!batch.plain()) load_targets(plan, batch, block, 1.0);
    for (index_t m = 0; m < plan.n_outputs; ++m) {
        load_error_scales(plan, batch, block, m, -1.0, scales + m * block.n);
    }
    return batch.plain() && std::all_of(plan.norm(), plan.norm() + plan.n_outputs,
                                        [](double norm) { return norm == 1.0; });
}

template <class Real>
void jacobian_into(Tape& tape, JacobianScale scale, MatrixView<Real> j,
                   std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const auto load_scales = [&](Block& block, double* scales) {
        return column_scales(plan, tape.batch(), scale, block, scales);
    };
    write_columns(tape, {.order = Order::slope, .sensitivities = true, .outputs = false},
                  {&LayerTape::d, plan.n_outputs}, j, n_threads, std::cref(load_scales));
}

}  // namespace

void compute_jacobian(Tape& tape, JacobianScale scale, MatrixView<double> j,
                      std::optional<int> n_threads) {
    jacobian_into(tape, scale, j, n_threads);
}

void compute_jacobian(Tape& tape, JacobianScale scale, MatrixView<float> j,
                      std::optional<int> n_threads) {
    jacobian_into(tape, scale, j, n_threads);
}

}  // namespace jacnet
