#pragma once
/// Products with the Jacobian of the outputs, without forming it.

#include "tape.hpp"

namespace jacnet {

/// out[s, q] = dy[s, q] for the direction v in the parameters: (dy/dwb)' v, S x Q.
void compute_jvp(Tape& tape, const double* v, MatrixView<double> out, std::optional<int> n_threads);

/// out = sum over s, q of u[s, q] dy[s, q]/dwb, P.
void compute_vjp(Tape& tape, MatrixView<const double> u, double* out, std::optional<int> n_threads);

}  // namespace jacnet
