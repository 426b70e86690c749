"""Every derivative jacnet offers, by automatic differentiation, and the scale of its rounding."""

import warnings
from functools import cached_property

import autograd
import numpy as np

from .network import Network
from .performance import Loss, regularization
from .transfer import COUPLED

DOUBLES_AT_ONCE = 400_000


def grad(function):
    """`autograd.grad`, which warns where the function is constant: not here."""

    def derivative(v):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Output seems independent")
            return autograd.grad(function)(v)

    return derivative


class Derivatives:
    """The derivatives of `net` with parameters `w` on samples `x` (a list) and targets `t`.

    Shapes are the library's: J is P x (S*Q), H is P x P, dy/dx is Q x S x R.

    Scales. Two correct programs differ by rounding errors of the *terms they add*, which exceed
    their sum where terms cancel. `*_scale` is the largest entry of the same sum with those terms
    in absolute value:
    - gradient: every sample and output, |dz/dw| |dE/dz|, with |t| + |y| for the error t - y;
    - Gauss-Newton: |Z| |Lambda| |Z|';
    - Hessian: that, plus the largest entry of the second-order part H - GN, and at least
      a thousandth of the gradient's: terms that cancel there are terms of the gradient, too,
      times slopes and weights;
    - a slope matrix a_i (delta_ij - a_j) of softmax and radbasn cancels too: the scale is at least
      what follows from its first term alone (`detached`).
    """

    def __init__(self, net: Network, w: np.ndarray, x: list, t: np.ndarray, ew=None):
        self.net, self.w = net, w
        t = np.array(t, dtype=float)
        y = net(w, x)
        t[np.isnan(y)] = np.nan  # an unknown input makes the targets it reaches don't-care
        self.u = [np.where(np.isnan(ui), 0.0, ui) for ui in net.process(x)]
        self.y = net.outputs(w, self.u)
        self.loss = Loss(net, t, ew)
        self.coupled = any(name in COUPLED for name in net.spec.transfer)

    # values and first derivatives

    @cached_property
    def performance(self) -> float:
        r = self.net.spec.regularization
        data = float(self.loss(self.loss.split(self.w, self.u)))
        if r == 0:
            return (1 - r) * data
        return (1 - r) * data + r * float(regularization(self.net, self.w))

    def _jacobian(self, function, *, detached: bool = False) -> np.ndarray:
        """d function(w, u)[m, q] / dw as an array (M, Q, P): one copy of w for each m and q."""
        u = [ui.T[:, :, None] for ui in self.u]  # samples become a leading axis
        rows, samples = self.net.output_rows, self.y.shape[1]

        def selected(w):
            z = function(w, u, detached=detached)  # (M, Q, M, 1)
            return (z[..., 0] * np.eye(rows)[:, None, :]).sum()

        copies = np.broadcast_to(self.w, (rows, samples, len(self.w))).copy()
        return grad(selected)(copies)

    @cached_property
    def _dy(self) -> np.ndarray:
        return self._jacobian(self.net.outputs)

    @cached_property
    def _dz(self) -> np.ndarray:
        if not any(self.loss.at_net_input):
            return self._dy
        return self._jacobian(self.loss.split)

    @cached_property
    def jacobian(self) -> np.ndarray:
        """+dy/dw, P x (S*Q)."""
        return self._dy.transpose(2, 1, 0).reshape(len(self.w), -1)

    @cached_property
    def jacobian_scale(self) -> float:
        scale = largest(self._dy)
        if self.coupled:
            scale = max(scale, largest(self._jacobian(self.net.outputs, detached=True)))
        return scale

    @cached_property
    def error_scaling(self) -> np.ndarray:
        """sqrt(EW) times normalisation; 0 where the target is unknown. Length S*Q."""
        return (np.sqrt(self.loss.ew) * self.loss.factor).ravel(order="F")

    @cached_property
    def errors(self) -> np.ndarray:
        return (self.loss.t - self.y).ravel(order="F") * self.error_scaling

    @cached_property
    def de_dwb(self) -> np.ndarray:
        return -self.jacobian * self.error_scaling

    @cached_property
    def normal_equations(self) -> tuple[np.ndarray, np.ndarray, float]:
        J, e = self.de_dwb, self.errors
        return J @ J.T, J @ e, float(e @ e)

    @cached_property
    def gradient(self) -> np.ndarray:
        r = self.net.spec.regularization

        def performance(w):
            data = self.loss(self.loss.split(w, self.u))
            return (1 - r) * data + r * regularization(self.net, w)

        return grad(performance)(self.w)

    @cached_property
    def gradient_scale(self) -> float:
        net, loss = self.net, self.loss
        seeds = np.abs(grad(lambda z: loss(z))(loss.split(self.w, self.u)))
        if net.spec.performance in ("mse", "sse"):
            terms = np.abs(loss.t) + np.abs(self.y)
            seeds = 2 * loss.ew * loss.factor**2 * terms / loss.divisor
        elif net.spec.performance == "crossentropy":
            seeds = np.maximum(seeds, loss.ew / loss.divisor)
        dz = np.abs(self._dz)
        if self.coupled:
            dz = np.maximum(dz, np.abs(self._jacobian(loss.split, detached=True)))
        return largest(np.einsum("mqp,mq->p", dz, seeds)) + self._regularization_scale

    @cached_property
    def _regularization_scale(self) -> float:
        r = self.net.spec.regularization
        return 2 * r * max(1.0, largest(self.w)) if r else 0.0

    def _input_jacobian(self, *, detached: bool = False) -> np.ndarray:
        rows, parts = self.net.output_rows, []
        for i, pipeline in enumerate(self.net.input_pipelines):

            def selected(ui, i=i):
                u = [*self.u[:i], ui, *self.u[i + 1 :]]  # ui: (S, R, Q), a copy for each output
                y = self.net.outputs(self.w, u, detached=detached)
                return (y * np.eye(rows)[:, :, None]).sum()

            copies = np.broadcast_to(self.u[i], (rows, *self.u[i].shape)).copy()
            parts.append(np.einsum("mkq,kr->qmr", grad(selected)(copies), pipeline.slope()))
        return np.concatenate(parts, axis=2)

    @cached_property
    def input_jacobian(self) -> np.ndarray:
        """dy/dx, Q x S x R, the rows of all inputs stacked."""
        return self._input_jacobian()

    @cached_property
    def input_jacobian_scale(self) -> float:
        scale = largest(self.input_jacobian)
        if self.coupled:
            scale = max(scale, largest(self._input_jacobian(detached=True)))
        return scale

    # second derivatives

    @cached_property
    def _curvature(self) -> np.ndarray:
        """Lambda = d2 loss / dz dz, per sample, as (M, M, Q)."""
        z = self.loss.split(self.w, self.u)
        return self._hessian_of(lambda v: self.loss(v).sum(), z)

    @staticmethod
    def _hessian_of(function, z: np.ndarray) -> np.ndarray:
        rows = z.shape[0]
        seeds = np.eye(rows)[:, :, None]
        copies = np.broadcast_to(z, (rows, *z.shape)).copy()
        return grad(lambda v: (grad(function)(v) * seeds).sum())(copies)

    @cached_property
    def _gauss_newton_data(self) -> np.ndarray:
        weighted = np.einsum("mnq,nqp->mqp", self._curvature, self._dz)
        return np.einsum("mqp,mqr->pr", self._dz, weighted, optimize=True)

    @cached_property
    def gauss_newton(self) -> np.ndarray:
        r = self.net.spec.regularization
        return (1 - r) * self._gauss_newton_data + self._regularization_hessian

    @cached_property
    def hessian(self) -> np.ndarray:
        r = self.net.spec.regularization
        return (1 - r) * self._hessian_data() + self._regularization_hessian

    @cached_property
    def _regularization_hessian(self) -> np.ndarray:
        r = self.net.spec.regularization
        if r == 0:
            return np.zeros((len(self.w), len(self.w)))
        diagonal = grad(lambda v: grad(lambda w: regularization(self.net, w))(v).sum())(self.w)
        return np.diag(r * diagonal)

    def _hessian_data(self, *, detached: bool = False) -> np.ndarray:
        """Row d is H e_d: the same w once per direction d, differentiated twice in one go."""

        def performance(w):
            z = self.loss.split(w, self.u, detached=detached)
            return self.loss(z, detached=detached).sum()

        P, widest = len(self.w), max(self.net.heights)
        chunk = max(1, DOUBLES_AT_ONCE // max(P, widest * self.y.shape[1]))
        rows = []
        for first in range(0, P, chunk):
            directions = np.eye(P)[first : first + chunk]
            copies = np.broadcast_to(self.w, directions.shape).copy()
            rows.append(grad(lambda v, d=directions: (grad(performance)(v) * d).sum())(copies))
        return np.concatenate(rows)

    @cached_property
    def gauss_newton_scale(self) -> float:
        return self._gauss_newton_terms(self._dz) + self._regularization_scale

    def _gauss_newton_terms(self, dz: np.ndarray) -> float:
        dz, curvature = np.abs(dz), np.abs(self._curvature)
        # the diagonal will do: the largest entry of a semidefinite matrix lies on it
        return largest(np.einsum("mqp,mnq,nqp->p", dz, curvature, dz, optimize=True))

    @cached_property
    def hessian_scale(self) -> float:
        r = self.net.spec.regularization
        second_order = self.hessian - self.gauss_newton
        scale = self.gauss_newton_scale + max(largest(second_order), 1e-3 * self.gradient_scale)
        if self.coupled:
            detached = largest(self._hessian_data(detached=True))
            terms = self._gauss_newton_terms(self._jacobian(self.loss.split, detached=True))
            scale = max(scale, (1 - r) * (detached + terms))
        return scale


def largest(a: np.ndarray) -> float:
    return float(np.max(np.abs(a), initial=0.0))
