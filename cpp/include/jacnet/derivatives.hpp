#pragma once
/// Derivatives in one call: thin uses of Linearization, plus the finite-difference checks.

#include <optional>
#include <vector>

#include "jacnet/linearization.hpp"
#include "jacnet/network.hpp"
#include "jacnet/view.hpp"

namespace jacnet {

/// Outputs of a configured network for x, S x Q. NaN inputs give NaN outputs.
/// @throws std::invalid_argument when shapes disagree or an input is infinite
void simulate(const Network& net, const std::vector<MatrixView<const double>>& x,
              MatrixView<double> y, std::optional<int> n_threads = {});

/// Performance of outputs y against targets t (S x Q each, NaN targets don't count), with error
/// weights as in Samples and the network's performance settings and regularisation.
double perform(const Network& net, MatrixView<const double> t, MatrixView<const double> y,
               MatrixView<const double> ew = {});

/// Empirical neural tangent kernel between two sets of samples, (dy/dwb)'(dy/dwb'): S Q1 x S Q2,
/// output fastest, then sample; or traced, the sum over equal outputs, Q1 x Q2. An empty x2 stands
/// for x1, with a result symmetric to the last bit. The Jacobians are never formed. Cost: Q1 Q2 S^2
/// sum h_l multiplications, or Q1 Q2 S sum h_l.
/// @throws std::invalid_argument when shapes disagree or an input is not finite
void ntk(const Network& net, const std::vector<MatrixView<const double>>& x1,
         const std::vector<MatrixView<const double>>& x2, MatrixView<double> k,
         GramForm form = GramForm::full, std::optional<int> n_threads = {});
/// The same, rounded to float.
void ntk(const Network& net, const std::vector<MatrixView<const double>>& x1,
         const std::vector<MatrixView<const double>>& x2, MatrixView<float> k,
         GramForm form = GramForm::full, std::optional<int> n_threads = {});

/// One-sided differences of step 1e-7, the five-point formula of step 1e-5: MATLAB's num2deriv and
/// num5deriv, checks for the exact derivatives. Cost: 1 + P or 4 P simulations.
enum class Stencil { two_point, five_point };

void numeric_gradient(const Network& net, const Samples& samples, Stencil stencil,
                      VectorView<double> g, std::optional<int> n_threads = {});
void numeric_de_dwb(const Network& net, const Samples& samples, Stencil stencil,
                    MatrixView<double> j, std::optional<int> n_threads = {});

}  // namespace jacnet
