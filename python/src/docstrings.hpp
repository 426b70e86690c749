#pragma once
/// Docstrings of the derivative functions, in one place.

namespace docstrings {

inline constexpr const char* linearization =
    R"(A network, its parameters and a set of samples, ready to answer every derivative.

Made by ``linearize``. The parameters are copied; x, t and ew are borrowed and must not be changed
while it lives. Not to be used by two threads at once.)";

inline constexpr const char* linearize =
    R"(Linearization of a network at its parameters on a set of samples.

Parameters
----------
net : Network
x : array (R, Q), or a list of one per input
t : array (S, Q), optional
    Targets; NaN means don't care. Without them only the outputs' derivatives can be asked for:
    ``jacobian``, ``jvp``, ``vjp``, ``gram`` and those with respect to the inputs.
ew : number, (1, Q), (S, 1) or (S, Q), optional
    Error weights, not negative.
samples : indices or boolean mask, optional
    The samples to use; equal to passing x[:, samples], t[:, samples], ew[:, samples].
dtype : numpy.float64 or numpy.float32, optional
    What every answer is made of. float32: Jacobians, Gram and curvature matrices are computed and
    written as docs/float32.md says, all else in float64 and rounded once.

Raises
------
ValueError
    For shapes that disagree, infinite values, an unconfigured network.
TypeError
    For anything but real numbers.
IndexError
    For samples out of range.)";

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
    MATLAB returns the negative gradient; 'matlab' does so too. Does not concern 'de_dwb'.
samples : indices or boolean mask, optional
n_threads : int, optional
    At most this many threads; results do not depend on it.
out : float64 array, optional
    Receives the result and is returned; any strides, Fortran order is fastest.
dtype : numpy.float64 or numpy.float32, optional
    What the result is made of, and ``out``; float32 computes as docs/float32.md says: the Jacobian
    rounded once, sums of products within 1e-6 of the largest element. Differences refuse float32.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, and for an unknown ``what`` or ``sign`` or an ``out`` that does not fit.

Notes
-----
Cost: 8 P S Q bytes written, or about 6 P Q flops for the gradient.)";

inline constexpr const char* staticderiv =
    R"(As ``defaultderiv``, which it equals for static networks: P x (S*Q) or (P,).)";

inline constexpr const char* num2deriv =
    R"(As ``defaultderiv``, P x (S*Q) or (P,), by one-sided differences of step 1e-7: a check.

Arguments and errors as there. Cost: P + 1 simulations.)";

inline constexpr const char* num5deriv =
    R"(As ``defaultderiv``, P x (S*Q) or (P,), by the five-point formula of step 1e-5: a check.

Arguments and errors as there. Cost: 4 P simulations.)";

inline constexpr const char* gradient =
    R"(Gradient of the performance, +dperf/dwb, shape (P,), regularisation included.

Arguments as in ``linearize`` and ``defaultderiv``. Cost: about 6 P Q flops.)";

inline constexpr const char* jacobian =
    R"(Jacobian of the outputs, unscaled and without targets.

Parameters
----------
net, x : as in ``linearize``
wrt : {'parameters', 'inputs'}
    'parameters': +dy/dwb, P x (S*Q), Fortran order, output fastest, then sample.
    'inputs': +dy/dx on the original scales, Q x S x R, C order.
order, samples, n_threads, out, dtype : as in ``defaultderiv``

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``; NaN inputs are refused, there being no targets to leave out.

Notes
-----
Cost: 8 P S Q bytes written.)";

inline constexpr const char* normal_equations =
    R"(Normal equations of the errors, (JJ, Je, sse), without ever holding the Jacobian.

With J = de_dwb and e the errors scaled alike: JJ = J J' (P x P), Je = J e (P,), sse = e'e. Raw: no
division by a count, no regularisation. ``out`` is a tuple of two arrays. Other arguments as in
``defaultderiv``. Cost: about that of ``gauss_newton``.)";

inline constexpr const char* gauss_newton =
    R"(Gauss-Newton matrix of the performance, P x P: ``hessian(..., kind='gauss-newton')``.

On the scale of the performance (for mse (2/Ne) J J' with J = de_dwb), regularisation included.
For crossentropy with softmax or logsig outputs it is the generalised Gauss-Newton matrix, split at
the net input (Schraudolph 2002); otherwise it is split at the outputs. Arguments and errors as in
``defaultderiv``. Cost: Q (sum P_l^2 / 2 + 2 sum_{l<k} P_l P_k) flops or fewer, whatever S.)";

inline constexpr const char* hessian =
    R"(Hessian of the performance with respect to weights and biases, P x P.

Exact for any depth, skip connections, every transfer and performance function; no finite
differences. Symmetric to the last bit; regularisation included; second derivatives at kinks are 0.

Parameters
----------
net, x, t, ew, samples, n_threads, out, dtype : as in ``defaultderiv``
    ``samples`` gives the sub-sampled Hessian of a mini-batch.
kind : {'exact', 'gauss-newton'}
structure : {'full', 'block', 'diagonal'}
    'block': a list of every layer's own block, P_l x P_l; only these are formed. 'diagonal': (P,), as
    ``hessian_diagonal``.
packed : bool
    The upper triangle column by column, P (P + 1) / 2 numbers (LAPACK's packed storage 'U'): element
    (i, j), i <= j, at i + j (j + 1) / 2. No P x P matrix is held.
order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
    Order of rows and columns; see ``Layout.permutation``.

Raises
------
ValueError, TypeError, IndexError
    As ``linearize``, for an unknown ``kind``, ``structure`` or ``order``, or an ``out`` that does not
    fit.

Notes
-----
Stagewise second-order backpropagation (Bishop 1992; Mizutani and Dreyfus 2008). Cost: about
Q (sum P_l^2 / 2 + 2 sum_{l<k} P_l P_k) flops for layers of P_l parameters.)";

inline constexpr const char* perform =
    R"(Performance of outputs y against targets t, both (S, Q), with the network's settings.

NaN targets don't count. Regularisation is included. crossentropy sees y alone and clamps it to
[eps, 1]; ``linearize(...).performance()`` uses the net input and need not.)";

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
)";

}  // namespace docstrings
