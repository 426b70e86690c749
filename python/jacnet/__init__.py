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

from . import datasets, plot
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
    ggnvp,
    gradient,
    gradients,
    gram,
    hessian,
    hessian_block,
    hessian_diagonal,
    hessian_trace,
    hessians,
    hvp,
    input_hessian,
    input_hvp,
    input_jvp,
    input_vjp,
    jacobian,
    jvp,
    laplacian,
    linearize,
    normal_equations,
    ntk,
    num2deriv,
    num5deriv,
    perform,
    staticderiv,
    vjp,
)
from ._paths import get_cmake_dir, get_include, get_pkgconfig_dir
from .accumulate import accumulate
from .accumulator import Accumulator
from .check import CheckResult, check
from .chunks import chunks
from .constructors import cascadeforwardnet, feedforwardnet, fitnet, patternnet
from .eigenpairs import Eigenpairs, eigenpairs
from .fitted import Uncertainty
from .functions import configure, formwb, getwb, init, load, save, separatewb, setwb, sim
from .laplace import laplace
from .laplace_posterior import Laplace, LaplacePrediction
from .layout import Block, Layout
from .log_determinant import LogDeterminant, log_determinant
from .minibatches import batch_weight, minibatches
from .network import Network
from .prediction import Prediction
from .record import TrainingRecord
from .sensitivities import Sensitivity, sensitivity
from .spectral_density import SpectralDensity, spectral_density
from .training import train, trainlm
from .uncertainty import parameter_covariance, prediction_interval, uncertainty

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
    "gradient", "jacobian", "normal_equations", "gauss_newton", "hessian",
    "hessian_diagonal", "hessian_trace", "gauss_newton_diagonal", "hessian_block",
    "gradients", "hessians", "fisher", "empirical_fisher",
    "jvp", "vjp", "hvp", "ggnvp", "gram", "ntk",
    "input_hessian", "laplacian", "input_jvp", "input_vjp", "input_hvp",
    "sensitivity", "Sensitivity",
    "linearize", "Linearization",
    "check", "CheckResult",
    # spectra
    "eigenpairs", "Eigenpairs", "spectral_density", "SpectralDensity",
    "log_determinant", "LogDeterminant",
    # parts of the samples
    "minibatches", "batch_weight", "chunks", "accumulate", "Accumulator",
    # uncertainty
    "uncertainty", "Uncertainty", "parameter_covariance", "prediction_interval", "Prediction",
    "laplace", "Laplace", "LaplacePrediction",
    # training
    "train", "trainlm", "TrainingRecord",
    # plots, data and installation
    "plot", "datasets", "build_info", "buffers", "clear_buffers",
    "get_include", "get_cmake_dir", "get_pkgconfig_dir",
]  # fmt: skip


# Not in __all__: they import SciPy, which `from jacnet import *` must do without.
_OPERATORS = ("JacobianOperator", "GramOperator", "HessianOperator", "GaussNewtonOperator")


def __getattr__(name: str) -> type:
    if name in _OPERATORS:
        from . import operators

        return getattr(operators, name)
    from ._suggest import question

    hint = question(name, __dir__())
    raise AttributeError(f"module 'jacnet' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return [*sorted([*__all__, *_OPERATORS]), "__version__"]
