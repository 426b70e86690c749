"""Sums over chunks of samples: results over data that come piece by piece.

Every chunk is asked for the *sum* over its samples, without regularisation; sums are added, divided
once by the number of targets of all chunks where the performance is a mean, and regularisation is
added once. So the result is that of all samples at once, to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ._calls import public_methods
from ._core import Linearization, linearize
from ._memory import memory_remedy
from ._named import named
from ._options import check_threads
from ._order import order_index, reordered
from ._suggest import chosen, quoted
from .minibatches import MEANS
from .network import Network

_SUMS = {"mse": "sse", "mae": "sae"}
_QUESTIONS = ("performance", "gradient", "hessian", "gauss_newton", "normal_equations")
LESS_MEMORY = (
    "use fewer parameters (net.set_learn freezes weights), or sum the diagonal of each chunk: "
    "jn.hessian(..., structure='diagonal')"
)


@public_methods("sums")
class Accumulator:
    """Running sums over chunks of samples, and the results that they make.

    Parameters
    ----------
    net : Network
        Copied; later changes do not matter.
    what : str or sequence of str
        What will be asked for: ``"performance"``, ``"gradient"`` (P,), ``"hessian"``,
        ``"gauss_newton"`` (P x P), ``"normal_equations"``.

    Attributes
    ----------
    n_samples, n_targets, n_chunks : int
        Counted so far; targets that are NaN do not count.

    Raises
    ------
    ValueError, TypeError
        For anything but a configured network, or an unknown quantity.

    Notes
    -----
    Memory: the results and as much again, however many chunks come. Cost: that of the questions on
    all samples. Results can be read at any time, and more chunks added after. A chunk whose
    questions fail or are interrupted leaves the sums as they were.

    Examples
    --------
    >>> x, t = jn.datasets.simplefit()
    >>> net = jn.feedforwardnet(4).configure(x, t)
    >>> sums = jn.Accumulator(net, "hessian")
    >>> for idx in jn.minibatches(x, 40):
    ...     sums.add(x[:, idx], t[:, idx])
    >>> np.allclose(sums.hessian(), jn.hessian(net, x, t))
    True
    """

    def __init__(self, net: Network, what: str | Sequence[str]) -> None:
        if not isinstance(net, Network):
            raise TypeError(f"Accumulator: net must be a jacnet.Network, got {type(net).__name__}")
        self._what = quantities("Accumulator", what)
        self._net = net.copy()
        self._is_mean = net.performance in MEANS
        self._summing = net.copy()
        self._summing.performance = _SUMS.get(net.performance, net.performance)
        self._summing.performParam.regularization = 0.0
        self._sums: dict[str, Any] = {}
        self._scratch: dict[str, Any] = {}
        self._spoilt = False
        self.n_samples = self.n_targets = self.n_chunks = 0

    def add(
        self,
        x: Any,
        t: Any,
        ew: Any = None,
        *,
        samples: Any = None,
        n_threads: int | None = None,
    ) -> None:
        """Take in a chunk of any number of samples.

        Parameters
        ----------
        x, t, ew, samples : as in ``linearize``
        n_threads : int, optional
            At most this many threads; results do not depend on it.

        Raises
        ------
        ValueError, TypeError, IndexError
            As ``linearize``.
        MemoryError
            When the sums cannot be had.
        RuntimeError
            Where an earlier chunk was interrupted while it was being added.
        """
        self._refuse_spoilt("Accumulator.add")
        check_threads("Accumulator.add", n_threads)
        if t is None:
            raise TypeError("Accumulator.add: t must be an array of targets, got None")
        with named("Accumulator.add"):
            lin = linearize(self._summing, x, t, ew=ew, samples=samples)
        factor = float(lin.n_targets) if self._summing.performance in MEANS else 1.0
        answers = {name: self._answer(name, lin, factor, n_threads) for name in self._what}
        self._spoilt = True  # until everything is added
        for name, answer in answers.items():
            self._sums[name] = _added(self._sums[name], answer) if name in self._sums else answer
        self.n_samples += lin.n_samples
        self.n_targets += lin.n_targets
        self.n_chunks += 1
        self._spoilt = False

    def performance(self) -> float:
        """Performance on all samples so far, a float, regularisation included.

        Errors as of :meth:`gradient`.
        """
        return float(self._result("performance"))

    def gradient(self, order: str | None = None) -> np.ndarray:
        """+dperf/dwb on all samples so far, (P,).

        Parameters
        ----------
        order : {"matlab", "torch", "keras", "sklearn"}, optional
            Order of the parameters; see :meth:`Layout.permutation`.

        Raises
        ------
        ValueError
            If it was not asked for when the object was made, no chunk was added, or the order is
            unknown.
        RuntimeError
            Where a chunk was interrupted while it was being added.
        """
        return self._ordered("gradient", order, 0)

    def hessian(self, order: str | None = None) -> np.ndarray:
        """Exact Hessian of the performance on all samples so far, P x P.

        `order` and errors as of :meth:`gradient`.
        """
        return self._ordered("hessian", order, 0, 1)

    def gauss_newton(self, order: str | None = None) -> np.ndarray:
        """Gauss-Newton matrix of the performance on all samples so far, P x P.

        `order` and errors as of :meth:`gradient`.
        """
        return self._ordered("gauss_newton", order, 0, 1)

    def normal_equations(self, order: str | None = None) -> tuple[np.ndarray, np.ndarray, float]:
        """(JJ, Je, sse) of all samples so far, (P, P), (P,) and a float, raw.

        `order` and errors as of :meth:`gradient`.
        """
        index = order_index("normal_equations", self._net.layout, order)
        squares, products, sse = self._sum_of("normal_equations")
        squares, products = squares.copy(order="F"), products.copy()
        return reordered(squares, index, 0, 1), reordered(products, index, 0), float(sse)

    def _ordered(self, name: str, order: str | None, *axes: int) -> np.ndarray:
        index = order_index(name, self._net.layout, order)
        return reordered(self._result(name), index, *axes)

    def _answer(self, name: str, lin: Linearization, factor: float, n_threads: int | None) -> Any:
        """`factor` times the chunk's answer; the sums are left alone."""
        if name == "performance":
            return factor * lin.performance(n_threads=n_threads)
        ask = getattr(lin, name)
        with memory_remedy("Accumulator.add", LESS_MEMORY):
            if name not in self._sums:  # becomes the sum itself
                answer = ask(n_threads=n_threads)
            else:  # memory for one more, made once
                if name not in self._scratch:
                    self._scratch[name] = _like(self._sums[name])
                answer = ask(n_threads=n_threads, out=self._scratch[name])
        if name != "normal_equations":  # those are raw sums as they are
            answer *= factor
        return answer

    def _refuse_spoilt(self, function: str) -> None:
        if self._spoilt:
            raise RuntimeError(
                f"{function}: the sums are spoilt: adding a chunk to them was interrupted; make "
                "another Accumulator and add all chunks again"
            )

    def _sum_of(self, name: str) -> Any:
        self._refuse_spoilt(name)
        if name not in self._what:
            raise ValueError(
                f"{name}: not asked for when the Accumulator was made; it sums "
                f"{', '.join(self._what)}"
            )
        if name not in self._sums:
            raise ValueError(f"{name}: no chunk has been added yet; call add(x, t) first")
        return self._sums[name]

    def _result(self, name: str) -> Any:
        ratio = self._net.performParam.regularization
        scale = (1.0 - ratio) / (max(self.n_targets, 1) if self._is_mean else 1)
        result = scale * self._sum_of(name)
        if ratio > 0.0:  # what no samples at all leave: the regularisation
            nothing = [np.zeros((rows, 0)) for rows in self._net.input_sizes]
            none = np.zeros((sum(self._net.output_sizes), 0))
            result += getattr(linearize(self._net, nothing, none), name)()
        return result


def quantities(function: str, what: Any) -> tuple[str, ...]:
    """Names of what is asked for, checked."""
    names = [what] if isinstance(what, str) else what
    if not isinstance(names, (list, tuple, set, frozenset)) or not all(
        isinstance(name, str) for name in names
    ):
        raise TypeError(
            f"{function}: what must be the name of a quantity or a list of names, got "
            f"{quoted(what)}; there are: {', '.join(_QUESTIONS)}"
        )
    if not names:
        raise ValueError(f"{function}: what is empty, expected some of {_QUESTIONS}")
    for name in names:
        chosen(f"{function}: what", name, _QUESTIONS)
    return tuple(names)


def _added(total: Any, answer: Any) -> Any:
    """`total` plus `answer`, in the memory of `total`."""
    if isinstance(total, tuple):
        jj, je, sse = total
        return (_added(jj, answer[0]), _added(je, answer[1]), sse + answer[2])
    if isinstance(total, float):
        return total + answer
    return np.add(total, answer, out=total)


def _like(answer: Any) -> Any:
    if isinstance(answer, tuple):
        return tuple(np.empty_like(part) for part in answer[:2])
    return np.empty_like(answer)
