"""What targets say about the outputs of a network: Gaussian noise, or classes.

Both likelihoods speak of a network `features` whose outputs are the targets' mean (Gaussian) or the
logits (classes), and of roots R_n of the curvature of -log p(t_n) in them: the data's part of the
posterior precision is ``sum_n J_n R_n R_n' J_n'`` with J_n = d features / dwb.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._core import linearize
from .network import Network


class Gaussian:
    """Errors with the variance noise / (ew norm^2); roots and curvature are those of noise = 1."""

    classes = False

    def __init__(
        self, net: Network, x: Any, t: Any, ew: Any, samples: Any, n_threads: int | None
    ) -> None:
        self.n_threads = n_threads
        self.features = net.copy()
        self.features.performance = "sse"
        self.features.performParam.regularization = 0.0
        self.lin = linearize(self.features, x, t, ew=ew, samples=samples)
        self.scales = self.lin.error_scales()
        self.sse = float(np.sum(self.lin.errors(n_threads=n_threads) ** 2))
        self.n_errors = int(np.count_nonzero(self.scales))

    def log_likelihood(self, noise: float) -> float:
        """Log of the density of all targets that count."""
        known = self.scales[self.scales > 0]
        constant = np.sum(np.log(known)) - 0.5 * self.n_errors * np.log(2 * np.pi * noise)
        return float(constant - 0.5 * self.sse / noise)

    def curvature(self) -> np.ndarray:
        """J J' of the scaled errors, P x P."""
        return self.lin.normal_equations(n_threads=self.n_threads)[0]

    def curvature_diagonal(self) -> np.ndarray:
        """Its diagonal, (P,)."""
        return 0.5 * self.lin.gauss_newton_diagonal(n_threads=self.n_threads)

    def roots(self) -> np.ndarray:
        """(Q, S, S)."""
        return self.scales.T[:, :, None] * np.eye(len(self.scales))

    def output_scales(self) -> np.ndarray:
        """The error normalisation of every output, (S,)."""
        x = [np.zeros((rows, 1)) for rows in self.features.input_sizes]
        return linearize(self.features, x, np.zeros((len(self.scales), 1))).error_scales()[:, 0]


class Categorical:
    """Classes: softmax outputs, or one logistic output, and crossentropy."""

    classes = True

    def __init__(
        self,
        function: str,
        net: Network,
        x: Any,
        t: Any,
        ew: Any,
        samples: Any,
        n_threads: int | None,
    ) -> None:
        self.n_threads = n_threads
        self._binary = _link(function, net) == "logsig"
        self._net = net.copy()
        self._net.performParam.regularization = 0.0
        self.lin = linearize(self._net, x, t, ew=ew, samples=samples)
        self.features = net.copy()
        self.features.set_transfer(net.output_layers[0], "purelin")
        self.features.performance = "sse"
        self.features.performParam.assign({"regularization": 0.0, "normalization": "none"})
        self._logits = linearize(self.features, x, t, ew=ew, samples=samples)
        self._weights = self._logits.error_scales() ** 2
        outputs = self._logits.outputs(n_threads=n_threads)
        known = np.isfinite(outputs).all(axis=0)
        probabilities = self.lin.outputs(n_threads=n_threads)
        difference = self.probability(outputs[:, known]) - probabilities[:, known]
        if np.abs(difference).max(initial=0.0) > 1e-10:
            raise ValueError(
                f"{function}: the network's output processing changes the scale of its "
                "probabilities; configure it with targets from 0 to 1, or without output processing"
            )
        self._f = np.where(known, outputs, 0.0)

    def log_likelihood(self, noise: float = 1.0) -> float:
        """Sum of ew t log p over the targets that count."""
        return -self.lin.performance(n_threads=self.n_threads) * self.lin.n_targets

    def curvature(self) -> np.ndarray:
        """Generalised Gauss-Newton matrix of -log p, P x P."""
        return self.lin.gauss_newton(n_threads=self.n_threads) * self.lin.n_targets

    def curvature_diagonal(self) -> np.ndarray:
        """Its diagonal, (P,)."""
        diagonal = self.lin.gauss_newton_diagonal(n_threads=self.n_threads)
        return diagonal * self.lin.n_targets

    def roots(self) -> np.ndarray:
        """(Q, S, S): of tau (diag(a) - a a'), whose root is sqrt(tau) (diag(s) - a s'), s^2 = a."""
        a = self.probability(self._f)
        if self._binary:
            slope = a * self.probability(-self._f)
            return np.sqrt(self._weights * slope).T[:, :, None]
        mass = np.sum(self._weights * self._targets(), axis=0)
        s = np.sqrt(a)
        roots = s.T[:, :, None] * np.eye(len(a)) - np.einsum("iq,jq->qij", a, s)
        return np.sqrt(mass)[:, None, None] * roots

    def probability(self, f: np.ndarray) -> np.ndarray:
        """Of logits (S, Q)."""
        if self._binary:
            e = np.exp(-np.abs(f))
            return np.where(f >= 0, 1.0, e) / (1.0 + e)
        e = np.exp(f - f.max(axis=0, initial=-np.inf))
        return e / e.sum(axis=0)

    def _targets(self) -> np.ndarray:
        _, _, t, _, samples = self._logits._made_of()
        t = np.concatenate([np.atleast_2d(ti) for ti in t])
        t = t if samples is None else t[:, samples]
        return np.clip(np.nan_to_num(t), 0.0, 1.0)


def likelihood_of(
    function: str,
    net: Network,
    x: Any,
    t: Any,
    ew: Any,
    samples: Any,
    n_threads: int | None,
) -> Gaussian | Categorical:
    """The likelihood whose negative logarithm the performance function is."""
    if net.performance in ("mse", "sse"):
        return Gaussian(net, x, t, ew, samples, n_threads)
    if net.performance == "crossentropy":
        return Categorical(function, net, x, t, ew, samples, n_threads)
    raise ValueError(
        f"{function}: performFcn is {net.performance!r}, expected 'mse', 'sse' or 'crossentropy': "
        "absolute errors have no curvature"
    )


def _link(function: str, net: Network) -> str:
    """Transfer function of the one output layer."""
    layers, rows = net.output_layers, sum(net.output_sizes)
    name = net.transfer[layers[0]]
    if len(layers) == 1 and ((name == "softmax" and rows > 1) or (name == "logsig" and rows == 1)):
        return name
    raise ValueError(
        f"{function}: crossentropy is a likelihood for one softmax output layer of several rows, "
        f"or one logsig output of one row; the network has {len(layers)} output layer(s), the "
        f"first {name} of {net.output_sizes[0]} row(s)"
    )
