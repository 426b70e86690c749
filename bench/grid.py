"""The grid: every quantity of every network, for every number of threads."""

from __future__ import annotations

from .cases import Case
from .measure import Task
from .session import Session, every_peer

_MOST_TRAINED = 1500  # parameters
_LARGEST = 0.7e9  # bytes of a result; several contenders hold one at a time


def measure(
    session: Session,
    cases: tuple[Case, ...],
    threads: list[int],
    quantities: tuple[str, ...],
    seconds: float,
    announce_all: bool = False,
) -> None:
    """Measure a grid.

    Parameters
    ----------
    seconds : float
        For each case and quantity.
    announce_all : bool
        Say also of peers that take no part whether they are installed.
    """
    for n_threads in threads:
        session.announce(n_threads, every_peer() if announce_all else session.peers)
        session.measure_rates(n_threads)
        for case in cases:
            for quantity in quantities:
                reason = _too_large(case, quantity)
                if reason:
                    print(f"\n{case.name}  {quantity}: {reason}")
                    session.results.append(_left_out(case, quantity, n_threads, reason))
                    continue
                peers = ["jacnet", *session.peers]
                tasks = [Task(peer, peer, case, quantity) for peer in peers]
                session.compare(n_threads, tasks, seconds)


def _too_large(case: Case, quantity: str) -> str:
    size = case.result_bytes(quantity)
    if size > _LARGEST:
        return f"left out: a result of {size / 1e9:.1f} GB"
    if quantity == "epochs" and case.n_parameters > _MOST_TRAINED:
        return f"left out: training {case.n_parameters} parameters takes minutes"
    return ""


def _left_out(case: Case, quantity: str, n_threads: int, reason: str) -> dict[str, object]:
    return {
        **case.to_json(),
        "quantity": quantity,
        "threads": n_threads,
        "times": {},
        "absent": {"all": reason},
    }
