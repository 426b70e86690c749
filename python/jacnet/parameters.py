"""Settings of a network: checked on assignment, kept with the network.

``net.trainParam``, ``net.divideParam`` and ``net.performParam`` are small write-through views: they
hold nothing themselves, so that copies, pickles and files always carry what was set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._calls import public_methods
from ._suggest import chosen, quoted, suggest

if TYPE_CHECKING:
    from .network import Network

Rule = tuple[Callable[[Any], bool], str]

_WHOLE: Rule = (lambda v: float(v).is_integer() and v >= 0, "a whole number >= 0")
_COUNT: Rule = (lambda v: float(v).is_integer() and v >= 1, "a whole number >= 1")
_NOT_NEGATIVE: Rule = (lambda v: v >= 0, "a number >= 0")
_POSITIVE: Rule = (lambda v: v > 0, "a number > 0")
_FRACTION: Rule = (lambda v: 0 < v < 1, "a number between 0 and 1")
_GROWTH: Rule = (lambda v: 1 < v < math.inf, "a finite number > 1")
_SHARE: Rule = (lambda v: 0 <= v < math.inf, "a finite number >= 0")
_UNIT: Rule = (lambda v: 0 <= v <= 1, "a number from 0 to 1")

_RULES: dict[str, Rule] = {
    "epochs": _WHOLE,
    "goal": _NOT_NEGATIVE,
    "max_fail": _WHOLE,
    "min_grad": _NOT_NEGATIVE,
    "mu": _POSITIVE,
    "mu_dec": _FRACTION,
    "mu_inc": _GROWTH,
    "mu_max": _POSITIVE,
    "time": _POSITIVE,
    "show": _COUNT,
    "sigma": _POSITIVE,
    "lambda": _POSITIVE,
    "trainRatio": _SHARE,
    "valRatio": _SHARE,
    "testRatio": _SHARE,
    "regularization": _UNIT,
}
_NORMALIZATIONS = ("none", "standard", "percent")

_EVERY_TRAINER: dict[str, Any] = {"epochs": 1000, "time": math.inf, "goal": 0.0, "max_fail": 6}
_RATIOS: dict[str, Any] = {"trainRatio": 0.7, "valRatio": 0.15, "testRatio": 0.15}
_INDICES: dict[str, Any] = {"trainInd": [], "valInd": [], "testInd": []}

DEFAULTS: dict[str, dict[str, dict[str, Any]]] = {
    "performFcn": {"mse": {}, "sse": {}, "mae": {}, "sae": {}, "crossentropy": {}},
    "trainFcn": {
        "trainlm": {
            **_EVERY_TRAINER,
            "min_grad": 1e-7,
            "mu": 0.001,
            "mu_dec": 0.1,
            "mu_inc": 10.0,
            "mu_max": 1e10,
            "show": 25,
        },
        "trainscg": {
            **_EVERY_TRAINER,
            "min_grad": 1e-6,
            "sigma": 5e-5,
            "lambda": 5e-7,
            "show": 25,
        },
    },
    "divideFcn": {
        "dividerand": _RATIOS,
        "divideblock": _RATIOS,
        "divideint": _RATIOS,
        "divideind": _INDICES,
        "dividetrain": {},
    },
}


@public_methods("net.trainParam")
class Parameters(Mapping[str, Any]):
    """Named values with attribute and item access; unknown names and bad values are refused."""

    __slots__ = ("_label", "_net")

    def __init__(self, net: Network, label: str) -> None:
        object.__setattr__(self, "_net", net)
        object.__setattr__(self, "_label", label)

    def _values(self) -> dict[str, Any]:
        raise NotImplementedError

    def _store(self, values: dict[str, Any]) -> None:
        raise NotImplementedError

    def assign(self, values: Mapping[str, Any]) -> None:
        """Set several values at once; those not named keep theirs. All are checked first."""
        if not isinstance(values, Mapping):
            raise TypeError(
                f"net.{self._label} must be a dict of parameters, got {type(values).__name__}"
            )
        checked = {name: self._checked(name, value) for name, value in values.items()}
        self._store({**self._values(), **checked})

    def _checked(self, name: str, value: Any) -> Any:
        self._require(name)
        return _check(f"net.{self._label}.{name}", name, value)

    def _require(self, name: str) -> None:
        known = self._values()
        if name not in known:
            hint = suggest(name, known) if known else "There are none"
            raise AttributeError(f"net.{self._label} has no parameter {quoted(name)}; {hint}")

    def __getattr__(self, name: str) -> Any:
        self._require(name)
        return self._values()[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self.assign({name: value})

    def __getitem__(self, name: str) -> Any:
        values = self._values()
        if name not in values:
            raise KeyError(f"net.{self._label} has no {quoted(name)}; {suggest(name, values)}")
        return values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.assign({name: value})

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __dir__(self) -> list[str]:
        return [*self._values(), "assign", "get", "items", "keys", "values"]

    def __repr__(self) -> str:
        entries = ", ".join(f"{name}={value!r}" for name, value in self.items())
        return f"{self._label}({entries})"


class StoredParam(Parameters):
    """Parameters of the chosen training or division function, in the network's annotations."""

    __slots__ = ("_function",)

    def __init__(self, net: Network, function: str, label: str) -> None:
        super().__init__(net, label)
        object.__setattr__(self, "_function", function)

    def _values(self) -> dict[str, Any]:
        defaults = DEFAULTS[self._function][getattr(self._net, self._function)]
        return {**defaults, **self._net._recall(self._label, {})}

    def _store(self, values: dict[str, Any]) -> None:
        self._net._remember(self._label, values)


class PerformParam(Parameters):
    """Parameters of the performance function, held by the compiled core."""

    __slots__ = ()

    def __init__(self, net: Network) -> None:
        super().__init__(net, "performParam")

    def _values(self) -> dict[str, Any]:
        core = self._net
        return {"regularization": core.regularization, "normalization": core.normalization}

    def _store(self, values: dict[str, Any]) -> None:
        self._net.regularization = values["regularization"]
        self._net.normalization = values["normalization"]


def _check(what: str, name: str, value: Any) -> Any:
    if name == "normalization":
        return chosen(what, value, _NORMALIZATIONS)
    if name.endswith("Ind"):
        return _indices(what, value)
    return _number(what, value, *_RULES[name])


def _number(what: str, value: Any, accepts: Callable[[Any], bool], wanted: str) -> int | float:
    is_numpy_scalar = isinstance(value, (np.generic, np.ndarray)) and np.size(value) == 1
    scalar = value.item() if is_numpy_scalar else value
    if isinstance(scalar, bool) or not isinstance(scalar, (int, float)):
        raise TypeError(f"{what} must be {wanted}, got {type(value).__name__}")
    if math.isnan(scalar) or not accepts(scalar):
        raise ValueError(f"{what} is {quoted(scalar)}, expected {wanted}")
    return int(scalar) if "whole" in wanted else float(scalar)


def _indices(what: str, value: Any) -> list[int]:
    try:
        array = np.atleast_1d(np.asarray(value))
    except (TypeError, ValueError):
        array = np.array([None])
    if array.size and (array.dtype.kind not in "iu" or array.ndim != 1):
        raise TypeError(
            f"{what} must be a vector of sample indices (from 0), got {type(value).__name__} "
            f"(shape {array.shape}, dtype {array.dtype})"
        )
    if array.size and array.min() < 0:
        raise ValueError(f"{what} holds {array.min()}, expected sample indices from 0")
    return [int(index) for index in array]


def real_array(value: Any, what: str) -> np.ndarray:
    """`value` as a float64 array of finite numbers; `what` begins the message."""
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError(
            f"{what} must hold real numbers, got a {type(value).__name__} whose rows differ in "
            "length; pass a float64 array"
        ) from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{what} must hold real numbers, got dtype {array.dtype}; pass a float64 array"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{what} holds NaN or infinity, expected finite numbers")
    return array.astype(float, copy=False)
