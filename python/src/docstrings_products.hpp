#pragma once
/// Docstrings of the products.

namespace docstrings {

inline constexpr const char* jvp =
    R"(Change of the outputs along directions in the parameters: (dy/dwb)' v, without the Jacobian.

Parameters
----------
net, x : as in ``linearize``
v : array (P,) or (P, K)
    One direction, or K of them in columns, in the order of ``net.layout`` or of ``order``.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of the rows of v; see ``Layout.permutation``.
samples : indices, boolean mask or slice, optional
    The samples to use.
n_threads : int, optional
    At most this many threads; results do not depend on it.
out : float64 array, optional
    Receives the result and is returned; any strides, Fortran order is fastest.

Returns
-------
ndarray, (S, Q) or (S, Q, K), Fortran order
    On the scale of the outputs; no targets, no error weights.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``; for a v of another shape, or values that are not finite.

Notes
-----
One pass of forward differentiation, two matrix products per layer: 4 P Q flops per direction, and 2
P Q for the tape. Pearlmutter (1994), "Fast exact multiplication by the Hessian".)";

inline constexpr const char* vjp =
    R"(Sums of the outputs' derivatives with weights u: (dy/dwb) u, the adjoint of ``jvp``.

Parameters
----------
net, x : as in ``linearize``
u : array (S, Q) or (S, Q, K)
    Weights of every output and sample; (Q,) where S is 1.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of the rows of the result; see ``Layout.permutation``.
samples, n_threads, out : as in ``jvp``

Returns
-------
ndarray, (P,) or (P, K), Fortran order
    On the scale of the outputs.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``; for a u of another shape, or values that are not finite.

Notes
-----
One pass of back-propagation, whatever the number of outputs: 4 P Q flops per vector, and 2 P Q for the
tape.)";

inline constexpr const char* hvp =
    R"(Hessian of the performance times vectors, without the Hessian.

Equals ``hessian(net, x, t, ...) @ v``: on the scale of the performance, regularisation included.

Parameters
----------
net, x, t : as in ``linearize``
v : array (P,) or (P, K)
    One vector, or K of them in columns, in the order of ``net.layout`` or of ``order``.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of the rows of v and of the result; see ``Layout.permutation``.
ew : error weights, as in ``linearize``
samples, n_threads, out : as in ``jvp``

Returns
-------
ndarray, (P,) or (P, K) as v, Fortran order
    Each column has the same bits alone and among others.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``; for a v of another shape, or values that are not finite.

Notes
-----
The R-operator of Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation
6. Cost: at most 12 P Q flops per vector and 4 P Q for the tape, which ``linearize`` keeps for the
next vector (up to 64 MiB).)";

inline constexpr const char* ggnvp =
    R"(Gauss-Newton matrix of the performance times vectors, without the matrix.

Equals ``gauss_newton(net, x, t, ...) @ v``, the generalised Gauss-Newton matrix where the loss is
split at the net input: on the scale of the performance, regularisation included.

Parameters
----------
net, x, t, v, order, ew, samples, n_threads, out : as in ``hvp``

Returns
-------
ndarray, (P,) or (P, K) as v, Fortran order
    Each column has the same bits alone and among others.

Raises
------
ValueError, TypeError, IndexError
    As ``hvp``.

Notes
-----
Schraudolph (2002), "Fast curvature matrix-vector products", Neural Computation 14. Cost: 8 P Q flops
per vector, and 2 P Q for the tape.)";

}  // namespace docstrings
