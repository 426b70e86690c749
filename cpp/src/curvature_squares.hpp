#pragma once
/// Curvatures of neurons with themselves, B_ll[i, i], as sums of squares:
///   sum_mm' d_l[i, m] Lambda_mm' d_l[i, m']  (Gauss-Newton; d the sensitivities, Lambda the
///   loss's)
///   + K_l[i, i] + f_i'^2 sum_s sum_j W_sl[j, i]^2 K_s[j, j],  K = diag(f'' v).
/// Nothing of size h x h is held.

#include "passes.hpp"

namespace jacnet {

/// Whether that is all there is: of the exact Hessian, where the curvature of neurons reaches the
/// layers below by single connections only, as in chains with two hidden layers.
bool squares_suffice(const Plan& plan, Curvature kind);

/// Flops of it per sample.
double squares_flops(const Plan& plan, Curvature kind);

/// Adds sum_n B_ll[i, i] u_l[p]^2 of a block, P numbers. Slopes are there, and for the exact
/// Hessian curvatures f'' and v.
void add_diagonal_squares(const Plan& plan, Block& block, Curvature kind, double* sum);

/// sum[p * h + i] += the sum over lanes of x_i u_p^2 for layer l; x_i are `step` doubles apart.
void add_diagonal(const Plan& plan, const Block& block, index_t l, const double* x, index_t step,
                  double* sum);

}  // namespace jacnet
