#pragma once
/// Docstrings of the input derivatives and of the kernels.

namespace docstrings {

inline constexpr const char* input_hessian =
    R"(Second derivatives of the outputs with respect to the inputs, d2y/dx2.

Exact, through the process functions; second derivatives at kinks are 0. No targets needed.

Parameters
----------
net, x, samples : as in ``linearize``
n_threads : int, optional
    At most this many threads; results do not depend on it.
out : float64 array (Q, S, R, R), optional
    Receives the result and is returned; any strides, C order is fastest.

Returns
-------
ndarray, (Q, S, R, R), C order
    On the raw scales of inputs and outputs; symmetric in the last two indices to the last bit.
    Several inputs are stacked.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, for NaN inputs, and for an ``out`` that does not fit.
MemoryError
    With the bytes needed, when the result cannot be had; ``input_hvp`` and ``laplacian`` need none.

Notes
-----
The sum over layers of S_l' K_l S_l, with S_l = ds_l/dx and K_l the layer's curvature: stagewise
second-order backpropagation (Mizutani and Dreyfus 2008), summed in the cheapest order. Cost per
sample: R passes forward, S passes back and S R^2 sum h_l flops.)";

inline constexpr const char* laplacian =
    R"(Laplacian of the outputs: the sum over inputs of d2y/dx_r^2, on the raw scales.

Parameters
----------
net, x, samples : as in ``linearize``
n_threads : int, optional
    At most this many threads; results do not depend on it.
out : float64 array (Q, S), optional
    Receives the result and is returned; any strides, C order is fastest.

Returns
-------
ndarray, (Q, S), C order
    The trace of ``input_hessian`` over its last two indices.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, for NaN inputs, and for an ``out`` that does not fit.

Notes
-----
Forward Laplacian (Li et al. 2024). Cost per sample: R + 2 passes forward, fewer where layers are
straight or read inputs only; no pass back.)";

inline constexpr const char* input_jvp =
    R"(Moves of the outputs, dy/dx v, for one direction of the inputs per sample.

Parameters
----------
net, x, samples : as in ``linearize``
v : array (R, Q), or a list of one (R_i, Q) per input
    Finite; one column for each sample in use. On the raw scale.
n_threads, out : as in ``input_hessian``

Returns
-------
ndarray, (S, Q), Fortran order
    On the raw scale.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, and for a direction of another shape or with values that are not finite.

Notes
-----
Forward differentiation, through the process functions. Cost: two passes forward.)";

inline constexpr const char* input_vjp =
    R"(Gradient with respect to the inputs of one weighted sum of outputs per sample, (dy/dx)' u.

Parameters
----------
net, x, samples : as in ``linearize``
u : array (S, Q), or a list of one (S_i, Q) per output
    Finite; one column for each sample in use.
n_threads, out : as in ``input_hessian``

Returns
-------
ndarray, (R, Q), Fortran order
    On the raw scale.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, and for weights of another shape or with values that are not finite.

Notes
-----
Back-propagation to the inputs, through the process functions. Cost: a pass forward and a pass back.)";

inline constexpr const char* input_hvp =
    R"(Product of a direction with the input Hessian of a weighted sum of outputs, per sample.

With H(q) = sum over s of u[s, q] d2y_s/dx2 at sample q, column q of the result is H(q) v[:, q].

Parameters
----------
net, x, samples : as in ``linearize``
u : array (S, Q), or a list of one (S_i, Q) per output
v : array (R, Q), or a list of one (R_i, Q) per input
    Finite; one column for each sample in use.
n_threads, out : as in ``input_hessian``

Returns
-------
ndarray, (R, Q), Fortran order
    On the raw scale.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, and for u or v of another shape or with values that are not finite.

Notes
-----
Pearlmutter (1994). Cost: two passes forward and two back.)";

inline constexpr const char* gram =
    R"(Gram matrix of the outputs' Jacobian, (dy/dwb)'(dy/dwb), without forming the Jacobian.

Also known as the empirical neural tangent kernel. Unscaled; no targets needed.

Parameters
----------
net, x, samples : as in ``linearize``
traced : bool
    True: the sum over outputs of the elements of equal outputs, (Q, Q). No division by S.
n_threads, out, dtype : as in ``defaultderiv``

Returns
-------
ndarray, (S*Q, S*Q) or (Q, Q), symmetric to the last bit
    Rows and columns in the order of the columns of ``jacobian(net, x)``: output element fastest, then
    sample.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, and for an ``out`` that does not fit.
MemoryError
    With the bytes needed, when the result or the factors cannot be had.

Notes
-----
Jacot, Gabriel and Hongler (2018). Cost: (S*Q)^2 sum h_l flops, traced Q^2 S sum h_l;
memory beyond the result: three times Q (sum k_l + S sum h_l) numbers.)";

inline constexpr const char* ntk =
    R"(Empirical neural tangent kernel between two sets of samples, without forming any Jacobian.

K = (dy(x1)/dwb)' (dy(x2)/dwb). Unscaled; only parameters that learn count.

Parameters
----------
net : Network
    Configured.
x1 : array (R, Q1), or a list of one per input
    For some of the samples pass x[:, samples].
x2 : the same with Q2 samples, optional
    Without it, x1: ``gram(net, x1)``, symmetric to the last bit.
traced : bool
    False: (S*Q1, S*Q2), output element fastest, then sample.
    True: (Q1, Q2), the sum over outputs of the elements of equal outputs. neural-tangents'
    ``empirical_ntk_fn(..., trace_axes=(-1,))``, its default, is this divided by S.
n_threads, out, dtype : as in ``defaultderiv``

Returns
-------
ndarray, (S*Q1, S*Q2) or (Q1, Q2), Fortran order

Raises
------
ValueError, TypeError
    As ``linearize``; NaN inputs are refused.
MemoryError
    With the bytes needed, when the result or the factors cannot be had.

Notes
-----
Jacot, Gabriel and Hongler (2018). Cost: 2 Q1 Q2 S^2 sum h_l flops, traced 2 Q1 Q2 S sum h_l.)";

}  // namespace docstrings
