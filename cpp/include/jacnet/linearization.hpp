#pragma once
/// The tape: a network, its parameters and a set of samples, ready to answer every derivative.

#include <memory>
#include <optional>
#include <vector>

#include "jacnet/network.hpp"
#include "jacnet/view.hpp"

namespace jacnet {

enum class Curvature { exact, gauss_newton };

/// A kernel of the outputs' Jacobian: for every pair of outputs, or summed over equal outputs.
enum class GramForm { full, traced };

/// What becomes of the network's parameters: copied, or borrowed like the arrays.
enum class Parameters { copied, borrowed };

/// What a linearization is made of. Arrays are borrowed and must stay unchanged while it lives.
struct Samples {
    std::vector<MatrixView<const double>> x;  ///< one R_i x Q matrix per input
    /// One S_i x Q matrix per output, or none for questions that need no targets. NaN: don't care.
    std::vector<MatrixView<const double>> t;
    /// Error weights >= 0: 1 x 1, 1 x Q, S x 1 or S x Q, S counting the rows of all outputs;
    /// empty: 1.
    MatrixView<const double> ew{};
    /// Columns to use, in this order, repeats allowed; without it, all of them.
    std::optional<std::vector<index_t>> indices{};
};

/// One pass forward and backward over a set of samples, and the questions it answers.
///
/// Formulas: design.md section 3 of the project's sources; Bishop (1992), "Exact calculation of the
/// Hessian matrix for the multilayer perceptron", and Mizutani and Dreyfus (2008), "Second-order
/// stagewise backpropagation". Questions run over fixed blocks of samples. With its own copy of the
/// parameters, it keeps what it made of up to 64 MiB of tape for the next question; beyond that
/// every question streams, so memory does not grow with the number of samples. Either way, and with
/// any number of threads, the results are the same to the last bit.
///
/// Below, P = n_parameters, S = n_outputs, Q = n_samples. `n_threads`: at most this many threads;
/// by default as many as max_threads() says. Not to be used by two threads at once.
class Linearization {
public:
    /// Copies the parameters unless told otherwise; later changes of the network do not matter
    /// then.
    /// @throws std::invalid_argument when the network is not configured, shapes disagree, an input
    /// is
    ///         infinite, or an error weight is negative or not finite. NaN inputs make the targets
    ///         of the outputs that they reach don't care; without targets they are refused.
    /// @throws std::out_of_range when an index is
    /// @param caller  the function that messages name
    Linearization(const Network& net, const Samples& samples, const char* caller = "linearize",
                  Parameters parameters = Parameters::copied);
    ~Linearization();
    Linearization(Linearization&&) noexcept;
    Linearization& operator=(Linearization&&) noexcept;

    index_t n_parameters() const;
    index_t n_outputs() const;
    index_t n_samples() const;
    index_t n_inputs() const;  ///< raw rows of all inputs, stacked
    bool has_targets() const;
    index_t n_targets() const;  ///< Ne: target elements that count

    /// Network outputs, S x Q.
    void outputs(MatrixView<double> y, std::optional<int> n_threads = {});

    /// Performance on these samples, regularisation included.
    double performance(std::optional<int> n_threads = {});

    /// The parameters it was made with, P.
    void parameters(VectorView<double> wb) const;

    /// Errors as de_dwb() differentiates them, sqrt(EW) norm (t - y), S x Q; 0 where the target
    /// does not count. Their squares sum to e'e of normal_equations().
    void errors(MatrixView<double> e, std::optional<int> n_threads = {});

    /// sqrt(EW) norm, S x Q; 0 where the target does not count.
    void error_scales(MatrixView<double> s) const;

    /// Gradient of the performance with respect to the parameters, +dperf/dwb, P.
    void gradient(VectorView<double> g, std::optional<int> n_threads = {});

    /// +dy/dwb, P x SQ: output fastest, then sample. Cost: 8 P S Q bytes written.
    void jacobian(MatrixView<double> j, std::optional<int> n_threads = {});

    /// de/dwb = -sqrt(EW) norm dy/dwb, P x SQ; zero columns where the target is NaN.
    void de_dwb(MatrixView<double> j, std::optional<int> n_threads = {});

    /// +dy/dx, element (q, s, r) at `data[q * strides[0] + s * strides[1] + r * strides[2]]`.
    void input_jacobian(double* data, const index_t strides[3], std::optional<int> n_threads = {});

    /// d2y/dx2, element (q, s, r, r') likewise with four strides; symmetric in r and r' to the last
    /// bit. Second derivatives at kinks are zero. Cost per sample: R forward and S backward passes,
    /// and S R^2 sum h_l flops.
    void input_hessian(double* data, const index_t strides[4], std::optional<int> n_threads = {});

    /// Trace of the input Hessian, sum of d2y/dx_r^2, Q x S. Cost per sample: R + 2 forward passes.
    void laplacian(MatrixView<double> l, std::optional<int> n_threads = {});

    /// Products with one vector per sample. `v`: R_i x Q for every input; `u`: S_i x Q for every
    /// output. dy/dx v, S x Q; (dy/dx)' u, R x Q; and the Hessian of u'y times v, R x Q, for all
    /// inputs stacked. Cost: one forward or backward pass each, two of both for the last.
    /// @throws std::invalid_argument when shapes disagree or a direction is not finite
    void input_jvp(const std::vector<MatrixView<const double>>& v, MatrixView<double> out,
                   std::optional<int> n_threads = {});
    void input_vjp(const std::vector<MatrixView<const double>>& u, MatrixView<double> out,
                   std::optional<int> n_threads = {});
    void input_hvp(const std::vector<MatrixView<const double>>& u,
                   const std::vector<MatrixView<const double>>& v, MatrixView<double> out,
                   std::optional<int> n_threads = {});

    /// (dy/dwb)'(dy/dwb), SQ x SQ, symmetric to the last bit, in the order of the Jacobian's
    /// columns, without ever holding the Jacobian; or its trace over outputs, Q x Q: the sum over s
    /// of the elements (q, s), (q', s). Cost: (SQ)^2 sum h_l flops, or Q^2 S sum h_l; memory: Q
    /// (sum k_l + S sum h_l) doubles, three times.
    void gram(MatrixView<double> g, std::optional<int> n_threads = {},
              GramForm form = GramForm::full);

    /// Products with +dy/dwb of K vectors at once, without ever holding it: for directions v (P x
    /// K) in the parameters the change of the outputs, and for weights u of the outputs the sums of
    /// u dy/dwb (P x K). u and the result dy are S x Q x K, element (s, q, k) at `data[s *
    /// strides[0] + q * strides[1] + k * strides[2]]`; no targets needed. Cost: 4 Q P flops each,
    /// beside the tape.
    /// @throws std::invalid_argument when a shape does not fit or a value is not finite
    void jvp(MatrixView<const double> v, double* data, const index_t strides[3],
             std::optional<int> n_threads = {});
    void vjp(const double* data, const index_t strides[3], MatrixView<double> out,
             std::optional<int> n_threads = {});

    /// Products of the Hessian of the performance, and of its (generalised) Gauss-Newton part, with
    /// the columns of v, P x K, regularisation included, without ever holding either matrix. Cost:
    /// at most 12 Q P flops per vector (Gauss-Newton 8), beside the tape.
    /// @throws std::invalid_argument as jvp, and without targets
    void hvp(MatrixView<const double> v, MatrixView<double> out, std::optional<int> n_threads = {});
    void ggnvp(MatrixView<const double> v, MatrixView<double> out,
               std::optional<int> n_threads = {});

    /// JJ = J J' (P x P) and Je = J e (P), without ever holding J. Returns e'e.
    double normal_equations(MatrixView<double> jj, VectorView<double> je,
                            std::optional<int> n_threads = {});

    /// Hessian of the performance, P x P, symmetric to the last bit, on the scale of the
    /// performance and with its regularisation; or its (generalised) Gauss-Newton part. Cost: about
    /// N (sum P_l^2 / 2 + 2 sum_{l<k} P_l P_k) flops for layers of P_l parameters.
    void hessian(MatrixView<double> h, Curvature kind = Curvature::exact,
                 std::optional<int> n_threads = {});

    struct Impl;

private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace jacnet
