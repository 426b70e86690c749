#pragma once
/// Products with the Jacobian of the outputs and with the curvature of the performance, without
/// forming either.

#include "tape.hpp"

namespace jacnet {

/// Values of outputs, samples and vectors: element (s, q, k).
template <class T>
struct OutputVectors {
    T* data = nullptr;
    index_t stride[3] = {1, 0, 0};
    index_t count = 1;  ///< vectors

    T& operator()(index_t s, index_t q, index_t k) const {
        return data[s * stride[0] + q * stride[1] + k * stride[2]];
    }
};

/// out[s, q, k] = dy[s, q] for the direction v[:, k] in the parameters.
void compute_jvp(Tape& tape, MatrixView<const double> v, const OutputVectors<double>& out,
                 std::optional<int> n_threads);
/// out[:, k] = sum over s, q of u[s, q, k] dy[s, q]/dwb.
void compute_vjp(Tape& tape, const OutputVectors<const double>& u, MatrixView<double> out,
                 std::optional<int> n_threads);

/// The same of one vector.
void compute_jvp(Tape& tape, const double* v, MatrixView<double> out, std::optional<int> n_threads);
void compute_vjp(Tape& tape, MatrixView<const double> u, double* out, std::optional<int> n_threads);

/// out = the Hessian of the performance, or its Gauss-Newton part, times v; P x K.
void compute_curvature_product(Tape& tape, Curvature kind, MatrixView<const double> v,
                               MatrixView<double> out, std::optional<int> n_threads);

}  // namespace jacnet
