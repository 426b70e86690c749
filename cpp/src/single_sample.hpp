#pragma once
/// One sample at a time: neurons are the lanes, so that no lane is padding.

#include "kernels/kernels.hpp"
#include "plan.hpp"
#include "workspace.hpp"

namespace jacnet {

/// Outputs and input Jacobian at one sample. Kernel for kernel another order of summation than that
/// of a block, so equal to it up to rounding.
///
/// @param x  one column per input
/// @param y  S outputs, or null
/// @param dy_dx  element (s, r) at [s * row_stride + r * col_stride]; null: outputs only
void differentiate_sample(const Plan& plan, const VectorView<const double>* x, double* y,
                          double* dy_dx, index_t row_stride, index_t col_stride);

}  // namespace jacnet
