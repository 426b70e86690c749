#pragma once

#include <string_view>
#include <vector>

#include "jacnet/view.hpp"

namespace jacnet {

/// The transfer functions a layer can have: net input n to output a, applied to each element
/// unless the formula mentions other features. MATLAB's come first, with MATLAB's values at the
/// kinks; then the usual ones of deep learning, with PyTorch's. Second derivatives are zero at
/// kinks. A NaN net input gives NaN (in every feature of its sample where features are coupled).
enum class Transfer {
    tansig,      ///< a = tanh(n)
    logsig,      ///< a = 1 / (1 + exp(-n))
    purelin,     ///< a = n
    poslin,      ///< a = max(0, n); slope 1 at 0
    satlin,      ///< a = min(max(0, n), 1); slope 1 at both ends
    satlins,     ///< a = min(max(-1, n), 1); slope 1 at both ends
    hardlim,     ///< a = 1 for n >= 0, else 0; slope 0
    hardlims,    ///< a = 1 for n >= 0, else -1; slope 0
    radbas,      ///< a = exp(-n^2)
    radbasn,     ///< a_i = exp(-n_i^2) / sum_k exp(-n_k^2)
    tribas,      ///< a = max(0, 1 - |n|); slope -sign(n) on [-1, 1], 0 at 0
    elliotsig,   ///< a = n / (1 + |n|)
    elliot2sig,  ///< a = sign(n) n^2 / (1 + n^2)
    softmax,     ///< a_i = exp(n_i) / sum_k exp(n_k)
    netinv,      ///< a = 1 / n; 2e30 sign(n) - 1e60 n for |n| <= 1e-30, with sign(0) = 1
    compet,      ///< a_i = 1 for the first of the largest n, else 0; slope 0
    relu,        ///< a = max(0, n); slope 0 at 0, which is what tells it from poslin
    leaky_relu,  ///< a = n for n > 0, else 0.01 n
    elu,         ///< a = n for n > 0, else exp(n) - 1
    selu,        ///< a = lambda n for n > 0, else lambda alpha (exp(n) - 1);
                 ///< lambda = 1.0507009873554805, alpha = 1.6732632423543773
    gelu,        ///< a = n Phi(n), Phi the normal distribution function
    gelu_tanh,   ///< a = n (1 + tanh(sqrt(2 / pi) (n + 0.044715 n^3))) / 2
    silu,        ///< a = n / (1 + exp(-n)), also known as swish
    softplus,    ///< a = log(1 + exp(n))
    mish,        ///< a = n tanh(log(1 + exp(n)))
    sin,         ///< a = sin(n)
};

/// A closed interval; the ends may be infinite.
struct Range {
    double lo;
    double hi;
};

/// The function's name, spelt like the enumerator.
std::string_view name(Transfer f);

/// The function of that name. Other names known: tanh (tansig), sigmoid and logistic (logsig),
/// linear and identity (purelin), swish (silu), gelu_exact (gelu).
/// Throws std::invalid_argument with the nearest name and the list of names for any other word.
Transfer transfer_from_name(std::string_view word);

/// Every transfer function, in the order of the enumeration.
const std::vector<Transfer>& transfer_functions();

/// The interval the outputs lie in, as initialisation takes it: functions without an upper bound
/// have [lo, inf], where lo is the infimum.
Range output_range(Transfer f);

/// The net inputs for which the function is neither saturated nor straight: the stretch over which
/// Nguyen-Widrow initialisation spreads a layer's neurons. Infinite ends ask for plain random
/// weights instead. MATLAB's for MATLAB's functions. Of the others, relu has poslin's,
/// leaky_relu purelin's; elu, selu, gelu and gelu_tanh have tansig's, and silu, softplus and mish,
/// built on the logistic function, have logsig's; sin has the branch on which it is monotone.
Range active_range(Transfer f);

/// Whether the second derivative is other than zero somewhere.
bool bends(Transfer f);

/// Whether an element's output depends on the other features of its sample (softmax, radbasn,
/// compet).
bool couples_features(Transfer f);

/// Whether the slope of a sample's outputs is a full matrix (softmax, radbasn). compet couples
/// features too, but its slope is zero.
bool has_matrix_slope(Transfer f);

/// Values (order 0), slopes (1) or curvatures (2) of a function for net inputs n, features x
/// samples. Where the slope is a matrix only values are to be had.
/// Throws std::invalid_argument when shapes disagree or for another order.
void transfer_values(Transfer f, MatrixView<const double> n, int order, MatrixView<double> out);

}  // namespace jacnet
