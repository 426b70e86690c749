"""The contenders: jacnet, and other ways to the same numbers.

A contender has a `version` and makes a function of no arguments for each (case, quantity), or
None for what it does not offer. Whatever can be prepared once (compilation, conversion of the
data, the result's memory) is prepared before the clock runs. Jacobians come in the contender's own
layout; `bench.__main__` brings them to jacnet's for the comparison of the results.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Protocol

import jacnet as jn
import numpy as np

from .cases import Case

Call = Callable[[], Any]


class Contender(Protocol):
    """What `bench` measures."""

    version: str

    def prepare(self, case: Case, quantity: str) -> Call | None:
        """Return the function to be timed."""


class Jacnet:
    """jacnet, writing into an array of the caller's where that is offered."""

    version = jn.__version__

    def prepare(self, case: Case, quantity: str) -> Call | None:
        """Return the function to be timed."""
        x, t, wb = case.data
        net = jn.Network(case.sizes).setwb(wb)
        n_parameters, n_errors = case.n_parameters, case.n_outputs * case.n_samples
        if quantity == "normal_equations":
            return lambda: jn.normal_equations(net, x, t)
        if quantity == "jacobian":
            out = np.zeros((n_parameters, n_errors), order="F")
            return lambda: jn.jacobian(net, x, out=out)
        shape = (n_parameters,) if quantity == "gradient" else (n_parameters, n_parameters)
        out = np.zeros(shape, order="F")
        function = getattr(jn, quantity)
        return lambda: function(net, x, t, out=out)


class HandWritten:
    """Backpropagation and the Jacobian written out in NumPy, vectorised over samples."""

    version = np.__version__

    def prepare(self, case: Case, quantity: str) -> Call | None:
        """Return the function to be timed; there is no Hessian."""
        x, t, wb = case.data
        x, t, layers = x.T.copy(), t.T.copy(), case.layers()
        weights = [wb[w].reshape(k, h).T.copy() for _, w, h, k in layers]
        biases = [wb[b].copy() for b, *_ in layers]
        dense = np.zeros((case.n_samples, case.n_outputs, case.n_parameters))

        def forward():
            a = [x]
            for w, b in zip(weights[:-1], biases[:-1], strict=True):
                a.append(np.tanh(a[-1] @ w.T + b))
            return a, a[-1] @ weights[-1].T + biases[-1]

        def jacobian():
            a, y = forward()
            d = np.broadcast_to(np.eye(case.n_outputs), (*y.shape, case.n_outputs))
            for i in reversed(range(len(layers))):
                bias, weight, h, k = layers[i]
                dense[:, :, bias] = d
                block = dense[:, :, weight].reshape(*y.shape, k, h)
                np.multiply(a[i][:, None, :, None], d[:, :, None, :], out=block)
                if i > 0:
                    d = (d @ weights[i]) * (1 - a[i] ** 2)[:, None, :]
            return dense, y

        def normal_equations():
            j, y = jacobian()
            j = j.reshape(-1, case.n_parameters)
            e = (t - y).ravel()
            return j.T @ j, -(j.T @ e), e @ e

        def gradient():
            a, y = forward()
            g = np.empty(case.n_parameters)
            d = 2 / y.size * (y - t)
            for i in reversed(range(len(layers))):
                bias, weight, *_ = layers[i]
                g[bias] = d.sum(0)
                g[weight] = (a[i].T @ d).ravel()
                if i > 0:
                    d = (d @ weights[i]) * (1 - a[i] ** 2)
            return g

        return {
            "jacobian": lambda: jacobian()[0],
            "gradient": gradient,
            "normal_equations": normal_equations,
            "gauss_newton": lambda: 2 / t.size * normal_equations()[0],
        }.get(quantity)


class Jax:
    """JAX, compiled, in float64."""

    def __init__(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        self.version = version("jax")
        self._jax = jax

    def prepare(self, case: Case, quantity: str) -> Call | None:
        """Return the function to be timed, compiled."""
        jax, jnp = self._jax, self._jax.numpy
        x, t, wb = case.data
        x, t, wb = jnp.asarray(x.T), jnp.asarray(t.T), jnp.asarray(wb)
        layers = case.layers()

        def output(w, sample):
            for i, (bias, weight, h, k) in enumerate(layers):
                net_input = w[weight].reshape(k, h).T @ sample + w[bias]
                sample = net_input if i == len(layers) - 1 else jnp.tanh(net_input)
            return sample

        outputs = jax.vmap(output, (None, 0))
        jacobian = jax.vmap(jax.jacrev(output), (None, 0))
        gradient = jax.grad(lambda w: jnp.mean((t - outputs(w, x)) ** 2))

        def normal_equations(w):
            j, e = jacobian(w, x).reshape(-1, w.size), (t - outputs(w, x)).ravel()
            return j.T @ j, -(j.T @ e), e @ e

        def hessian(w):  # in batches: all tangents at once would not fit into memory
            column = lambda v: jax.jvp(gradient, (w,), (v,))[1]  # noqa: E731
            return jax.lax.map(column, jnp.eye(w.size), batch_size=min(w.size, 256))

        function = jax.jit(
            {
                "jacobian": lambda w: jacobian(w, x),
                "gradient": gradient,
                "normal_equations": normal_equations,
                "gauss_newton": lambda w: 2 / t.size * normal_equations(w)[0],
                "hessian": hessian,
            }[quantity]
        )
        return lambda: jax.block_until_ready(function(wb))


class Torch:
    """torch.func, in float64."""

    def __init__(self) -> None:
        import torch

        self.version = version("torch")
        self._torch = torch

    def prepare(self, case: Case, quantity: str) -> Call | None:
        """Return the function to be timed."""
        torch = self._torch
        func = torch.func
        x, t, wb = case.data
        x, t, wb = (torch.from_numpy(part.T.copy()) for part in (x, t, wb))
        layers = case.layers()

        def output(w, sample):
            for i, (bias, weight, h, k) in enumerate(layers):
                net_input = sample @ w[weight].reshape(k, h) + w[bias]
                sample = net_input if i == len(layers) - 1 else torch.tanh(net_input)
            return sample

        jacobian = func.vmap(func.jacrev(output), (None, 0))
        gradient = func.grad(lambda w: torch.mean((t - output(w, x)) ** 2))
        hessian = func.jacrev(gradient, chunk_size=256)

        def normal_equations():
            j, e = jacobian(wb, x).reshape(-1, wb.numel()), (t - output(wb, x)).ravel()
            return j.T @ j, -(j.T @ e), e @ e

        return {
            "jacobian": lambda: jacobian(wb, x),
            "gradient": lambda: gradient(wb),
            "normal_equations": normal_equations,
            "gauss_newton": lambda: 2 / t.numel() * normal_equations()[0],
            "hessian": lambda: hessian(wb),
        }[quantity]


PEERS: dict[str, type[Contender]] = {
    "numpy": HandWritten,
    "jax": Jax,
    "torch.func": Torch,
}


def contenders(names: list[str]) -> tuple[dict[str, Contender], list[str]]:
    """Make jacnet and the named peers; also returns the names of those that are not installed."""
    found: dict[str, Contender] = {"jacnet": Jacnet()}
    missing = []
    for name in names:
        try:
            found[name] = PEERS[name]()
        except ImportError:
            missing.append(name)
    return found, missing
