"""Data to try things on: MATLAB's ``simplefit`` curve and the NIST reference sets.

Every function returns a :class:`Dataset`, which unpacks as ``x, t`` with samples in columns:
R x Q and S x Q.

>>> import jacnet as jn
>>> x, t = jn.datasets.simplefit()
>>> x.shape, t.shape
((1, 94), (1, 94))
>>> jn.datasets.thurber().units
{'y': 'not stated', 'x': 'natural log of the density'}
"""

from .dataset import Certified, Dataset
from .simplefit import simplefit
from .strd import enso, hahn1, names, nist, thurber

__all__ = ["Certified", "Dataset", "enso", "hahn1", "names", "nist", "simplefit", "thurber"]


def __dir__() -> list[str]:
    return __all__
