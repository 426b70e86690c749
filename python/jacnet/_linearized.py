"""What asks many questions takes a linearization, or what one is made of."""

from __future__ import annotations

from typing import Any

from ._core import Linearization, linearize
from .network import Network


def linearized(
    function: str, net: Any, x: Any = None, t: Any = None, ew: Any = None, samples: Any = None
) -> Linearization:
    """The linearization itself, or a new one of a network on its data."""
    if isinstance(net, Linearization):
        if any(given is not None for given in (x, t, ew, samples)):
            raise ValueError(
                f"{function}: a linearization brings its own data; "
                "pass x, t, ew and samples to linearize"
            )
        return net
    if not isinstance(net, Network):
        raise TypeError(
            f"{function}: net must be a jacnet.Network or a Linearization, got {type(net).__name__}"
        )
    if x is None:
        raise TypeError(f"{function}: x is missing; pass the network's data, or a linearization")
    return linearize(net, x, t, ew=ew, samples=samples)


def need_targets(function: str, lin: Linearization) -> None:
    """Refuse a linearization without targets."""
    if not lin.has_targets:
        raise ValueError(f"{function}: needs targets, but t is missing")
