"""What a data set is: inputs, targets and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .._calls import public_methods


@public_methods("certified")
@dataclass(frozen=True, eq=False)
class Certified:
    """Certified least-squares fit of a NIST model; arrays are ordered b1, b2, ...

    Attributes
    ----------
    parameters, standard_deviations : ndarray, shape (p,)
        Certified values to 11 digits.
    residual_sum_of_squares, residual_standard_deviation : float
    degrees_of_freedom : int
    """

    parameters: np.ndarray
    standard_deviations: np.ndarray
    residual_sum_of_squares: float
    residual_standard_deviation: float
    degrees_of_freedom: int


@public_methods("data")
@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Inputs and targets with their origin; unpacks as ``x, t``.

    Attributes
    ----------
    x : ndarray, shape (R, Q)
        Inputs, one sample per column.
    t : ndarray, shape (S, Q)
        Targets.
    name, description, source : str
        `source` is the reference to cite.
    units : dict
        Unit of each variable, ``"not stated"`` where the source gives none.
    variables : dict
        What each variable measures, in the words of the source.
    model : str
        The model the source fits ("" when there is none).
    starts : tuple of ndarray
        The starting values the source gives for the model's parameters.
    certified : Certified or None
        The certified fit of the model.
    observed : bool
        Real measurements (True) or generated numbers (False).
    difficulty : str
        NIST's grade of the model: ``"lower"``, ``"average"``, ``"higher"``, or "".
    """

    x: np.ndarray
    t: np.ndarray
    name: str
    description: str
    source: str
    units: dict[str, str]
    variables: dict[str, str] = field(default_factory=dict)
    model: str = ""
    starts: tuple[np.ndarray, ...] = ()
    certified: Certified | None = None
    observed: bool = False
    difficulty: str = ""

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.x, self.t))

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> np.ndarray:
        return (self.x, self.t)[index]

    def __repr__(self) -> str:
        (inputs, samples), outputs = self.x.shape, self.t.shape[0]
        return f"<jacnet dataset {self.name}: x {inputs}x{samples}, t {outputs}x{samples}>"
