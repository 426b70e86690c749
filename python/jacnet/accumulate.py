"""Results over data that come in chunks, in one pass: larger than memory, or made on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ._calls import public
from ._memory import memory_remedy
from ._named import named
from ._order import order_index
from .accumulator import LESS_MEMORY, Accumulator, quantities
from .network import Network


@public
def accumulate(
    what: str | Sequence[str],
    net: Network,
    chunks: Iterable[Any],
    *,
    order: str | None = None,
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
        input. For arrays, memory-mapped ones too: `chunks`, which has `samples`.
    order : {"matlab", "torch", "keras", "sklearn"}, optional
        Order of the parameters in the results; see :meth:`Layout.permutation`.
    n_threads : int, optional
        At most this many threads; results do not depend on it.

    Returns
    -------
    ndarray, float or tuple
        The quantity, as its free function returns it for all samples: (P,), P x P, ...; a tuple
        for several names.

    Raises
    ------
    ValueError, TypeError
        For a chunk that is no such tuple or does not fit the network (its number is told), for an
        unknown quantity or order, and where there is no chunk.
    IndexError
        As ``linearize``.
    MemoryError
        With the bytes needed, when the sums cannot be had.

    Notes
    -----
    Equal to the result on all samples to rounding (about 1e-15 relative): means are divided once by
    the count of all targets, NaN excluded; regularisation is added once. Memory: two
    results. Cost: that of the questions on all samples.

    Examples
    --------
    >>> x, t = jn.datasets.simplefit()
    >>> net = jn.feedforwardnet(4).configure(x, t)
    >>> H, g = jn.accumulate(["hessian", "gradient"], net, jn.chunks(x, t, 30))
    >>> np.allclose(H, jn.hessian(net, x, t))
    True
    """
    names = quantities("accumulate", what)
    with named("accumulate", "Accumulator"):
        sums = Accumulator(net, names)
    order_index("accumulate", net.layout, order)  # refused before the first chunk is read
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
            with memory_remedy("accumulate", LESS_MEMORY, "Accumulator.add"):
                sums.add(*chunk, n_threads=n_threads)
        except (ValueError, TypeError) as error:
            message = str(error).removeprefix("Accumulator.add: ")
            raise type(error)(f"accumulate: chunk {number}: {message}") from None
    if sums.n_chunks == 0:
        raise ValueError(
            "accumulate: chunks is empty, expected at least one (x, t); an iterator can be gone "
            "through only once"
        )
    options = {name: {} if name == "performance" else {"order": order} for name in names}
    results = tuple(getattr(sums, name)(**options[name]) for name in names)
    return results[0] if isinstance(what, str) else results


def _refuse_no_chunks(chunks: Any) -> None:
    if isinstance(chunks, (tuple, list)) and chunks and all(hasattr(e, "shape") for e in chunks):
        raise TypeError(
            f"accumulate: chunks must be an iterable of (x, t) or (x, t, ew), got one "
            f"{type(chunks).__name__} of {len(chunks)} arrays; wrap it: [(x, t)]"
        )
    if not np.iterable(chunks):
        raise TypeError(
            f"accumulate: chunks must be an iterable of (x, t) or (x, t, ew), got "
            f"{type(chunks).__name__}; jn.chunks(x, t, size) makes one"
        )
