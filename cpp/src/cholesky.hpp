#pragma once
/// Symmetric positive definite systems: the step of Levenberg-Marquardt.

#include "jacnet/view.hpp"

namespace jacnet {

/// A = L L' in place: the lower triangle of a column-major p x p matrix; what is above the diagonal
/// is overwritten. Blocked, on several threads, the same bits for any number of them.
/// @returns false when A is not positive definite
bool cholesky(index_t p, double* a, index_t ld, int n_threads);

/// A x = b, in place, from the factor.
void solve_cholesky(index_t p, const double* factor, index_t ld, double* x);

/// Estimates 1 / (norm(A) norm(inv(A))) in the 1-norm from the factor: Higham (1988), "FORTRAN
/// codes for estimating the one-norm of a real or complex matrix", ACM TOMS 14.
double reciprocal_condition(index_t p, const double* factor, index_t ld, double norm);

/// Solves (A + shift I) x = b for a positive semi-definite A, given in full; `factor` holds p x p
/// doubles. @returns false when that fails, or when the matrix is singular to working precision
bool solve_shifted(index_t p, const double* a, double shift, const double* b, double* factor,
                   double* x, int n_threads);

}  // namespace jacnet
