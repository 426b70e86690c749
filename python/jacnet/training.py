"""Training: MATLAB's ``train`` around the compiled Levenberg-Marquardt loop.

Everything numerical happens in C++; this module copies the network, gathers options, shows
progress and makes the record.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from . import _core
from ._calls import public
from ._named import named
from ._options import flag
from ._suggest import quoted, suggest
from .network import Network
from .parameters import Parameters
from .record import TrainingRecord

Callback = Callable[[Mapping[str, Any]], Any]

_AVAILABLE = ("trainlm",)
_COLUMNS = ("epoch", "time", "perf", "vperf", "tperf", "gradient", "mu", "val_fail")


@public
def train(
    net: Network,
    x: Any,
    t: Any,
    xi: Any = None,
    ai: Any = None,
    ew: Any = None,
    *,
    seed: int | None = None,
    callback: Callback | None = None,
    verbose: bool = False,
    progress: bool = False,
    n_threads: int | None = None,
    **parameters: Any,
) -> tuple[Network, TrainingRecord]:
    """Train a copy of a network and return it with the record.

    Parameters
    ----------
    net : Network
        Left unchanged. It is configured and initialised only if it has not been.
    x : array_like, shape (R, Q), or list of them
        Inputs, one sample per column.
    t : array_like, shape (S, Q), or list of them
        Targets; NaN means "don't care".
    xi, ai : None
        Initial delay states; only empty ones make sense for static networks.
    ew : array_like, optional
        Error weights: scalar, (1, Q), (S, 1) or (S, Q).
    seed : int, optional
        Drives initialisation, then division of the samples. The same seed gives the same result.
    callback : callable, optional
        Called with a dict of the epoch's state (``epoch``, ``perf``, ``vperf``, ``tperf``, ``mu``,
        ``gradient``, ``val_fail``, ``time``); a true result stops training.
    verbose : bool, optional
        Print a line every ``trainParam.show`` epochs.
    progress : bool, optional
        Show a progress bar (needs tqdm).
    n_threads : int, optional
        At most this many threads; results do not depend on it.
    **parameters
        Override ``net.trainParam`` for this call: ``epochs=200, goal=1e-6``.

    Returns
    -------
    net : Network
        The trained copy: the best network by validation performance, or by training performance
        when there is no validation part.
    tr : TrainingRecord

    Raises
    ------
    ValueError, TypeError
        If data, shapes or options do not fit.
    AttributeError
        If a parameter is unknown; the message names the nearest.
    NotImplementedError
        If the network's training function is not available.

    Notes
    -----
    Ctrl-C stops and returns the best network of the epochs that were finished. One epoch costs one
    normal-equations pass, about ``N P^2 / 2`` multiply-adds for one output, and for each trial step
    a Cholesky factorisation, ``P^3 / 6``, and one simulation.

    References
    ----------
    Hagan and Menhaj, "Training feedforward networks with the Marquardt algorithm", IEEE Trans.
    Neural Networks 5 (1994) 989-993.

    Examples
    --------
    >>> x, t = jn.datasets.simplefit()
    >>> net, tr = jn.train(jn.feedforwardnet(10), x, t, seed=0)
    >>> tr.num_epochs == len(tr.perf) - 1
    True
    """
    _refuse_states(xi, ai)
    trained = _trainable_copy(net, parameters)
    observer = _Observer(trained, callback, verbose, progress)
    try:
        record = _core.train(trained, x, t, ew, _options(trained), seed, observer.hook, n_threads)
    finally:
        observer.close()
    for message in record.pop("warnings", ()):
        warnings.warn(message, stacklevel=3)  # of whoever calls the decorated function
    tr = TrainingRecord(_described(record, trained, t))
    observer.finish(tr)
    return trained, tr


@public
def trainlm(
    net: Network, x: Any, t: Any, *args: Any, **options: Any
) -> tuple[Network, TrainingRecord]:
    """Train a copy of a network with Levenberg-Marquardt, whatever ``net.trainFcn`` says.

    Parameters
    ----------
    net, x, t : as in :func:`train`
    *args, **options
        The others of :func:`train`: ``xi, ai, ew``, and ``seed=``, ``callback=``, ``verbose=``,
        ``progress=``, ``n_threads=``, ``epochs=``, ...

    Returns
    -------
    net : Network
    tr : TrainingRecord
        As :func:`train`.

    Raises
    ------
    ValueError, TypeError, AttributeError
        As :func:`train`.
    """
    if getattr(net, "trainFcn", "trainlm") != "trainlm":
        net = net.copy()
        net.trainFcn = "trainlm"
    with named("trainlm", "train"):
        return train(net, x, t, *args, **options)


def _refuse_states(xi: Any, ai: Any) -> None:
    for name, state in (("xi", xi), ("ai", ai)):
        if not (state is None or _is_empty(state)):
            raise ValueError(f"train: {name} must be None or empty, for the network has no delays")


def _is_empty(state: Any) -> bool:
    if isinstance(state, np.ndarray):
        return state.size == 0
    return isinstance(state, (list, tuple)) and not state


def _trainable_copy(net: Network, parameters: Mapping[str, Any]) -> Network:
    if not isinstance(net, Network):
        raise TypeError(f"train: net must be a jacnet.Network, got {type(net).__name__}")
    if net.trainFcn not in _AVAILABLE:
        raise NotImplementedError(
            f"train: {net.trainFcn} is not available yet; set net.trainFcn = 'trainlm' "
            "or call jacnet.trainlm"
        )
    copy = net.copy()
    _assign(copy.trainParam, parameters)
    return copy


def _assign(settings: Parameters, given: Mapping[str, Any]) -> None:
    """Take over those arguments of `train` that are parameters of the training function."""
    for name in given:
        if name not in settings:
            known = [*list(inspect.signature(train).parameters)[:-1], *settings]
            raise AttributeError(f"train: unknown argument {quoted(name)}; {suggest(name, known)}")
    try:
        settings.assign(given)
    except (ValueError, TypeError) as error:
        raise type(error)(f"train: {str(error).removeprefix('net.trainParam.')}") from None


def _options(net: Network) -> dict[str, Any]:
    functions = {"trainFcn": net.trainFcn, "divideFcn": net.divideFcn}
    return {**net.trainParam, **functions, "divideParam": dict(net.divideParam)}


def _described(record: dict[str, Any], net: Network, t: Any) -> dict[str, Any]:
    """The record with the settings and masks that the core has no need to know."""
    settings = {
        "trainFcn": net.trainFcn,
        "trainParam": dict(net.trainParam),
        "performFcn": net.performFcn,
        "performParam": dict(net.performParam),
        "derivFcn": "defaultderiv",
        "divideFcn": net.divideFcn,
        "divideMode": "sample",
        "divideParam": dict(net.divideParam),
        "goal": net.trainParam.goal,
    }
    masks = {f"{part}Mask": _mask(t, record[f"{part}Ind"]) for part in ("train", "val", "test")}
    return {**settings, **masks, **record}


def _mask(t: Any, samples: np.ndarray) -> Any:
    if isinstance(t, (list, tuple)) and np.ndim(t[0]) == 2:
        return [_mask(part, samples) for part in t]
    mask = np.full(np.atleast_2d(t).shape, np.nan)
    mask[:, samples] = 1.0
    return mask


class _Observer:
    """Joins the user's callback, the printed table and the progress bar in one hook."""

    def __init__(
        self, net: Network, callback: Callback | None, verbose: bool, progress: bool
    ) -> None:
        if callback is not None and not callable(callback):
            raise TypeError(f"train: callback must be callable, got {type(callback).__name__}")
        self._callback = callback
        verbose = flag("train", "verbose", verbose)
        progress = flag("train", "progress", progress)
        self._show = net.trainParam.show if verbose else 0
        self._printed = -1
        self._bar = _progress_bar(net.trainParam.epochs) if progress else None

    @property
    def hook(self) -> Callback | None:
        """What the core calls; None when nobody looks, which is faster."""
        return self._observe if self._callback or self._show or self._bar is not None else None

    def _observe(self, state: Mapping[str, Any]) -> bool:
        try:
            self._report(state)
            return bool(self._callback(state)) if self._callback else False
        except KeyboardInterrupt:
            return True

    def _report(self, state: Mapping[str, Any]) -> None:
        if self._show and state["epoch"] % self._show == 0:
            self._print(state)
        if self._bar is not None:
            self._bar.update(state["epoch"] - self._bar.n)
            self._bar.set_postfix_str(f"perf {state['perf']:.4g}", refresh=False)

    def _print(self, state: Mapping[str, Any]) -> None:
        if self._printed < 0:
            print("".join(f"{name:>11}" for name in _COLUMNS))
        if state["epoch"] != self._printed:
            print("".join(f"{_cell(name, state):>11}" for name in _COLUMNS))
            self._printed = state["epoch"]

    def finish(self, tr: TrainingRecord) -> None:
        """Print the last epoch and the reason of the stop."""
        if self._show:
            self._print({name: tr[name][-1] for name in _COLUMNS})
            print(f"{tr.stop} Best network: epoch {tr.best_epoch}.")

    def close(self) -> None:
        """End the progress bar, also after an error."""
        if self._bar is not None:
            self._bar.close()


def _cell(name: str, state: Mapping[str, Any]) -> str:
    value = state.get(name, float("nan"))
    if name in ("epoch", "val_fail"):
        return f"{int(value)}"
    if name == "time":
        return f"{value:.2f} s"
    return "-" if np.isnan(value) else f"{value:.3e}"


def _progress_bar(epochs: int) -> Any:
    try:
        from tqdm.auto import tqdm  # type: ignore[import-untyped]
    except ImportError:
        message = "progress=True needs tqdm; install it with: pip install jacnet[progress]"
        raise ImportError(message) from None
    return tqdm(total=epochs, desc="train", unit="epoch", leave=False)
