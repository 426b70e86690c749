"""Self-check: every quantity of a linearization against differences and against the others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._calls import public, public_methods
from ._core import Linearization, linearize
from ._named import named
from ._options import check_seed, check_threads, flag
from ._rows import ROWS
from ._subject import Subject
from .network import Network

KINKED = frozenset(  # or with jumps, in themselves or in a derivative
    ("poslin", "satlin", "satlins", "hardlim", "hardlims", "tribas", "compet", "relu",
     "leaky_relu", "elu", "selu", "elliotsig")
)  # fmt: skip
_DOUBLES = 1_000_000  # of the Jacobian in the check
_SAMPLES = 50
_DENSE = 700  # parameters up to which P x P matrices are formed


@public_methods("row")
@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes
    ----------
    quantity, against : str
        What was compared with what.
    error, tolerance : float
        Largest difference, relative to the size of the terms that are compared.
    verdict : {"ok", "FAILED", "unreliable", "skipped"}
        "unreliable": the differences disagree among themselves, as they do near kinks.
    note : str
    """

    quantity: str
    against: str
    error: float
    tolerance: float
    verdict: str
    note: str = ""


@public_methods("result")
@dataclass(frozen=True)
class CheckResult:
    """Result of :func:`check`: its rows, and ``passed``. ``print(result)`` shows the table.

    Attributes
    ----------
    rows : list of Row
    notes : list of str
        What of the network and the samples was checked.
    """

    rows: list[Row]
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no comparison failed, and at least one was made."""
        verdicts = [row.verdict for row in self.rows]
        return "FAILED" not in verdicts and "ok" in verdicts

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        table = [("quantity", "compared with", "error", "tolerance", "verdict")]
        for row in self.rows:
            numbers = ("", "") if np.isnan(row.error) else (
                f"{row.error:.1e}", f"{row.tolerance:.0e}"
            )  # fmt: skip
            verdict = row.verdict + (f": {row.note}" if row.note else "")
            table.append((row.quantity, row.against, *numbers, verdict))
        widths = [max(len(line[k]) for line in table) for k in range(4)]
        lines = []
        for quantity, against, error, tolerance, verdict in table:
            words = [quantity.ljust(widths[0]), against.ljust(widths[1])]
            words += [error.rjust(widths[2]), tolerance.rjust(widths[3]), verdict]
            lines.append("  ".join(words).rstrip())
        return "\n".join([*self.notes, *lines])

    def __repr__(self) -> str:
        failed = [row.quantity for row in self.rows if row.verdict == "FAILED"]
        word = "passed" if self.passed else f"FAILED: {', '.join(failed) or 'nothing compared'}"
        return f"<jacnet.CheckResult: {len(self.rows)} comparisons, {word}>"


@public
def check(
    net: Network | Linearization,
    x: Any = None,
    t: Any = None,
    *,
    ew: Any = None,
    samples: Any = None,
    seed: int = 0,
    verbose: bool = True,
    n_threads: int | None = None,
) -> CheckResult:
    """Compare every derivative with finite differences and with each other, and print a table.

    Parameters
    ----------
    net : Network or Linearization
        A linearization brings its own data along; ``lin.check()`` is the same.
    x, t, ew, samples : as in ``linearize``
        Without t, only the derivatives of the outputs are checked.
    seed : int, optional
        Of the samples, parameters and directions that are drawn, and of random vectors.
    verbose : bool, optional
        Print the table.
    n_threads : int, optional
        At most this many threads; results do not depend on it.

    Returns
    -------
    CheckResult
        ``passed`` tells whether no comparison failed; ``rows`` has the comparisons.

    Raises
    ------
    ValueError, TypeError, IndexError
        As ``linearize``; also where no sample has all its inputs known, or the network was laid out
        anew after the linearization was made.

    Notes
    -----
    Takes about a second. Of large networks it checks random parameters and directions on a few
    random samples, and leaves out what would be P x P. Differences are five-point formulas at
    several steps; entries where the steps disagree, as they do at the kinks of poslin and the like
    or of mae, are left out, and a row without enough entries left is called unreliable.
    Identities must hold to 1e-10 (1e-6 with softmax and radbasn layers, whose slopes cancel where
    one neuron takes all), differences to 1e-6, of the size of the terms compared.

    Examples
    --------
    >>> x, t = jn.datasets.simplefit()
    >>> net = jn.feedforwardnet(4).configure(x, t).init(seed=0)
    >>> jn.check(net, x, t, verbose=False).passed
    True
    """
    check_seed("check", seed, 2**32 - 1)
    verbose = flag("check", "verbose", verbose)
    check_threads("check", n_threads)
    if isinstance(net, Linearization):
        lin = net
        if not all(argument is None for argument in (x, t, ew, samples)):
            raise TypeError(
                "check: a linearization has its own data; leave out x, t, ew and samples"
            )
    elif isinstance(net, Network):
        with named("check"):
            lin = linearize(net, x, t, ew=ew, samples=samples)
    else:
        raise TypeError(
            f"check: net must be a jacnet.Network or a linearization, got {type(net).__name__}"
        )
    subject, notes = _subject(lin, np.random.RandomState(seed), n_threads)
    result = CheckResult(list(_rows(subject)), notes)
    if verbose:
        print(result)
    return result


def _rows(subject: Subject) -> Iterator[Row]:
    for needs, quantity, against, comparison in ROWS:
        if subject.has(needs):
            yield _row(subject, quantity, against, comparison)


def _row(subject: Subject, quantity: str, against: str, comparison: Callable[..., Any]) -> Row:
    try:
        measured = comparison(subject)
    except Exception as failure:  # a check must say what failed, not fail
        text = str(failure).splitlines()[0] if str(failure) else ""
        note = f"{type(failure).__name__}: {text}"
        return Row(quantity, against, np.nan, np.nan, "FAILED", note)
    if isinstance(measured, str):
        return Row(quantity, against, np.nan, np.nan, "skipped", measured)
    error, tolerance, kept = measured
    note = "" if kept == 1.0 else f"{1 - kept:.0%} of the entries left out, near kinks"
    if kept < 0.3:
        return Row(quantity, against, np.nan, np.nan, "unreliable", note)
    verdict = "ok" if error <= tolerance else "FAILED"
    return Row(quantity, against, float(error), tolerance, verdict, note)


def _subject(
    lin: Linearization, rng: np.random.RandomState, n_threads: int | None
) -> tuple[Subject, list[str]]:
    """What is checked: the network as it was linearized, on some of the samples."""
    net, x, t, ew, samples = lin._made_of()
    if net.n_parameters != lin.n_parameters:
        raise ValueError(
            "check: the network was laid out anew after the linearization was made; make another"
        )
    net = net.copy().setwb(lin.parameters())
    order = np.arange(lin.n_samples) if samples is None else samples
    x = [_matrix(xi) for xi in x]
    known = np.all([np.isfinite(xi[:, order]).all(axis=0) for xi in x], axis=0)
    usable = order[known]
    if len(usable) == 0:
        raise ValueError("check: x has no sample whose inputs are all known, expected at least one")
    most = max(1, min(_SAMPLES, _DOUBLES // max(1, lin.n_parameters * lin.n_outputs)))
    part = np.sort(rng.permutation(usable)[:most])
    own_ew = None
    if ew is not None:
        own_ew = ew[0][:, part] if ew[0].ndim == 2 and ew[0].shape[1] > 1 else ew[0]
    subject = Subject(
        net=net,
        x=[np.array(xi[:, part]) for xi in x],
        t=None if t is None else np.concatenate([_matrix(ti)[:, part] for ti in t]),
        ew=own_ew,
        rng=rng,
        dense=lin.n_parameters <= _DENSE,
        package=sys.modules[__package__],
        n_threads=n_threads,
    )
    notes = [f"{net!r}: {len(part)} of {len(order)} samples"]
    kinks = sorted(KINKED & set(net.transfer)) + [net.performance] * (
        t is not None and net.performance in ("mae", "sae")
    )
    if kinks:
        notes.append(
            f"{', '.join(kinks)}: differences are unreliable near kinks and left out there"
        )
    return subject, notes


def _matrix(signal: Any) -> np.ndarray:
    """An array of one row or more, whatever subclass came."""
    return np.atleast_2d(np.asarray(signal))


def _check_method(
    lin: Linearization, *, seed: int = 0, verbose: bool = True, n_threads: int | None = None
) -> CheckResult:
    return check(lin, seed=seed, verbose=verbose, n_threads=n_threads)


_check_method.__name__ = "check"
_check_method.__qualname__ = "Linearization.check"
_check_method.__doc__ = check.__doc__
# A method of a compiled class.
setattr(Linearization, "check", public(_check_method, call="lin.check", hidden=1))  # noqa: B010
