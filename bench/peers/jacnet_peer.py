"""jacnet: into an array of the caller's, and with a result that is allocated anew."""

from __future__ import annotations

from typing import Any

import jacnet as jn
import numpy as np

from ..cases import EPOCHS, Case
from .base import Call, NotOfferedError, Peer


class Contender(Peer):
    """jacnet, as users call it from Python."""

    version = jn.__version__
    every_idiom = True

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return calls "out" (into an array of the caller's) and "fresh", where both exist.

        "kept" asks a linearization that has its tape already, "out" and "fresh" make one in a call.
        """
        x, t, _ = case.data
        net = network(case)
        if quantity == "epochs":
            return {"fresh": lambda: _train(net, x, t)}
        if quantity == "normal_equations":
            return {"fresh": lambda: jn.normal_equations(net, x, t)}
        if quantity == "dual_step":
            return {"fresh": _dual_step(net, x, t)}
        if quantity in ("hvp", "ggnvp", "hessian_diagonal"):
            return _asked(net, x, t, quantity, case)
        function, shape = _function(case, quantity, net, x, t)
        out = np.zeros(shape, order="C" if quantity == "input_jacobian" else "F")
        return {"out": lambda: function(out=out), "fresh": function}

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """Results are in jacnet's layout already; of training, the weights count."""
        return super().comparable(case, quantity, result.wb if quantity == "epochs" else result)

    def facts(self) -> dict[str, Any]:
        """What this build of jacnet is."""
        return jn.build_info()


def network(case: Case) -> jn.Network:
    """Return the network of a case, with its parameters, for training on all samples."""
    n_hidden = len(case.sizes) - 2
    net = jn.Network(case.sizes, transfer=[case.hidden] * n_hidden + ["purelin"])
    net.divideFcn = "dividetrain"
    return net.setwb(case.data[2])


def _function(case: Case, quantity: str, net: Any, x: Any, t: Any) -> tuple[Call, tuple[int, ...]]:
    p, s, n = case.n_parameters, case.n_outputs, case.n_samples
    if quantity == "gram" and not hasattr(jn, "gram"):
        raise NotOfferedError("this jacnet has no jn.gram")
    if quantity == "forward":
        return lambda **out: net(x, **out), (s, n)
    if quantity == "input_jacobian":
        return lambda **out: jn.jacobian(net, x, "inputs", **out), (n, s, case.sizes[0])
    if quantity == "jacobian":
        return lambda **out: jn.jacobian(net, x, **out), (p, s * n)
    if quantity == "gram":
        return lambda **out: jn.gram(net, x, **out), (s * n, s * n)
    if quantity == "de_dwb":
        return lambda **out: jn.defaultderiv("de_dwb", net, x, t, **out), (p, s * n)
    function = getattr(jn, quantity)
    return lambda **out: function(net, x, t, **out), (p,) if quantity == "gradient" else (p, p)


def _asked(net: Any, x: Any, t: Any, quantity: str, case: Case) -> dict[str, Call]:
    """A question to a linearization, and the function of the same name."""
    tape = jn.linearize(net, x, t)
    if not (hasattr(tape, quantity) and hasattr(jn, quantity)):
        raise NotOfferedError(f"this jacnet has no {quantity}")
    vectors = () if quantity == "hessian_diagonal" else (case.direction,)
    ask, function, out = getattr(tape, quantity), getattr(jn, quantity), np.zeros(case.n_parameters)
    return {
        "kept": lambda: ask(*vectors, out=out),
        "out": lambda: function(net, x, t, *vectors, out=out),
        "fresh": lambda: function(net, x, t, *vectors),
    }


def _train(net: Any, x: Any, t: Any, epochs: int = EPOCHS) -> Any:
    return jn.train(net, x, t, epochs=epochs, min_grad=0.0)[0]


def _dual_step(net: Any, x: Any, t: Any) -> Call:
    if not hasattr(jn, "gram"):
        raise NotOfferedError("this jacnet has no dual form")
    return lambda: _train(net, x, t, epochs=1).wb
