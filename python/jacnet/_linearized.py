"""What asks many questions takes a linearization, or what one is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from ._core import Linearization, linearize
from ._named import named
from ._options import check_threads
from ._suggest import chosen
from .network import Network

_KINDS = ("exact", "gauss-newton")
Kind = Literal["exact", "gauss-newton"]

Product = Callable[[np.ndarray], np.ndarray]


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
    with named(function):
        return linearize(net, x, t, ew=ew, samples=samples)


def need_curvature(function: str, lin: Linearization, kind: str) -> None:
    """Refuse a linearization without targets, or without a loss of its own that is curved."""
    if not lin.has_targets:  # then a product with no vectors tells, at no cost
        product = lin.hvp if kind == "exact" else lin.ggnvp
        with named(function, "hvp", "ggnvp"):
            product(np.zeros((lin.n_parameters, 0)))


def curvature_product(
    function: str,
    net: Any,
    x: Any,
    t: Any,
    ew: Any,
    samples: Any,
    kind: Kind,
    n_threads: int | None,
) -> tuple[Linearization, Product]:
    """A linearization, and what multiplies its Hessian or Gauss-Newton matrix by vectors."""
    chosen(f"{function}: kind", kind, _KINDS)
    check_threads(function, n_threads)
    lin = linearized(function, net, x, t, ew, samples)
    need_curvature(function, lin, kind)
    product = lin.hvp if kind == "exact" else lin.ggnvp
    return lin, lambda v: product(v, n_threads=n_threads)
