"""Process functions in plain NumPy, fitted from the specification.

A fitted step is affine on finite data, `u = A x + o`; `apply` also says what happens to NaN.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Step:
    """One fitted step: `apply(x) = A x + o`; `reverse(u) = D u + c`."""

    A: np.ndarray
    o: np.ndarray
    D: np.ndarray
    c: np.ndarray
    name: str = ""

    def apply(self, x: np.ndarray) -> np.ndarray:
        u = np.empty((self.A.shape[0], x.shape[1]))
        for i, row in enumerate(self.A):  # only what row i reads: NaN must not leak between rows
            reads = np.flatnonzero(row)
            u[i] = row[reads] @ x[reads] + self.o[i]
        return u


@dataclass
class FixUnknowns(Step):
    means: np.ndarray = field(default_factory=lambda: np.zeros(0))
    known_rows: list[tuple[int, int]] = field(default_factory=list)  # (row of u, row of x)

    def apply(self, x: np.ndarray) -> np.ndarray:
        missing = np.isnan(x)
        u = super().apply(np.where(missing, self.means[:, None], x))
        for row, source in self.known_rows:
            u[row] = ~missing[source]
        return u


def _diagonal(name: str, gain: np.ndarray, offset: np.ndarray) -> Step:
    """`u = gain x + offset`, row by row."""
    return Step(np.diag(gain), offset, np.diag(1.0 / gain), -offset / gain, name)


def mapminmax(x: np.ndarray, ymin: float = -1.0, ymax: float = 1.0) -> Step:
    low, high = np.nanmin(x, axis=1), np.nanmax(x, axis=1)
    with np.errstate(divide="ignore"):
        gain = (ymax - ymin) / (high - low)
    usable = np.isfinite(gain) & (np.abs(gain) <= 1e14) & (gain != 0)
    gain = np.where(usable, gain, 1.0)
    low = np.where(usable, low, ymin)
    return _diagonal("mapminmax", gain, ymin - low * gain)


def mapstd(x: np.ndarray, ymean: float = 0.0, ystd: float = 1.0) -> Step:
    count = np.sum(~np.isnan(x), axis=1)
    mean = np.nanmean(x, axis=1)
    spread = np.sqrt(np.nansum((x - mean[:, None]) ** 2, axis=1) / np.maximum(count - 1, 1))
    usable = spread > 0
    gain = np.where(usable, ystd / np.where(usable, spread, 1.0), 1.0)
    mean = np.where(usable, mean, ymean)
    return _diagonal("mapstd", gain, ymean - mean * gain)


def removeconstantrows(x: np.ndarray, max_range: float = 0.0) -> Step:
    low, high = np.nanmin(x, axis=1), np.nanmax(x, axis=1)
    keep = high - low > max_range
    A = np.eye(len(x))[keep]
    return Step(
        A, np.zeros(len(A)), A.T, np.where(keep, 0.0, (low + high) / 2.0), "removeconstantrows"
    )


def processpca(x: np.ndarray, maxfrac: float = 1e-10) -> Step:
    rows, n = x.shape
    if rows <= 1 or rows > n:
        return _diagonal("identity", np.ones(rows), np.zeros(rows))
    complete = x[:, ~np.isnan(x).any(axis=0)]
    u, sigma, _ = np.linalg.svd(complete, full_matrices=False)
    keep = sigma**2 / np.sum(sigma**2) >= maxfrac
    return pca_step(u[:, keep].T)


def pca_step(transform: np.ndarray) -> Step:
    k, rows = transform.shape
    return Step(transform, np.zeros(k), np.linalg.pinv(transform), np.zeros(rows), "processpca")


def fixunknowns(x: np.ndarray) -> Step:
    rows = len(x)
    unknown = np.isnan(x).any(axis=1)
    A, o, known = [], [], []
    for i in range(rows):
        A.append(np.eye(rows)[i])
        o.append(0.0)
        if unknown[i]:
            known.append((len(A), i))
            A.append(np.zeros(rows))
            o.append(1.0)
    A = np.array(A)
    return FixUnknowns(
        A, np.array(o), np.zeros((0, 0)), np.zeros(0), "fixunknowns", np.nanmean(x, axis=1), known
    )


FITS = {f.__name__: f for f in (mapminmax, mapstd, removeconstantrows, processpca, fixunknowns)}


@dataclass
class Pipeline:
    """Steps in list order; outputs reverse them in opposite order."""

    steps: list[Step]
    rows: int

    @classmethod
    def fit(cls, steps, x: np.ndarray, transforms=()) -> "Pipeline":
        """Fit each `(name, parameters)` to `x` as the steps before leave it.

        `transforms` replaces the matrices of processpca, one each, whose row signs are arbitrary.
        """
        fitted, transforms, data = [], list(transforms), x
        for name, parameters in steps:
            step = FITS[name](data, **parameters)
            if step.name == "processpca" and transforms:
                step = pca_step(same_rows_up_to_sign(transforms.pop(0), step.A))
            fitted.append(step)
            data = step.apply(data)
        return cls(fitted, len(x))

    def apply(self, x: np.ndarray) -> np.ndarray:
        for step in self.steps:
            x = step.apply(x)
        return x

    def slope(self) -> np.ndarray:
        """du/dx, processed rows x rows."""
        A = np.eye(self.rows)
        for step in self.steps:
            A = step.A @ A
        return A

    @property
    def processed_rows(self) -> int:
        return self.slope().shape[0]

    def reversal(self) -> tuple[np.ndarray, np.ndarray]:
        """(D, c) of `y = D a + c`, the reversal of every step."""
        D, c = np.eye(self.processed_rows), np.zeros(self.processed_rows)
        for step in reversed(self.steps):
            D, c = step.D @ D, step.D @ c + step.c
        return D, c


def same_rows_up_to_sign(given: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """`given`, once it is seen to hold the rows of `expected` but for their signs."""
    signs = np.sign(np.sum(given * expected, axis=1, keepdims=True))
    np.testing.assert_allclose(given * signs, expected, atol=1e-8)
    return given
