"""Exact derivatives of neural networks: Jacobians, Hessians and Levenberg-Marquardt training.

>>> import jacnet as jn
>>> x, t = jn.datasets.simplefit()
>>> net, tr = jn.train(jn.feedforwardnet(10), x, t, seed=0)
>>> jn.defaultderiv("de_dwb", net, x, t).shape
(31, 94)
>>> jn.hessian(net, x, t).shape
(31, 31)

Samples are columns: ``x`` is R x Q, ``t`` is S x Q. ``print(net.layout)`` tells which row of a
derivative belongs to which weight.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    from . import _core  # noqa: F401  (a missing core gets its own message)
except ImportError as error:
    raise ImportError(
        f"jacnet's compiled core could not be loaded ({error}). Install the package with "
        "`pip install .` from the source tree, and start Python outside of its python/ folder"
    ) from error

from . import datasets
from ._core import (
    Linearization,
    buffers,
    build_info,
    clear_buffers,
    defaultderiv,
    empirical_fisher,
    fisher,
    gauss_newton,
    gauss_newton_diagonal,
    gradient,
    gradients,
    gram,
    hessian,
    hessian_block,
    hessian_diagonal,
    hessian_trace,
    hessians,
    jacobian,
    linearize,
    normal_equations,
    num2deriv,
    num5deriv,
    perform,
    staticderiv,
)
from ._paths import get_cmake_dir, get_include, get_pkgconfig_dir
from .constructors import cascadeforwardnet, feedforwardnet, fitnet, patternnet
from .functions import configure, formwb, getwb, init, load, save, separatewb, setwb, sim
from .layout import Block, Layout
from .network import Network
from .record import TrainingRecord
from .training import train, trainlm

try:
    __version__ = version("jacnet")
except PackageNotFoundError:  # imported without being installed
    __version__ = "unknown"

__all__ = [  # noqa: RUF022  (in reading order)
    # networks
    "Network", "feedforwardnet", "fitnet", "patternnet", "cascadeforwardnet",
    "configure", "init", "sim", "perform", "save", "load",
    # parameters
    "Layout", "Block", "getwb", "setwb", "formwb", "separatewb",
    # derivatives
    "defaultderiv", "staticderiv", "num2deriv", "num5deriv",
    "gradient", "jacobian", "normal_equations", "gauss_newton", "hessian", "gram",
    "hessian_diagonal", "hessian_trace", "gauss_newton_diagonal", "hessian_block",
    "gradients", "hessians", "fisher", "empirical_fisher",
    "linearize", "Linearization",
    # training
    "train", "trainlm", "TrainingRecord",
    # data and installation
    "datasets", "build_info", "buffers", "clear_buffers",
    "get_include", "get_cmake_dir", "get_pkgconfig_dir",
]  # fmt: skip


def __dir__() -> list[str]:
    return [*sorted(__all__), "__version__"]
