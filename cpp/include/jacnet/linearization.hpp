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

/// A loss of one's own, sum_n loss_n(y_n), given by its derivatives at the network's outputs on the
/// samples of a linearization, in their order. Arrays are borrowed.
struct OutputLoss {
    MatrixView<const double> slope{};  ///< dloss/dy, S x Q
    /// d2loss/dy dy of sample q, element (i, j), at curvature[q * strides[0] + i * strides[1] + j *
    /// strides[2]], of which the symmetric part counts; null: only first derivatives are asked for.
    const double* curvature = nullptr;
    index_t strides[3] = {0, 0, 0};
    bool diagonal = false;  ///< only elements i = j are there, at strides[0] and strides[1]
};

/// What Fisher information is an average over: the model's own targets, or those at hand.
enum class Fisher { expected, empirical };

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
    Linearization(const Network& net, Samples samples, const char* caller = "linearize",
                  Parameters parameters = Parameters::copied);
    ~Linearization();
    Linearization(Linearization&&) noexcept;
    Linearization& operator=(Linearization&&) noexcept;

    /// The same network, parameters and samples under another loss, sum_n loss_n(y_n): every
    /// question about the performance is then one about that sum, without regularisation.
    /// @throws std::invalid_argument when shapes disagree or a value is not finite
    Linearization with_loss(const OutputLoss& loss) const;

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

    /// Gradients of the samples' shares of the performance, P x Q: their sum and the gradient of
    /// the regularisation are the gradient. Cost: 8 P Q bytes written.
    void gradients(MatrixView<double> g, std::optional<int> n_threads = {});

    /// +dy/dwb, P x SQ: output fastest, then sample. Cost: 8 P S Q bytes written.
    void jacobian(MatrixView<double> j, std::optional<int> n_threads = {});
    /// Rounded to float: half of the bytes.
    void jacobian(MatrixView<float> j, std::optional<int> n_threads = {});

    /// de/dwb = -sqrt(EW) norm dy/dwb, P x SQ; zero columns where the target is NaN.
    void de_dwb(MatrixView<double> j, std::optional<int> n_threads = {});
    void de_dwb(MatrixView<float> j, std::optional<int> n_threads = {});

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
    /// The same, rounded to float.
    void gram(MatrixView<float> g, std::optional<int> n_threads = {},
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
    /// The same with JJ summed as hessian() in float.
    double normal_equations(MatrixView<float> jj, VectorView<float> je,
                            std::optional<int> n_threads = {});

    /// Hessian of the performance, P x P, symmetric to the last bit, on the scale of the
    /// performance and with its regularisation; or its (generalised) Gauss-Newton part. Cost: about
    /// N (sum P_l^2 / 2 + 2 sum_{l<k} P_l P_k) flops for layers of P_l parameters.
    void hessian(MatrixView<double> h, Curvature kind = Curvature::exact,
                 std::optional<int> n_threads = {});
    /// The same with products in float, whose sums are carried to double every 64 samples: errors
    /// of at most 1e-6 of the largest element, with any number of samples. Above 1024 samples
    /// (fewer for wide networks) the sums take another 4 P^2 bytes.
    void hessian(MatrixView<float> h, Curvature kind = Curvature::exact,
                 std::optional<int> n_threads = {});

    /// Diagonal of the Hessian (P) and its trace, regularisation included, without the rest of it.
    /// Cost: O(Q sum h^3) + 2 Q P flops; for Gauss-Newton at most that, by the sensitivities.
    void hessian_diagonal(VectorView<double> d, Curvature kind = Curvature::exact,
                          std::optional<int> n_threads = {});
    double hessian_trace(Curvature kind = Curvature::exact, std::optional<int> n_threads = {});

    /// Elements (rows[r], cols[c]) of the Hessian, in any order, repeats allowed. Cost: that of the
    /// elements asked for, and of the curvatures between their layers.
    /// @throws std::out_of_range when an index is
    void hessian_block(const std::vector<index_t>& rows, const std::vector<index_t>& cols,
                       MatrixView<double> h, Curvature kind = Curvature::exact,
                       std::optional<int> n_threads = {});
    /// The Hessian's blocks on the diagonal: one P_l x P_l matrix for every layer.
    void hessian_layers(const std::vector<MatrixView<double>>& h, Curvature kind = Curvature::exact,
                        std::optional<int> n_threads = {});
    /// Its upper triangle, column by column (LAPACK's packed storage 'U'): element (i, j), i <= j,
    /// at i + j (j + 1) / 2. No P x P matrix is held.
    void hessian_packed(VectorView<double> h, Curvature kind = Curvature::exact,
                        std::optional<int> n_threads = {});
    /// Hessians of the samples' shares of the performance, element (q, i, j) at `data[q *
    /// strides[0] + i * strides[1] + j * strides[2]]`, symmetric to the last bit: their sum and the
    /// Hessian of the regularisation are the Hessian. Cost: 8 P^2 Q bytes written.
    void hessians(double* data, const index_t strides[3], Curvature kind = Curvature::exact,
                  std::optional<int> n_threads = {});

    /// Fisher information of the parameters on the scale of the performance, without its
    /// regularisation: P x P, and its diagonal. Expected: the Gauss-Newton matrix. Empirical: sum_n
    /// g_n g_n' / tau for the columns g_n of `gradients`, where the performance is tau times the
    /// negative log-likelihood: tau = 2 (1 - r) / Ne for mse, (1 - r) / Ne for mae and
    /// crossentropy, 2 (1 - r) and 1 - r for sums.
    /// @throws std::invalid_argument when the expected one is asked for, but the outputs under this
    ///         performance are no Gaussian, categorical or Bernoulli model
    void fisher(MatrixView<double> f, Fisher kind = Fisher::expected,
                std::optional<int> n_threads = {});
    void fisher_diagonal(VectorView<double> d, Fisher kind = Fisher::expected,
                         std::optional<int> n_threads = {});

    struct Impl;

private:
    explicit Linearization(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace jacnet
