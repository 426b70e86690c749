"""A handful of networks against 60-digit arithmetic, to 1e-13 of the largest entry.

The reference knows values only: it is differentiated by central differences, whose error of h^2
with h = 1e-18 is far below float64.
"""

from dataclasses import dataclass

import jacnet as jn
import mpmath
import numpy as np
import pytest
from mpmath import mpf

STEP = mpf("1e-18")
TOLERANCE = 1e-13


def logistic(s):
    return 1 / (1 + mpmath.exp(-s))


def elementwise(f):
    return lambda column: [f(s) for s in column]


def softmax(column):
    e = [mpmath.exp(s) for s in column]
    return [v / sum(e) for v in e]


TRANSFER = {
    "tansig": elementwise(mpmath.tanh),
    "logsig": elementwise(logistic),
    "purelin": elementwise(lambda s: s),
    "radbas": elementwise(lambda s: mpmath.exp(-s * s)),
    "gelu": elementwise(lambda s: s * mpmath.ncdf(s)),
    "softplus": elementwise(lambda s: mpmath.log(1 + mpmath.exp(s))),
    "silu": elementwise(lambda s: s * logistic(s)),
    "softmax": softmax,
    "radbasn": lambda column: softmax([-s * s for s in column]),
}


@dataclass(frozen=True)
class Problem:
    sizes: tuple[int, ...]
    transfer: tuple[str, ...]
    performance: str = "mse"
    cascade: bool = False
    n_samples: int = 3

    @property
    def connect(self):
        return "cascade" if self.cascade else "chain"

    def network(self):
        return jn.Network(
            list(self.sizes),
            transfer=list(self.transfer),
            performance=self.performance,
            connect=self.connect,
        )

    def n_parameters(self) -> int:
        into, count = 0, 0
        for i, rows in enumerate(self.sizes[1:]):
            into = into + self.sizes[i] if self.cascade else self.sizes[i]
            count += rows * (into + 1)
        return count

    def data(self):
        rng = np.random.default_rng(sum(self.sizes))
        x = rng.normal(size=(self.sizes[0], self.n_samples))
        t = rng.normal(size=(self.sizes[-1], self.n_samples))
        if self.performance == "crossentropy":
            t = 1 / (1 + np.exp(-t))
        return x, t, rng.normal(size=self.n_parameters())

    def outputs(self, w, x):
        """Columns of outputs for parameters `w`, a list of mpf, and one column `x`."""
        take = iter(w)
        sources = [[mpf(float(v)) for v in x]]
        for rows, name in zip(self.sizes[1:], self.transfer, strict=True):
            s = [next(take) for _ in range(rows)]
            for source in sources if self.cascade else sources[-1:]:
                for value in source:  # column-major: one column of the weights for each source
                    s = [si + next(take) * value for si in s]
            sources.append(TRANSFER[name](s))
        return sources[-1]

    def value(self, w, x, t):
        total = mpf(0)
        for column, targets in zip(x.T, t.T, strict=True):
            y = self.outputs(w, column)
            for yi, ti in zip(y, (mpf(float(v)) for v in targets), strict=True):
                if self.performance != "crossentropy":
                    total += (ti - yi) ** 2
                else:
                    total -= ti * mpmath.log(yi)
                    if len(y) == 1:
                        total -= (1 - ti) * mpmath.log(1 - yi)
        return total if self.performance == "sse" else total / t.size


PROBLEMS = [
    Problem((2, 3, 1), ("tansig", "purelin")),
    Problem((2, 2, 2, 2), ("logsig", "radbas", "gelu"), "sse"),
    Problem((3, 2, 3), ("softplus", "softmax"), "crossentropy"),
    Problem((2, 3, 1), ("silu", "logsig"), "crossentropy"),
    Problem((2, 2, 2, 1), ("radbasn", "tansig", "purelin"), cascade=True),
    Problem((1, 3, 2), ("softmax", "tansig"), "sse", n_samples=5),
]


def shifted(w, *steps):
    moved = list(w)
    for i, h in steps:
        moved[i] += h
    return moved


def assert_close(actual, expected):
    expected = np.array(expected, dtype=float)
    assert actual.shape == expected.shape
    assert np.max(np.abs(actual - expected)) <= TOLERANCE * np.max(np.abs(expected))


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: "-".join(map(str, p.sizes)))
def test_problem(problem):
    x, t, w = problem.data()
    net = problem.network()
    net.setwb(w)
    with mpmath.workdps(60):
        w = [mpf(float(v)) for v in w]
        each = range(len(w))

        def column(i, sample):
            up = problem.outputs(shifted(w, (i, STEP)), sample)
            down = problem.outputs(shifted(w, (i, -STEP)), sample)
            return [(u - d) / (2 * STEP) for u, d in zip(up, down, strict=True)]

        def value(*steps):
            return problem.value(shifted(w, *steps), x, t)

        J = [[v for sample in x.T for v in column(i, sample)] for i in each]
        g = [(value((i, STEP)) - value((i, -STEP))) / (2 * STEP) for i in each]
        H = np.zeros((len(w), len(w)))
        for i in each:
            for j in range(i + 1):
                mixed = sum(
                    a * b * value((i, a * STEP), (j, b * STEP)) for a in (1, -1) for b in (1, -1)
                )
                H[i, j] = H[j, i] = float(mixed / (4 * STEP**2))

    assert_close(jn.jacobian(net, x), J)
    assert_close(jn.gradient(net, x, t), g)
    assert_close(jn.hessian(net, x, t), H)
