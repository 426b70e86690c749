"""Results over data that come in chunks: larger than memory, or made on the way.

Every chunk is asked for the *sum* over its samples, without regularisation; sums are added, divided
once by the number of targets of all chunks where the performance is a mean, and regularisation is
added once. So the result is that of all samples at once, to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ._core import Linearization, linearize
from ._memory import memory_remedy
from ._named import named
from ._suggest import suggest
from .minibatches import MEANS, columns, positive, shape_of
from .network import Network

_SUMS = {"mse": "sse", "mae": "sae"}
_QUESTIONS = ("performance", "gradient", "hessian", "gauss_newton", "normal_equations")
_LESS_MEMORY = (
    "use fewer parameters (net.set_learn freezes weights), or sum the diagonal of each chunk: "
    "jn.hessian(..., structure='diagonal')"
)


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
        self._what = _quantities("Accumulator", what)
        self._net = net.copy()
        self._is_mean = net.performance in MEANS
        self._summing = net.copy()
        self._summing.performance = _SUMS.get(net.performance, net.performance)
        self._summing.performParam.regularization = 0.0
        self._sums: dict[str, Any] = {}
        self._scratch: dict[str, Any] = {}
        self._spoilt = False
        self.n_samples = self.n_targets = self.n_chunks = 0

    def add(self, x: Any, t: Any, ew: Any = None, *, n_threads: int | None = None) -> None:
        """Take in a chunk: arguments as of ``linearize``; any number of samples."""
        self._refuse_spoilt("Accumulator.add")
        if t is None:
            raise TypeError("Accumulator.add: t must be an array of targets, got None")
        with named("Accumulator.add"):
            lin = linearize(self._summing, x, t, ew=ew)
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
        """Performance on all samples so far, regularisation included."""
        return float(self._result("performance"))

    def gradient(self) -> np.ndarray:
        """+dperf/dwb, (P,)."""
        return self._result("gradient")

    def hessian(self) -> np.ndarray:
        """Exact Hessian of the performance, P x P."""
        return self._result("hessian")

    def gauss_newton(self) -> np.ndarray:
        """Gauss-Newton matrix of the performance, P x P."""
        return self._result("gauss_newton")

    def normal_equations(self) -> tuple[np.ndarray, np.ndarray, float]:
        """(JJ, Je, sse), raw."""
        sums = self._sum_of("normal_equations")
        return sums[0].copy(order="F"), sums[1].copy(), float(sums[2])

    def _answer(self, name: str, lin: Linearization, factor: float, n_threads: int | None) -> Any:
        """`factor` times the chunk's answer; the sums are left alone."""
        if name == "performance":
            return factor * lin.performance()
        ask = getattr(lin, name)
        with memory_remedy("Accumulator.add", _LESS_MEMORY):
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


def accumulate(
    what: str | Sequence[str],
    net: Network,
    chunks: Iterable[Any],
    *,
    n_threads: int | None = None,
) -> Any:
    """Results over an iterable of chunks, in one pass and flat memory.

    Parameters
    ----------
    what : str or sequence of str
        ``"performance"``, ``"gradient"``, ``"hessian"``, ``"gauss_newton"``,
        ``"normal_equations"``.
    net : Network
    chunks : iterable of (x, t) or (x, t, ew)
        Samples in columns, any number of them per chunk; x is R x Q_c, or a list of one array per
        input. For arrays, memory-mapped ones too: `chunks`.

    Returns
    -------
    The quantity, as its free function returns it for all samples; a tuple for several names.

    Raises
    ------
    ValueError, TypeError
        For a chunk that is no such tuple or does not fit the network (its number is told), for an
        unknown quantity, and where there is no chunk.

    Notes
    -----
    Equal to the result on all samples to rounding (about 1e-15 relative): means are divided once by
    the count of all targets, NaN excluded; regularisation is added once. Memory: two results.

    Examples
    --------
    >>> x, t = jn.datasets.simplefit()
    >>> net = jn.feedforwardnet(4).configure(x, t)
    >>> H, g = jn.accumulate(["hessian", "gradient"], net, jn.chunks(x, t, 30))
    >>> np.allclose(H, jn.hessian(net, x, t))
    True
    """
    names = _quantities("accumulate", what)
    with named("accumulate", "Accumulator"):
        sums = Accumulator(net, names)
    _refuse_no_chunks(chunks)
    for number, chunk in enumerate(chunks):
        if not isinstance(chunk, (tuple, list)) or not 2 <= len(chunk) <= 3:
            got = type(chunk).__name__
            if isinstance(chunk, (tuple, list)):
                got += f" of {len(chunk)}"
            raise TypeError(
                f"accumulate: chunk {number} must be a tuple (x, t) or (x, t, ew), got {got}"
            )
        try:
            with memory_remedy("accumulate", _LESS_MEMORY, "Accumulator.add"):
                sums.add(*chunk, n_threads=n_threads)
        except (ValueError, TypeError) as error:
            message = str(error).removeprefix("Accumulator.add: ")
            raise type(error)(f"accumulate: chunk {number}: {message}") from None
    if sums.n_chunks == 0:
        raise ValueError(
            "accumulate: chunks is empty, expected at least one (x, t); an iterator can be gone "
            "through only once"
        )
    results = tuple(getattr(sums, name)() for name in names)
    return results[0] if isinstance(what, str) else results


def _quantities(function: str, what: Any) -> tuple[str, ...]:
    """Names of what is asked for, checked."""
    names = [what] if isinstance(what, str) else what
    if not isinstance(names, (list, tuple, set, frozenset)) or not all(
        isinstance(name, str) for name in names
    ):
        raise TypeError(
            f"{function}: what must be the name of a quantity or a list of names, got "
            f"{what!r:.60}; there are: {', '.join(_QUESTIONS)}"
        )
    if not names:
        raise ValueError(f"{function}: what is empty, expected some of {_QUESTIONS}")
    for name in names:
        if name not in _QUESTIONS:
            raise ValueError(f"{function}: unknown quantity {name!r}; {suggest(name, _QUESTIONS)}")
    return tuple(names)


def _refuse_no_chunks(chunks: Any) -> None:
    if isinstance(chunks, (tuple, list)) and chunks and all(hasattr(e, "shape") for e in chunks):
        raise TypeError(
            f"accumulate: chunks must be an iterable of (x, t) or (x, t, ew), got one "
            f"{type(chunks).__name__} of {len(chunks)} arrays; wrap it: [(x, t)]"
        )
    if not hasattr(chunks, "__iter__"):
        raise TypeError(
            f"accumulate: chunks must be an iterable of (x, t) or (x, t, ew), got "
            f"{type(chunks).__name__}; jn.chunks(x, t, size) makes one"
        )


def chunks(x: Any, t: Any, size: int, *, ew: Any = None) -> Iterator[tuple[Any, ...]]:
    """Slices of `size` samples, one after the other, for `accumulate`.

    Parameters
    ----------
    x : array (R, Q), or list of one per input
        Anything with ``shape`` that can be sliced: arrays, ``np.memmap``, HDF5 or Zarr data sets.
        Only the slices are read, when their turn comes. For data stored as (Q, R), pass ``x.T``.
    t : array (S, Q), or list of one per output
    size : int
        Samples per chunk.
    ew : number, (1, Q), (S, 1) or (S, Q), optional

    Yields
    ------
    (x, t) or (x, t, ew)
        Views where `x`, `t` and `ew` are arrays.

    Raises
    ------
    ValueError, TypeError
        If shapes disagree, or `size` is not a positive whole number.
    """
    size = positive("chunks: size", size)
    count = _samples_of("x", x)
    if _samples_of("t", t) != count:
        raise ValueError(
            f"chunks: t has {_samples_of('t', t)} samples (columns), expected {count} as x has"
        )
    weights_of = _weights(ew, count, t)

    def slices() -> Iterator[tuple[Any, ...]]:
        for first in range(0, count, size):
            part = slice(first, min(first + size, count))
            xt = _columns_of(x, part), _columns_of(t, part)
            yield xt if ew is None else (*xt, weights_of(part))

    return slices()


def _weights(ew: Any, count: int, t: Any) -> Callable[[slice], Any]:
    """What takes the error weights of a slice of the samples."""
    if _signals(ew) and any(len(e.shape) > 0 for e in ew):
        raise TypeError(
            f"chunks: ew must be a number or one array (1, Q), (S, 1) or (S, Q), got a "
            f"{type(ew).__name__} of {len(ew)} arrays; stack their rows: np.vstack(ew)"
        )
    shape = shape_of("chunks: ew must be a number or an array", ew)
    weights = ew if hasattr(ew, "shape") or not shape else np.asarray(ew)
    if len(shape) > 2:
        raise ValueError(
            f"chunks: ew has shape {shape}, expected one weight, (1, Q), (S, 1) or (S, Q)"
        )
    if len(shape) == 1 and shape[0] > 1:
        rows = _rows_of(t)
        if rows != 1 or shape[0] != count:
            remedy = {count: "; pass ew[None, :]", rows: "; pass ew[:, None]"}.get(shape[0], "")
            raise ValueError(
                f"chunks: ew has shape {shape}, expected one weight, (1, {count}), ({rows}, 1) or "
                f"({rows}, {count}){remedy}"
            )
        return lambda part: np.asarray(weights[part])[None, :]
    if len(shape) == 2 and shape[1] > 1:
        if shape[1] != count:
            raise ValueError(f"chunks: ew has {shape[1]} columns, expected 1 or {count}")
        return lambda part: weights[:, part]
    return lambda part: weights


def _rows_of(t: Any) -> int:
    if _signals(t):
        return sum(_rows_of(entry) for entry in t)
    shape = np.shape(t)
    return shape[0] if len(shape) == 2 else 1


def _signals(x: Any) -> bool:
    return isinstance(x, (list, tuple)) and len(x) > 0 and all(hasattr(e, "shape") for e in x)


def _samples_of(name: str, x: Any) -> int:
    what = f"chunks: {name} must be an array"
    counts = {columns(what, entry) for entry in x} if _signals(x) else {columns(what, x)}
    if len(counts) > 1:
        raise ValueError(f"chunks: the arrays of {name} differ in their samples (columns)")
    return counts.pop()


def _columns_of(x: Any, part: slice) -> Any:
    if _signals(x):
        return [_columns_of(entry, part) for entry in x]
    x = x if hasattr(x, "shape") else np.asarray(x)
    return np.asarray(x[part] if len(x.shape) == 1 else x[:, part])


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
