"""CasADi: C code generated for one sample, compiled with -O3 -march=native, called for each sample.

Calls are repeated, and timed, in a loop in C.

Gauss-Newton matrices are BLAS products of its Jacobian (SciPy's dsyrk), whole or in panels;
what dsyrk leaves to do, the upper triangle, is not timed.
"""

from __future__ import annotations

import ctypes
import tempfile
import time
from pathlib import Path
from typing import Any

import casadi
import numpy as np

from .. import compilation
from ..cases import Case
from .base import Call, MissingError, NotOfferedError, Peer, square

try:
    from scipy.linalg.blas import dsyrk
except ImportError as error:
    raise MissingError(f"{error}: BLAS products need scipy") from error

_MOST_OUTPUTS = 6000  # of the generated function; compiling more takes minutes
_MOST_CONSTANT = 20_000  # the same with the weights as constants
_PANEL = 256  # errors
_MOST_HESSIAN = 150  # parameters
_MOST_GRADIENT = 20_000  # parameters; beyond, the compiler needs minutes and gigabytes

# One call per sample; sums over samples are formed for the quantities that are sums.
_DRIVER = """
#include <string.h>
void each(long n, long n_x, long n_t, long n_out, const double* w, const double* x, const double* t,
          double* out, int sum) {
    static casadi_int iw[SIZE_IW + 1];
    static double work[SIZE_W + 1];
    static double one[SIZE_OUT];
    if (sum) memset(out, 0, sizeof(double) * n_out);
    for (long i = 0; i < n; ++i) {
        const double* arg[SIZE_ARG + 3] = {w, x + i * n_x, t + i * n_t};
        double* res[SIZE_RES + 1] = {sum ? one : out + i * n_out};
        f(arg, res, iw, work, 0);
        if (sum) for (long k = 0; k < n_out; ++k) out[k] += one[k];
    }
}

void repeat(long loops, long n, long n_x, long n_t, long n_out, const double* w, const double* x,
            const double* t, double* out, int sum) {
    for (long i = 0; i < loops; ++i) each(n, n_x, n_t, n_out, w, x, t, out, sum);
}
"""


class Contender(Peer):
    """CasADi's generated C."""

    version = casadi.__version__

    def prepare(self, case: Case, quantity: str) -> dict[str, Call]:
        """Return the calls of a quantity, compiled."""
        p, m = case.n_parameters, case.n_outputs
        if quantity == "hessian" and p > _MOST_HESSIAN:
            raise NotOfferedError(f"code for {p * p} second derivatives takes minutes to compile")
        if quantity == "input_jacobian":
            return _input_jacobians(case)
        if quantity not in ("hessian", "gradient") and p * m > _MOST_OUTPUTS:
            raise NotOfferedError(f"code for {p * m} derivatives takes minutes to compile")
        if quantity == "gradient" and p > _MOST_GRADIENT:
            raise NotOfferedError(f"code for {p} derivatives takes minutes to compile")
        make = {
            "forward": _values,
            "jacobian": _jacobian,
            "de_dwb": _jacobian,
            "gradient": _gradient,
            "hessian": _hessian,
            "gauss_newton": _jacobian,
        }
        if quantity not in make:
            raise NotOfferedError("not offered")
        function = _Compiled(case, make[quantity], 1 if quantity != "de_dwb" else -1)
        if quantity in ("gradient", "hessian"):
            shape = (p,) if quantity == "gradient" else (p, p)
            return {"C": _Loop(function, np.zeros(shape), total=True)}
        if quantity == "gauss_newton":
            return _products(case, function)
        per_sample = m if quantity == "forward" else m * p
        return {"C": _Loop(function, np.zeros((case.n_samples, per_sample)))}

    def comparable(self, case: Case, quantity: str, result: Any) -> list[np.ndarray]:
        """Bring Jacobians (samples, outputs x parameters) to one column per error."""
        if quantity in ("jacobian", "de_dwb"):
            return [result.reshape(-1, case.n_parameters).T]
        if quantity == "forward":
            return [result.T]
        if quantity == "input_jacobian":
            return [result.reshape(case.n_samples, case.n_outputs, case.sizes[0])]
        return [square(result) if quantity == "gauss_newton" else result]


def _input_jacobians(case: Case) -> dict[str, Call]:
    """Code for numbers, and code for matrices, which is shorter and calls products."""
    size = case.n_parameters * case.n_outputs
    kinds = {"C, matrices": (casadi.MX, False), "C, matrices, weights constant": (casadi.MX, True)}
    if size <= _MOST_OUTPUTS:
        kinds["C"] = casadi.SX, False
    if size <= _MOST_CONSTANT:
        kinds["C, weights constant"] = casadi.SX, True
    out = np.zeros((case.n_samples, case.n_outputs * case.sizes[0]))
    return {
        name: _Loop(_Compiled(case, _input_jacobian, 1, symbol, constant), out)
        for name, (symbol, constant) in kinds.items()
    }


def _products(case: Case, jacobian: _Compiled) -> dict[str, Call]:
    n, m, p = case.n_samples, case.n_outputs, case.n_parameters
    whole = np.zeros((n, m * p))
    step = min(n, max(1, _PANEL // m))
    panel, scale = np.zeros((step, m * p)), 2 / (m * n)

    def dense() -> np.ndarray:
        return dsyrk(scale, jacobian(whole).reshape(-1, p).T, lower=1)

    def panels() -> np.ndarray:
        jj = np.zeros((p, p), order="F")
        for start in range(0, n, step):
            j = jacobian(panel[: n - start], start).reshape(-1, p)
            jj = dsyrk(scale, j.T, 1.0, jj, lower=1, overwrite_c=1)
        return jj

    return {"C + BLAS, dense": dense, "C + BLAS, panels": panels}


class _Compiled:
    """A function of (parameters, sample, target), over all samples."""

    def __init__(
        self, case: Case, make: Any, sign: int, symbol: Any = casadi.SX, constant: bool = False
    ) -> None:
        x, t, self.w = case.data
        self.x, self.t = x.T.copy(), t.T.copy()
        self.n_out, self.library = _library(case, make, sign, symbol, constant)

    def __call__(
        self, out: np.ndarray, start: int = 0, total: bool = False, loops: int = 1
    ) -> np.ndarray:
        n = len(self.x) if total else len(out)
        x, t = self.x[start:], self.t[start:]
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (self.w, x, t, out)]
        sizes = [ctypes.c_long(size) for size in (n, x.shape[1], t.shape[1], self.n_out)]
        self.library.repeat(ctypes.c_long(loops), *sizes, *pointers, int(total))
        return out


class _Loop:
    """A call, and the seconds of many in a loop in C."""

    def __init__(self, function: _Compiled, out: np.ndarray, total: bool = False) -> None:
        self.function, self.out, self.total = function, out, total

    def __call__(self) -> np.ndarray:
        return self.function(self.out, total=self.total)

    def seconds(self, loops: int) -> float:
        start = time.perf_counter()
        self.function(self.out, total=self.total, loops=loops)
        return (time.perf_counter() - start) / loops


def _library(
    case: Case, make: Any, sign: int, symbol: Any = casadi.SX, constant: bool = False
) -> tuple[int, Any]:
    w, x, t = (
        symbol.sym("w", case.n_parameters),
        symbol.sym("x", case.sizes[0]),
        symbol.sym("t", case.n_outputs),
    )
    weights = casadi.DM(case.data[2]) if constant else w
    result = casadi.densify(sign * make(case, weights, x, t))
    f = casadi.Function("f", [w, x, t], [result])
    sizes = {"ARG": f.sz_arg(), "RES": f.sz_res(), "IW": f.sz_iw(), "W": f.sz_w()}
    sizes["OUT"] = result.numel()
    macros = "".join(f"#define SIZE_{name} {size}\n" for name, size in sizes.items())
    with tempfile.TemporaryDirectory() as folder:
        generator = casadi.CodeGenerator("f.c")
        generator.add(f)
        generator.generate(folder + "/")
        source = Path(folder) / "f.c"
        source.write_text(source.read_text() + macros + _DRIVER)
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        return result.numel(), ctypes.CDLL(str(compilation.compiled(source, flags)))


def _output(case: Case, w: Any, x: Any) -> Any:
    layers = case.layers()
    for i, (bias, weight, h, k) in enumerate(layers):
        n = casadi.reshape(w[weight], h, k) @ x + w[bias]
        hidden = casadi.tanh(n) if case.hidden == "tansig" else 1 / (1 + casadi.exp(-n))
        x = n if i == len(layers) - 1 else hidden
    return x


def _values(case: Case, w: Any, x: Any, t: Any) -> Any:
    return _output(case, w, x)


def _jacobian(case: Case, w: Any, x: Any, t: Any) -> Any:
    return casadi.jacobian(_output(case, w, x), w).T  # column by column: one per output


def _input_jacobian(case: Case, w: Any, x: Any, t: Any) -> Any:
    return casadi.jacobian(_output(case, w, x), x).T


def _performance(case: Case, w: Any, x: Any, t: Any) -> Any:
    return casadi.sumsqr(t - _output(case, w, x)) / case.n_errors


def _gradient(case: Case, w: Any, x: Any, t: Any) -> Any:
    return casadi.gradient(_performance(case, w, x, t), w)


def _hessian(case: Case, w: Any, x: Any, t: Any) -> Any:
    return casadi.hessian(_performance(case, w, x, t), w)[0]
