"""Performance as a function of the *split variable* z of each output: where Gauss-Newton cuts.

z is the output y, except for crossentropy on an unprocessed softmax or logsig output, where it is
the net input of the output layer and logarithms are taken in closed form.
"""

import autograd.numpy as np
import numpy

from .network import Network, stack_rows
from .transfer import absolute, log_softmax, softplus

EPS = numpy.finfo(float).eps
MEAN = ("mse", "mae", "crossentropy")


def splits_at_net_input(net: Network, output: int) -> bool:
    D, c = net.reversals[output]
    name = net.spec.transfer[net.spec.output_layers[output]]
    rows = D.shape[0]
    unprocessed = D.shape == (rows, rows) and numpy.array_equal(D, numpy.eye(rows)) and not c.any()
    return (
        net.spec.performance == "crossentropy"
        and unprocessed
        and (name == "logsig" or (name == "softmax" and rows > 1))
    )


def error_normalization(net: Network) -> numpy.ndarray:
    """Factor of each output element, S x 1."""
    numerator = {"none": None, "standard": 2.0, "percent": 1.0}[net.spec.normalization]
    if numerator is None or net.spec.performance == "crossentropy":
        return numpy.ones((net.output_rows, 1))
    with numpy.errstate(divide="ignore"):
        factor = numerator / net.output_range
    return numpy.where(numpy.isfinite(factor), factor, 1.0)[:, None]


class Loss:
    """The performance without regularisation, for targets `t` and error weights `ew`."""

    def __init__(self, net: Network, t: numpy.ndarray, ew=None):
        self.net = net
        known = ~numpy.isnan(t)
        self.t = numpy.where(known, t, 0.0)
        self.ew = numpy.where(known, 1.0 if ew is None else ew, 0.0)
        self.known = known
        self.count = int(known.sum())
        self.factor = error_normalization(net)
        mean = net.spec.performance in MEAN
        self.divisor = max(self.count, 1) if mean else 1
        self.at_net_input = [splits_at_net_input(net, i) for i in range(len(net.output_slices))]

    def split(self, w, u: list, *, detached: bool = False):
        """z, stacked over outputs, shape (..., sum of rows, samples)."""
        s = self.net.net_inputs(w, u, detached=detached)
        z = [
            s[layer] if self.at_net_input[i] else self.net.reverse(i, s[layer], detached=detached)
            for i, layer in enumerate(self.net.spec.output_layers)
        ]
        return stack_rows(z)

    def __call__(self, z, *, detached: bool = False):
        """The loss, shape (...), of z with shape (..., S, samples)."""
        if self.net.spec.performance != "crossentropy":
            return self._of_errors((self.t - z) * self.factor)
        return sum(
            self._crossentropy(i, rows, z[..., rows, :], detached)
            for i, rows in enumerate(self.net.output_slices)
        )

    def _sum(self, terms, ew):
        return np.sum(ew * terms, axis=(-2, -1)) / self.divisor

    def _of_errors(self, e):
        square = self.net.spec.performance in ("mse", "sse")
        return self._sum(e * e if square else absolute(e), self.ew)

    def _crossentropy(self, output: int, rows: slice, z, detached: bool):
        t, ew = np.clip(self.t[rows], 0.0, 1.0), self.ew[rows]
        binary = len(t) == 1
        if not self.at_net_input[output]:
            terms = -t * np.log(np.clip(z, EPS, 1.0))
            if binary:
                terms = terms - (1.0 - t) * np.log(np.clip(1.0 - z, EPS, 1.0))
        elif self.net.spec.transfer[self.net.spec.output_layers[output]] == "softmax":
            terms = -t * log_softmax(z, detached=detached)
        else:
            terms = t * softplus(-z)
            if binary:
                terms = terms + (1.0 - t) * softplus(z)
        return self._sum(terms, ew)


def regularization(net: Network, w):
    """The weight part of the performance, not yet times the ratio, for parameters (..., P)."""
    linear = net.spec.performance in ("mae", "sae")
    total = np.sum(absolute(w) if linear else w * w, axis=-1)
    return total / net.n_parameters if net.spec.performance in MEAN else total
