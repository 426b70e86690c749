"""Derivatives as SciPy linear operators: for ``cg``, ``lsmr``, ``eigsh``, ``svds`` and the like.

Products only; no matrix is formed. SciPy (``pip install "jacnet[scipy]"``) is imported with this
module, which ``jacnet`` imports when one of its classes is first asked for.
"""

from __future__ import annotations

import numpy as np

from ._calls import public_methods
from ._linearized import linearized, need_curvature
from ._named import named
from ._options import check_threads
from ._order import order_of, reordered

try:
    from scipy.sparse.linalg import LinearOperator
except ImportError as error:  # pragma: no cover
    raise ImportError(
        f'jacnet\'s linear operators need SciPy ({error}): pip install "jacnet[scipy]"'
    ) from error


class _Operator(LinearOperator):
    """Products of a linearization, with an order of the parameters and a number of threads."""

    def __init__(self, net, x, t, ew, samples, order, n_threads):
        name = type(self).__name__
        check_threads(name, n_threads)
        self.linearization = linearized(name, net, x, t, ew, samples)
        self.n_threads = n_threads
        self._index = order_of(name, self.linearization, order)
        self._inverse = None if self._index is None else np.argsort(self._index)
        super().__init__(np.dtype(float), self._size())

    def _size(self) -> tuple[int, int]:
        p = self.linearization.n_parameters
        return p, p

    def __copy__(self):
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        return copy

    def __reduce__(self):
        raise TypeError(
            f"{type(self).__name__}: cannot be pickled or copied deeply, for it holds the passes "
            "over its samples; pickle the network and the data, and make the operator from them"
        )

    def matvec(self, x):
        """Product with a vector of as many elements as there are columns."""
        return super().matvec(self._fitting(x, self.shape[1]))

    def rmatvec(self, x):
        """Product of the adjoint with a vector of as many elements as there are rows."""
        return super().rmatvec(self._fitting(x, self.shape[0]))

    def matmat(self, X):  # noqa: N803
        """The same as `matvec` for the columns of a matrix."""
        return super().matmat(self._fitting(X, self.shape[1]))

    def rmatmat(self, X):  # noqa: N803
        """The same as `rmatvec` for the columns of a matrix."""
        return super().rmatmat(self._fitting(X, self.shape[0]))

    def _fitting(self, vectors, size):
        shape = np.shape(vectors)
        if shape[:1] != (size,):
            raise ValueError(
                f"{type(self).__name__}: the operand has shape {shape}, expected {size} rows; the "
                f"operator is {self.shape[0]} x {self.shape[1]}"
            )
        return vectors

    def _named(self):
        """For products, whose messages speak of the operator then."""
        return named(type(self).__name__, "jvp", "vjp", "hvp", "ggnvp")

    def _matvec(self, v):
        return self._matmat(np.reshape(v, (-1, 1)))[:, 0]

    def _rmatvec(self, u):
        return self._rmatmat(np.reshape(u, (-1, 1)))[:, 0]

    def _rmatmat(self, u):  # symmetric, unless a class says otherwise
        return self._matmat(u)

    def _natural(self, v):
        """Vectors in the order of the layout."""
        return reordered(np.asarray(v), self._inverse, 0)

    def _ordered(self, result):
        """Results in the order that was asked for."""
        return reordered(result, self._index, 0)


class _Symmetric(_Operator):
    def _adjoint(self):
        return self

    _transpose = _adjoint


@public_methods("operator")
class JacobianOperator(_Operator):
    """Jacobian of the outputs, +dy/dwb, (S*Q) x P, from products alone.

    The transpose of ``jacobian(net, x)``: rows are outputs, output element fastest, then sample;
    columns are parameters in the order of ``net.layout``. Unscaled; no targets.

    Parameters
    ----------
    net : Network or Linearization
        A linearization (of ``linearize``) brings its own data.
    x : array (R, Q), or a list of one per input
        Not with a linearization.
    samples : indices, boolean mask or slice, optional
        Not with a linearization.
    order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
        Order of the columns; see ``Layout.permutation``.
    n_threads : int, optional
        At most this many threads; results do not depend on it.

    Raises
    ------
    ValueError, TypeError, IndexError
        As ``linearize``, and for data beside a linearization.
    ImportError
        Without SciPy.

    Notes
    -----
    ``matvec`` is ``jvp``, ``rmatvec`` is ``vjp``: 4 P Q flops each; ``matmat`` and ``rmatmat`` take
    several vectors in one call. Parameters are those at the time of its making.
    """

    def __init__(self, net, x=None, *, samples=None, order=None, n_threads=None):
        super().__init__(net, x, None, None, samples, order, n_threads)

    def _size(self) -> tuple[int, int]:
        lin = self.linearization
        return lin.n_outputs * lin.n_samples, lin.n_parameters

    def _matmat(self, v):
        with self._named():
            y = self.linearization.jvp(self._natural(v), n_threads=self.n_threads)
        return y.reshape((self.shape[0], -1), order="F")

    def _rmatmat(self, u):
        lin = self.linearization
        u = np.asarray(u)
        shape = (lin.n_outputs, lin.n_samples, u.shape[1])
        with self._named():
            product = lin.vjp(np.reshape(u, shape, order="F"), n_threads=self.n_threads)
        return self._ordered(product)


@public_methods("operator")
class GramOperator(_Symmetric):
    """Gram matrix of the Jacobian, (dy/dwb)'(dy/dwb), (S*Q) x (S*Q), from products alone.

    The matrix of ``gram(net, x)``, the empirical neural tangent kernel; rows and columns are
    outputs, output element fastest, then sample.

    Parameters
    ----------
    net, x, samples, n_threads : as in :class:`JacobianOperator`

    Raises
    ------
    ValueError, TypeError, IndexError, ImportError
        As :class:`JacobianOperator`.

    Notes
    -----
    ``matvec`` is ``jvp`` of ``vjp``: 8 P Q flops per vector.
    """

    def __init__(self, net, x=None, *, samples=None, n_threads=None):
        super().__init__(net, x, None, None, samples, None, n_threads)

    def _size(self) -> tuple[int, int]:
        lin = self.linearization
        return (lin.n_outputs * lin.n_samples,) * 2

    _weighted = JacobianOperator._rmatmat
    _moved = JacobianOperator._matmat

    def _matmat(self, v):
        return self._moved(self._weighted(v))


@public_methods("operator")
class HessianOperator(_Symmetric):
    """Hessian of the performance, P x P, from products alone.

    The matrix of ``hessian(net, x, t)``, regularisation included. For ``(H + mu I)`` add
    ``mu * scipy.sparse.linalg.aslinearoperator(scipy.sparse.identity(P))``.

    Parameters
    ----------
    net : Network or Linearization
        A linearization (of ``linearize`` with targets, or ``with_loss``) brings its own data.
    x, t, ew, samples : as in ``linearize``
        Not with a linearization.
    order : {'matlab', 'torch', 'keras', 'sklearn'}, optional
        Order of rows and columns; see ``Layout.permutation``.
    n_threads : int, optional
        At most this many threads; results do not depend on it.

    Raises
    ------
    ValueError, TypeError, IndexError
        As ``linearize``, and for data beside a linearization.
    ImportError
        Without SciPy.

    Notes
    -----
    ``matvec`` is ``hvp``: at most 12 P Q flops; ``matmat`` takes several vectors in one call.
    Parameters are those at the time of its making.
    """

    _kind = "exact"

    def __init__(self, net, x=None, t=None, *, ew=None, samples=None, order=None, n_threads=None):
        super().__init__(net, x, t, ew, samples, order, n_threads)
        need_curvature(type(self).__name__, self.linearization, self._kind)

    def _matmat(self, v):
        with self._named():
            product = self.linearization.hvp(self._natural(v), n_threads=self.n_threads)
        return self._ordered(product)


@public_methods("operator")
class GaussNewtonOperator(HessianOperator):
    """Gauss-Newton matrix of the performance, P x P, from products alone.

    The matrix of ``gauss_newton(net, x, t)``: positive semidefinite, regularisation included.

    Parameters
    ----------
    net, x, t, ew, samples, order, n_threads : as in :class:`HessianOperator`

    Raises
    ------
    ValueError, TypeError, IndexError, ImportError
        As :class:`HessianOperator`.

    Notes
    -----
    ``matvec`` is ``ggnvp``: 8 P Q flops per vector.
    """

    _kind = "gauss-newton"

    def _matmat(self, v):
        with self._named():
            product = self.linearization.ggnvp(self._natural(v), n_threads=self.n_threads)
        return self._ordered(product)
