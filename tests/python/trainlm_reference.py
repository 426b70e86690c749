"""Levenberg-Marquardt training as MATLAB specifies it, in plain NumPy and for one kind of network.

Nothing here is shared with the library: the network, its Jacobian and the loop are written out.
"""

from dataclasses import dataclass, field

import numpy as np


class Curve:
    """One input, tansig hidden layer, one purelin output, data mapped to [-1, 1] on both sides."""

    def __init__(self, x, t):
        self.inputs = 2 * (x - x.min()) / (x.max() - x.min()) - 1
        self.gain = 2 / (t.max() - t.min())
        self.offset = t.min()
        self.targets = t

    def errors_and_slopes(self, w, samples):
        """Errors e, shape (N,), and de/dw, shape (P, N); w holds b1, IW, b2, LW."""
        hidden = (len(w) - 1) // 3
        b1, w1, (b2,), w2 = np.split(w, [hidden, 2 * hidden, 2 * hidden + 1])
        p = self.inputs[samples]
        a = np.tanh(np.outer(w1, p) + b1[:, None])
        y = (w2 @ a + b2 + 1) / self.gain + self.offset
        back = w2[:, None] * (1 - a**2)
        dy = np.vstack([back, back * p, np.ones_like(p), a]) / self.gain
        return self.targets[samples] - y, -dy

    def mse(self, w, samples):
        e, _ = self.errors_and_slopes(w, samples)
        return e @ e / len(e) if len(e) else np.nan


@dataclass
class Record:
    rows: list = field(default_factory=list)
    stop: str = ""
    best_epoch: int = 0
    best_w: np.ndarray | None = None

    def column(self, name):
        return np.array([row[name] for row in self.rows])


def trainlm(
    curve,
    w,
    train,
    validation,
    test,
    *,
    epochs=1000,
    goal=0.0,
    max_fail=6,
    min_grad=1e-7,
    mu=1e-3,
    mu_dec=0.1,
    mu_inc=10.0,
    mu_max=1e10,
):
    """Train from parameters `w`; returns a `Record`."""
    record = Record()
    best, fails = np.inf, 0
    epoch = 0
    while True:
        e, J = curve.errors_and_slopes(w, train)
        JE, JJ, perf = J @ e / len(e), J @ J.T / len(e), e @ e / len(e)
        vperf = curve.mse(w, validation)
        judged = vperf if len(validation) else perf
        if judged < best:
            best, fails, record.best_epoch, record.best_w = judged, 0, epoch, w
        elif judged > best and len(validation):
            fails += 1
        gradient = 2 * np.linalg.norm(JE)
        record.rows.append(
            {
                "perf": perf,
                "vperf": vperf,
                "tperf": curve.mse(w, test),
                "mu": mu,
                "gradient": gradient,
                "val_fail": fails,
            }
        )
        tests = {
            "goal": perf <= goal,
            "epoch": epoch == epochs,
            "gradient": gradient <= min_grad,
            "mu": mu >= mu_max,
            "validation": len(validation) and 0 < max_fail <= fails,
        }
        record.stop = next((name for name, holds in tests.items() if holds), "")
        if record.stop:
            return record
        while mu <= mu_max:
            trial = w - np.linalg.solve(JJ + mu * np.eye(len(w)), JE)
            if curve.mse(trial, train) < perf:
                w, mu = trial, max(mu * mu_dec, 1e-20)
                break
            mu *= mu_inc
        epoch += 1
