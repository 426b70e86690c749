"""Mini-batches, and how their results add up to those of all samples.

The one rule, for the data part of the performance, its gradient and its Hessians:

- ``sse`` and ``sae`` are sums: the results of the batches of an epoch add up to the whole.
- ``mse``, ``mae`` and ``crossentropy`` are means over the Ne targets that are not NaN: the whole is
  ``sum_b (Ne_b / Ne) * result_b``. ``Ne_b`` differs between batches where targets are NaN.
- One batch of b samples drawn at random from Q, times Q / b more, estimates the whole without bias:
  the factor is ``Q / b`` for sums and ``(Q / b) (Ne_b / Ne)`` for means, which is 1 without NaN.

`batch_weight` computes these factors. Error weights need nothing: they are part of the sums.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from ._calls import public
from ._core import linearize
from ._memory import need_memory
from ._named import named
from ._options import check_threads, flag
from ._suggest import chosen
from .network import Network

MEANS = ("mse", "mae", "crossentropy")
_PURPOSES = ("whole", "estimate")


@public
def minibatches(
    n: Any,
    size: int,
    *,
    shuffle: bool = True,
    seed: int | np.random.Generator | np.random.RandomState | None = None,
    drop_last: bool = False,
) -> Iterator[np.ndarray]:
    """Index arrays of one epoch: every sample once, in batches of `size`.

    Parameters
    ----------
    n : int or array (R, Q), or list of them
        The number of samples Q, or the inputs, whose columns are counted.
    size : int
        Samples per batch; the last batch has what is left.
    shuffle : bool, optional
        Draw the order at random; otherwise batches are consecutive samples.
    seed : int, numpy Generator or RandomState, optional
        An int seeds ``numpy.random.RandomState``; a generator is used and moves on, so that the
        next epoch has another order. Default: a different order at every call.
    drop_last : bool, optional
        Leave out a last batch that is smaller than `size`.

    Yields
    ------
    ndarray of int
        For ``samples=``.

    Raises
    ------
    ValueError, TypeError
        If `n`, `size` or `seed` is no such thing.

    Notes
    -----
    How the batches' results combine into the whole: `batch_weight`, docs/minibatches.md.

    Examples
    --------
    The sub-sampled Hessian of a mini-batch is ``jn.hessian(net, x, t, samples=idx)``:

    >>> x, t = jn.datasets.simplefit()
    >>> net = jn.feedforwardnet(4).configure(x, t)
    >>> [jn.hessian(net, x, t, samples=idx).shape for idx in jn.minibatches(x, 40, seed=0)]
    [(13, 13), (13, 13), (13, 13)]
    """
    count = _count(n)
    size = positive("minibatches: size", size)
    shuffle = flag("minibatches", "shuffle", shuffle)
    drop_last = flag("minibatches", "drop_last", drop_last)
    need_memory("minibatches", f"the order of n = {count} samples", count, "pass fewer (n)")
    order = _generator(seed).permutation(count) if shuffle else np.arange(count)
    stop = count - count % size if drop_last else count
    return (order[first : first + size] for first in range(0, stop, size))


@public
def batch_weight(
    net: Network,
    x: Any,
    t: Any,
    samples: Any,
    *,
    ew: Any = None,
    purpose: str = "whole",
    n_threads: int | None = None,
) -> float:
    """Factor by which a batch's performance, gradient or Hessian enters the whole.

    Parameters
    ----------
    net, x, t, ew : as in ``linearize``
        All samples: x is (R, Q), t (S, Q).
    samples : indices, boolean mask or slice
        The batch.
    purpose : {"whole", "estimate"}, optional
        ``"whole"``: the batches of an epoch, each times its factor, add up to the result on all
        samples. ``"estimate"``: this batch alone, times the factor, is an unbiased estimate of it
        if its samples were drawn at random.
    n_threads : int, optional
        As everywhere; counting takes one.

    Returns
    -------
    float
        With ``Ne_b`` of ``Ne`` targets and b of Q samples in the batch: 1 (sse, sae) or
        ``Ne_b / Ne`` (mse, mae, crossentropy), and for an estimate ``Q / b`` times that.

    Raises
    ------
    ValueError, TypeError, IndexError
        As ``linearize``, and for an unknown `purpose`, or an estimate from no samples.

    Notes
    -----
    Holds for the data part of the performance. Regularisation is added once by the factors of
    means; with sums each batch would count it: use `accumulate`, which adds it once in every case.
    Cost: the targets are read, no output is computed.
    """
    chosen("batch_weight: purpose", purpose, _PURPOSES)
    check_threads("batch_weight", n_threads)
    with named("batch_weight"):
        whole = linearize(net, x, t, ew=ew)
        part = linearize(net, x, t, ew=ew, samples=samples)
    weight = 1.0
    if net.performance in MEANS:
        weight = part.n_targets / max(whole.n_targets, 1)
    if purpose == "estimate":
        if part.n_samples == 0:
            raise ValueError("batch_weight: samples is empty, expected at least one to estimate by")
        weight *= whole.n_samples / part.n_samples
    return weight


def _count(n: Any) -> int:
    try:
        count = operator.index(n)
    except TypeError:
        return columns("minibatches: n must be the number of samples or inputs", n)
    if count < 0:
        raise ValueError(f"minibatches: n must not be negative, got {count}")
    return count


def columns(what: str, x: Any) -> int:
    """Number of samples of one signal, or of the first of several; `what` begins the message."""
    if isinstance(x, (list, tuple)) and x and all(len(shape_of(what, e)) == 2 for e in x):
        x = x[0]
    shape = shape_of(what, x)
    if not 1 <= len(shape) <= 2:
        raise TypeError(
            f"{what} of shape (R, Q), samples in columns; got {type(x).__name__} of shape {shape}"
        )
    return shape[-1]


def shape_of(what: str, x: Any) -> tuple[int, ...]:
    """Shape of an array, or of lists that make one; `what` begins the message."""
    try:
        return tuple(np.shape(x))
    except ValueError:
        raise TypeError(
            f"{what}, got a {type(x).__name__} whose rows differ in length; pass a NumPy array"
        ) from None


def positive(what: str, value: Any) -> int:
    """`value` if it is a whole number of at least 1."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, got {type(value).__name__}") from None
    if isinstance(value, (bool, np.bool_)) or number < 1:
        raise ValueError(f"{what} must be at least 1, got {value}")
    return number


def _generator(seed: Any) -> np.random.Generator | np.random.RandomState:
    if isinstance(seed, (np.random.Generator, np.random.RandomState)):
        return seed
    expected = "expected a whole number from 0 to 2**32 - 1, a NumPy generator or None"
    if seed is None or (isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)):
        try:
            return np.random.RandomState(seed)
        except ValueError:
            raise ValueError(f"minibatches: seed is {seed}, {expected}") from None
    raise TypeError(f"minibatches: seed is of type {type(seed).__name__}, {expected}")
