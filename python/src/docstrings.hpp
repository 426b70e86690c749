#pragma once
/// Docstrings of the derivative functions, in one place.

namespace docstrings {

inline constexpr const char* linearization =
    R"(A network, its parameters and a set of samples, ready to answer every derivative.

Made by ``linearize``. The parameters are copied; x, t and ew are borrowed and must not be changed
while it lives. Not to be used by two threads at once. Its methods are the functions of the same names
without net, x, t, ew, samples and dtype, which it has; each part of the tape is made when first needed,
and kept, up to 64 MiB, for the next question.)";

inline constexpr const char* linearize =
    R"(Linearization of a network at its parameters on a set of samples.

Parameters
----------
net : Network
    Configured; its parameters are copied.
x : array (R, Q), or a list of one per input
t : array (S, Q), optional
    Targets; NaN means don't care. Without them only the outputs' derivatives can be asked for:
    ``jacobian``, ``jvp``, ``vjp``, ``gram`` and those with respect to the inputs.
ew : number, (1, Q), (S, 1) or (S, Q), optional
    Error weights, not negative.
samples : indices, boolean mask or slice, optional
    The samples to use; equal to passing x[:, samples], t[:, samples], ew[:, samples].
dtype : numpy.float64 or numpy.float32, optional
    What every answer is made of. float32: Jacobians, Gram and curvature matrices are computed and
    written as docs/float32.md says, all else in float64 and rounded once.

Returns
-------
Linearization

Raises
------
ValueError
    For shapes that disagree, infinite values, an unconfigured network.
TypeError
    For anything but real numbers.
IndexError
    For samples out of range.

Notes
-----
Cost: reading x, t and ew once; passes are made when first needed (docs/derivatives.md).)";

inline constexpr const char* defaultderiv =
    R"(Derivative of errors or performance with respect to weights and biases, MATLAB's defaultderiv.

Parameters
----------
what : {'de_dwb', 'dperf_dwb'}
    'de_dwb': Jacobian of the errors e = t - y, P x (S*Q), Fortran order: rows are parameters in the
    order of ``net.layout``, columns are errors, output fastest, then sample. Scaled by
    sqrt(ew) and the error normalisation; zero columns where the target is NaN.
    'dperf_dwb': gradient of the performance, (P,), regularisation included.
net, x, t : as in ``linearize``
xi, ai : None
    Delay states; networks are static.
ew : error weights, as in ``linearize``
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of the parameters in the result; see ``Layout.permutation``.
sign : {'true', 'matlab'}
    MATLAB returns the negative gradient; 'matlab' does so too. 'de_dwb' is the same for both.
samples : indices, boolean mask or slice, optional
    The samples to use.
n_threads : int, optional
    At most this many threads; results do not depend on it.
out : float64 array, optional
    Receives the result and is returned; any strides, Fortran order is fastest.
dtype : numpy.float64 or numpy.float32, optional
    What the result is made of, and ``out``; float32 computes as docs/float32.md says: the Jacobian
    rounded once, sums of products within 1e-6 of the largest element. Differences refuse float32.

Returns
-------
ndarray
    P x (S*Q) or (P,); ``out`` where it was given.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, and for an unknown ``what``, ``sign`` or ``order`` or an ``out`` that does not fit.

Notes
-----
Column by column an outer product of sources and sensitivities (Hagan and Menhaj 1994). Cost: 8 P S Q
bytes written, or about 6 P Q flops for the gradient.)";

inline constexpr const char* staticderiv =
    R"(Derivative of errors or performance, as ``defaultderiv``, which it equals for static networks.

Parameters
----------
what, net, x, t, xi, ai, ew, sign, order, samples, n_threads, out, dtype : as in ``defaultderiv``

Returns
-------
ndarray
    P x (S*Q) or (P,), as ``defaultderiv``.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``.)";

inline constexpr const char* num2deriv =
    R"(Derivative of errors or performance by one-sided differences of step 1e-7: a check.

Parameters
----------
what, net, x, t, xi, ai, ew, sign, order, samples, n_threads, out : as in ``defaultderiv``
dtype : numpy.float64, optional
    Differences of float32 have no digits.

Returns
-------
ndarray
    P x (S*Q) or (P,), as ``defaultderiv``; about seven digits are right.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``, and for float32.

Notes
-----
(f(w + h) - f(w)) / h, as MATLAB's num2deriv. Cost: P + 1 simulations.)";

inline constexpr const char* num5deriv =
    R"(Derivative of errors or performance by the five-point formula of step 1e-5: a check.

Parameters
----------
what, net, x, t, xi, ai, ew, sign, order, samples, n_threads, out, dtype : as in ``num2deriv``

Returns
-------
ndarray
    P x (S*Q) or (P,), as ``defaultderiv``; about ten digits are right.

Raises
------
ValueError, TypeError, IndexError
    As ``num2deriv``.

Notes
-----
(f(w - 2h) - 8 f(w - h) + 8 f(w + h) - f(w + 2h)) / 12 h, as MATLAB's num5deriv. Cost: 4 P
simulations.)";

inline constexpr const char* gradient =
    R"(Gradient of the performance, +dperf/dwb, shape (P,), regularisation included.

Parameters
----------
net, x, t, ew, samples, order, n_threads, out, dtype : as in ``defaultderiv``

Returns
-------
ndarray, shape (P,)
    On the scale of the performance: ``defaultderiv('dperf_dwb', ...)``.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``.

Notes
-----
Back-propagation (Rumelhart, Hinton and Williams 1986). Cost: about 6 P Q flops, whatever S.)";

inline constexpr const char* de_dwb =
    R"(Jacobian of the errors, P x (S*Q), as ``defaultderiv('de_dwb', ...)``.

Parameters
----------
order, n_threads, out : as in ``defaultderiv``

Returns
-------
ndarray, P x (S*Q), Fortran order
    Of sqrt(ew) norm (t - y): scaled so, and with zero columns where the target does not count.

Raises
------
ValueError, TypeError
    As ``defaultderiv``, and without targets.

Notes
-----
Hagan and Menhaj (1994). Cost: 8 P S Q bytes written.)";

inline constexpr const char* outputs =
    R"(Outputs of the network, S x Q, on the original scale.

Parameters
----------
n_threads, out : as in ``defaultderiv``

Returns
-------
ndarray, shape (S, Q), Fortran order
    NaN where an unknown input leaves an output unknown.

Raises
------
ValueError, TypeError
    For an ``out`` that does not fit, or a wrong number of threads.

Notes
-----
Cost: 2 P Q flops.)";

inline constexpr const char* performance =
    R"(Performance on these samples, a float, regularisation included.

Parameters
----------
n_threads : int, optional
    At most this many threads; results do not depend on it.

Returns
-------
float
    mse, mae and crossentropy are means over the targets that count, sse and sae sums.

Raises
------
ValueError, TypeError
    Without targets, or for a wrong number of threads.

Notes
-----
The formulas: docs/derivatives.md. After softmax and logsig outputs crossentropy is formed from the net
input. Cost: 2 P Q flops.)";

inline constexpr const char* errors =
    R"(Errors as ``de_dwb`` differentiates them, sqrt(ew) norm (t - y), (S, Q).

Parameters
----------
n_threads, out : as in ``defaultderiv``

Returns
-------
ndarray, shape (S, Q), Fortran order
    0 where the target does not count. Their squares sum to the e'e of ``normal_equations``; norm is
    the error normalisation of the network, 1 unless asked for.

Raises
------
ValueError, TypeError
    Without targets, for an ``out`` that does not fit, or a wrong number of threads.

Notes
-----
Cost: one simulation.)";

inline constexpr const char* error_scales =
    R"(Factors of the errors, sqrt(ew) norm, (S, Q); 0 where the target does not count.

Parameters
----------
out : float64 array (S, Q), optional
    Receives the result and is returned.

Returns
-------
ndarray, shape (S, Q), Fortran order
    ``de_dwb`` is ``-jacobian`` times these, column by column.

Raises
------
ValueError, TypeError
    Without targets, or for an ``out`` that does not fit.

Notes
-----
Cost: 8 S Q bytes written.)";

inline constexpr const char* parameters =
    R"(A copy of the parameters that the linearization was made with, (P,), always float64.)";

inline constexpr const char* jacobian =
    R"(Jacobian of the outputs, unscaled and without targets.

Parameters
----------
net, x : as in ``linearize``
wrt : {'parameters', 'inputs'}
    'parameters': +dy/dwb, P x (S*Q), Fortran order, output fastest, then sample.
    'inputs': +dy/dx on the original scales, Q x S x R, C order; no ``order``.
order, samples, n_threads, out, dtype : as in ``defaultderiv``

Returns
-------
ndarray
    P x (S*Q) or Q x S x R; ``out`` where it was given.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``; NaN inputs are refused, there being no targets to leave out.

Notes
-----
Hagan and Menhaj (1994). Cost: 8 P S Q bytes written; by the inputs 1 + min(S, R) passes.)";

inline constexpr const char* normal_equations =
    R"(Normal equations of the errors, (JJ, Je, sse), without ever holding the Jacobian.

Parameters
----------
net, x, t, order, ew, samples, n_threads, dtype : as in ``defaultderiv``
out : tuple of two arrays, P x P and (P,), optional
    Receive JJ and Je.

Returns
-------
JJ : ndarray, P x P, symmetric to the last bit
Je : ndarray, (P,)
sse : float
    With J = de_dwb and e the errors scaled alike: J J', J e, e'e. Raw: no division by a count, no
    regularisation; for mse ``2 / Ne * Je`` is the gradient of the data.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``.
MemoryError
    With the bytes needed, when P x P numbers cannot be had.

Notes
-----
Hagan and Menhaj (1994). Cost: about that of ``gauss_newton``.)";

inline constexpr const char* gauss_newton =
    R"(Gauss-Newton matrix of the performance, P x P: ``hessian(..., kind='gauss-newton')``.

Parameters
----------
net, x, t, order, ew, samples, n_threads, out, dtype : as in ``defaultderiv``

Returns
-------
ndarray, P x P, symmetric to the last bit
    On the scale of the performance (for mse (2/Ne) J J' with J = de_dwb), regularisation included.
    For crossentropy with softmax or logsig outputs it is the generalised Gauss-Newton matrix, split
    at the net input; otherwise it is split at the outputs.

Raises
------
ValueError, TypeError, IndexError
    As ``defaultderiv``.
MemoryError
    With the bytes needed, when P x P numbers cannot be had.

Notes
-----
Schraudolph (2002). Cost: Q (sum P_l^2 / 2 + 2 sum_{l<k} P_l P_k) flops or fewer, whatever S.)";

inline constexpr const char* hessian =
    R"(Hessian of the performance with respect to weights and biases, P x P.

Exact for any depth, skip connections, every transfer and performance function; no finite
differences. Symmetric to the last bit; regularisation included; second derivatives at kinks are 0.

Parameters
----------
net, x, t, ew, samples, n_threads, out, dtype : as in ``defaultderiv``
    ``samples`` gives the sub-sampled Hessian of a mini-batch.
kind : {'exact', 'gauss-newton'}
    The Hessian itself, or the Gauss-Newton matrix.
structure : {'full', 'block', 'diagonal'}
    'block': a list of every layer's own block, P_l x P_l; only these are formed. 'diagonal': (P,), as
    ``hessian_diagonal``.
packed : bool
    The upper triangle column by column, P (P + 1) / 2 numbers (LAPACK's packed storage 'U'): element
    (i, j), i <= j, at i + j (j + 1) / 2. No P x P matrix is held.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of rows and columns; see ``Layout.permutation``. A packed triangle is that of the
    rearranged matrix.

Returns
-------
ndarray, P x P, or as ``structure`` and ``packed`` say
    On the scale of the performance.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, for an unknown ``kind``, ``structure`` or ``order``, or an ``out`` that does not
    fit.
MemoryError
    With the bytes needed, when the result cannot be had.

Notes
-----
Stagewise second-order backpropagation (Bishop 1992; Mizutani and Dreyfus 2008). Cost: about
Q (sum P_l^2 / 2 + 2 sum_{l<k} P_l P_k) flops for layers of P_l parameters.)";

inline constexpr const char* perform =
    R"(Performance of outputs against targets, a float, with the network's settings.

Parameters
----------
net : Network
    Gives performance function, regularisation and normalisation.
t, y : array (S, Q), or a list of one per output
    Targets, of which NaN don't count, and outputs.
ew : error weights, as in ``linearize``

Returns
-------
float
    Regularisation included.

Raises
------
ValueError, TypeError
    For shapes that disagree, infinite values, anything but real numbers.

Notes
-----
The formulas: docs/derivatives.md. crossentropy sees y alone and clamps it to [eps, 1];
``linearize(...).performance()`` uses the net input and need not. Cost: that of reading y and t.)";

inline constexpr const char* build_info =
    R"(Version, compiler, Eigen, OpenMP, instruction sets and threads, as a dict.

Instruction sets: compiled, available, in use. Threads: those that a call without n_threads may use.)";

inline constexpr const char* clear_buffers =
    R"(Give the memory kept for later results back to the system; see ``buffers``.)";

inline constexpr const char* buffers =
    R"(Memory kept for later results, and the most that may be kept.

Memory that the process never had costs several times what it takes to write it, so a result of
4 MiB or more leaves its memory, once nobody holds it, to the next one of about the same size. With
``out=`` no memory is taken at all.

Parameters
----------
limit : int, optional
    Most bytes to keep; 0 turns this off. At the start 1 GiB, or a sixteenth of the machine's memory
    where that is less.

Returns
-------
dict
    ``limit`` and ``kept``, in bytes. ``clear_buffers()`` frees what is kept.

Raises
------
ValueError, TypeError
    For anything but a whole number from 0, or None.)";

}  // namespace docstrings
