#pragma once
/// Docstrings of the Hessian's pieces, per-sample quantities, Fisher information and own losses.

namespace docstrings {

inline constexpr const char* gradients =
    R"(Gradients sample by sample, P x Q, Fortran order.

Column q is the gradient of sample q's share of the performance: the columns' sum, plus the gradient
of the regularisation, is ``gradient``. So for mse a column is 2 (1 - r) / Ne times de_dwb e of that
sample; multiply by Ne for gradients of unscaled losses. Zero where every target is NaN.

Parameters
----------
net, x, t, ew, samples, n_threads, out : as in ``defaultderiv``
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of the rows; see ``Layout.permutation``.

Returns
-------
ndarray, P x Q, Fortran order
    On the scale of the performance.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``, and for an unknown ``order``.
MemoryError
    When P Q numbers cannot be had: ask for fewer samples at a time.

Notes
-----
kron(u_l, g_l), layer by layer (Bishop 1992). Cost: one backward pass and 8 P Q bytes written.)";

inline constexpr const char* hessians =
    R"(Hessians sample by sample, Q x P x P, C order: for small networks.

Entry q is the Hessian of sample q's share of the performance: their sum, plus the Hessian of the
regularisation, is ``hessian``. Each is symmetric to the last bit.

Parameters
----------
net, x, t, ew, samples, n_threads, out : as in ``defaultderiv``
kind : {'exact', 'gauss-newton'}
    Of the Hessian itself, or of the Gauss-Newton matrix.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of the last two axes; see ``Layout.permutation``.

Returns
-------
ndarray, Q x P x P, C order
    On the scale of the performance.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``, and for an unknown ``kind`` or ``order``.
MemoryError
    When Q P^2 numbers cannot be had: ask for fewer samples at a time.

Notes
-----
Stagewise second-order backpropagation, as ``hessian``. Cost: 8 Q P^2 bytes written.)";

inline constexpr const char* hessian_diagonal =
    R"(Diagonal of the Hessian, (P,), exact: neither probing nor the full matrix.

Parameters
----------
net, x, t, ew, samples, n_threads, out : as in ``defaultderiv``
kind : {'exact', 'gauss-newton'}
    Of the Hessian itself, or of the Gauss-Newton matrix.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of the parameters; see ``Layout.permutation``.

Returns
-------
ndarray, shape (P,)
    On the scale of the performance, regularisation included.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``, and for an unknown ``kind`` or ``order``.

Notes
-----
sum_n B_ll[i, i] u_l[p]^2, with B_ll the Hessian with respect to the net inputs of layer l (Bishop
1992; Mizutani and Dreyfus 2008). Cost: about 2 Q P (S + 2) flops with up to two hidden layers,
where these diagonals are sums of squares; else O(Q sum h^3) + 2 Q P, where a chain takes
2 h_l h_{l+1} (h_l + h_{l+1}) for each layer and sample.)";

inline constexpr const char* gauss_newton_diagonal =
    R"(Diagonal of the Gauss-Newton matrix, (P,): ``hessian_diagonal(..., kind='gauss-newton')``.

Parameters
----------
net, x, t, ew, samples, order, n_threads, out : as in ``hessian_diagonal``

Returns
-------
ndarray, shape (P,)
    Not negative; on the scale of the performance, regularisation included.

Raises
------
ValueError, TypeError, IndexError
    As ``hessian_diagonal``.

Notes
-----
By the curvatures at the net inputs or by the sensitivities of the outputs, whichever is cheaper; the
latter take about 2 P S Q flops.)";

inline constexpr const char* hessian_trace =
    R"(Trace of the Hessian, a float: the sum of its eigenvalues, exact.

Parameters
----------
net, x, t, kind, ew, samples, n_threads : as in ``hessian_diagonal``

Returns
-------
float
    On the scale of the performance, regularisation included.

Raises
------
ValueError, TypeError, IndexError
    As ``hessian_diagonal``.

Notes
-----
The sum of ``hessian_diagonal``, at its cost; nothing is drawn at random.)";

inline constexpr const char* hessian_block =
    R"(Chosen rows and columns of the Hessian, len(rows) x len(cols).

Parameters
----------
net, x, t, ew, samples, n_threads, out : as in ``defaultderiv``
rows, cols : a choice of parameters, as ``Layout.select`` takes it; cols None: the rows
    A block's name 'LW{2,1}', an element's name 'IW{1,1}(3,1)', ('layer', l), ('neuron', l, i) with
    l and i from 0, an index, a slice, indices, a mask (P,), or a list of these.
kind : {'exact', 'gauss-newton'}
    Of the Hessian itself, or of the Gauss-Newton matrix.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    The order that indices, slices and masks count in, and that a block's elements come in; see
    ``Layout.permutation``.

Returns
-------
ndarray, len(rows) x len(cols)
    On the scale of the performance, regularisation included.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``, and for a choice that names no parameters.

Notes
-----
Equal to ``hessian(...)[np.ix_(rows, cols)]`` to rounding, but only the pairs of layers, neurons and
sources that are asked for are formed: the cost is that of the elements, plus the curvatures between
the layers in question.)";

inline constexpr const char* fisher =
    R"(Fisher information of the parameters, P x P, expected under the model of the outputs.

The model is that of which the performance is the negative log-likelihood: Gaussian for mse and sse,
categorical for crossentropy with softmax outputs, Bernoulli for crossentropy with a single logsig
output. It then equals the (generalised) Gauss-Newton matrix without regularisation, and is on the
scale of the performance, like it.

Parameters
----------
net, x, t, ew, samples, n_threads, out : as in ``defaultderiv``
structure : {'full', 'diagonal'}
    'diagonal': only the diagonal, (P,), at the cost of ``gauss_newton_diagonal``.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of rows and columns; see ``Layout.permutation``.

Returns
-------
ndarray, P x P or (P,)

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``; for mae and sae, and for crossentropy of other outputs, which are no model.
MemoryError
    With the bytes needed, when P x P numbers cannot be had.

Notes
-----
Amari (1998); Martens (2020). Cost: that of ``gauss_newton``.)";

inline constexpr const char* empirical_fisher =
    R"(Empirical Fisher information, P x P: the average is over the targets at hand.

With G = ``gradients(...)`` it is G G' / tau, where the performance is tau times the negative
log-likelihood: tau = 2 (1 - r) / Ne for mse, 2 (1 - r) for sse, (1 - r) / Ne for crossentropy and
mae, 1 - r for sae, and 1 for a loss of one's own. So it is on the scale of the performance, and its
expectation over targets drawn from the model (with unit error weights for crossentropy) is
``fisher``; G G' itself is tau times it. No regularisation.

Parameters
----------
net, x, t, structure, order, ew, samples, n_threads, out : as in ``fisher``

Returns
-------
ndarray, P x P or (P,)

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``; every performance function is accepted.
MemoryError
    As ``fisher``.

Notes
-----
Cost: Q sum_{l<=k} P_l P_k flops; the diagonal 2 P Q. It is not the Gauss-Newton matrix (Kunstner,
Balles and Hennig 2019, "Limitations of the empirical Fisher approximation").)";

inline constexpr const char* with_loss =
    R"(The same network, parameters and samples under a loss of one's own, sum_q loss_q(y_q).

Parameters
----------
dloss : array (S, Q)
    dloss_q/dy at the outputs, ``lin.outputs()``; columns in the order of the linearization's samples.
d2loss : array (Q, S, S) or (S, Q), optional
    d2loss_q/dy dy at the outputs, samples first, or only its diagonal, as a matrix like dloss. It is
    symmetrised: only (d2loss + its transpose) / 2 counts. Without it, only first derivatives can be
    asked for.

Returns
-------
Linearization
    Every question about the performance is one about the sum of the losses: ``gradient``,
    ``gradients``, ``hessian`` and its pieces, ``gauss_newton`` (split at the outputs: J' d2loss J),
    ``empirical_fisher``. No factor, error weight or regularisation is added; ``performance`` and what
    needs targets is refused. The arrays are borrowed and must not be changed while it lives.

Raises
------
ValueError, TypeError
    For shapes that disagree, values that are not finite.

Notes
-----
The chain rule at the outputs: the recursions of ``gradient`` and ``hessian`` started from dloss and
d2loss. Cost: that of the question.

Examples
--------
>>> lin = jn.linearize(net, x)
>>> y = lin.outputs()
>>> own = lin.with_loss(np.sinh(y), np.cosh(y))  # sum(cosh(y))
>>> H = own.hessian())";

}  // namespace docstrings
