"""Transfer functions, written so that `autograd` differentiates them twice without losing digits.

Every function maps net inputs of shape (..., rows, samples) to outputs of the same shape.
"""

from collections.abc import Callable

import autograd.numpy as np
from autograd.extend import Box, defvjp, primitive
from autograd.scipy.special import erfc, logsumexp
from scipy.special import expit

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def constant(s):
    """The value of `s`, with no derivative."""
    while isinstance(s, Box):
        s = s._value
    return s


# Packaged derivatives cancel (1 - a) or overflow (1 / cosh^2) in the tails: this one does neither.
logistic = primitive(expit)
defvjp(logistic, lambda ans, s: lambda g: g * logistic(s) * logistic(-s))


def tanh(s):
    return logistic(2.0 * s) - logistic(-2.0 * s)


def absolute(s):
    """|s|, whose second derivative is 0 and not a rounding error."""
    return np.sign(s) * s


def softplus(s):
    return np.logaddexp(0.0, s)


def log_softmax(s, *, detached: bool = False):
    lse = logsumexp(s, axis=-2, keepdims=True)
    return s - (constant(lse) if detached else lse)


def softmax(s, *, detached: bool = False):
    e = np.exp(s - np.max(constant(s), axis=-2, keepdims=True))
    total = np.sum(e, axis=-2, keepdims=True)
    return e / (constant(total) if detached else total)


def elu(s):
    return np.where(s > 0, s, np.expm1(np.minimum(s, 0.0)))


def selu(s):
    return SELU_SCALE * np.where(s > 0, s, SELU_ALPHA * np.expm1(np.minimum(s, 0.0)))


def gelu_tanh(s):
    return s * logistic(2.0 * np.sqrt(2.0 / np.pi) * (s + 0.044715 * s**3))


ELEMENTWISE: dict[str, Callable] = {
    "tansig": tanh,
    "logsig": logistic,
    "purelin": lambda s: s,
    "radbas": lambda s: np.exp(-s * s),
    "elliotsig": lambda s: s / (1.0 + absolute(s)),
    "elliot2sig": lambda s: np.sign(s) * s * s / (1.0 + s * s),
    "netinv": lambda s: 1.0 / np.where(s == 0.0, 5e-31, s),  # 2e30 at the pole
    "softplus": softplus,
    "silu": lambda s: s * logistic(s),
    "mish": lambda s: s * tanh(softplus(s)),
    "gelu": lambda s: 0.5 * s * erfc(-s / np.sqrt(2.0)),
    "gelu_tanh": gelu_tanh,
    "sin": np.sin,
    "elu": elu,
    "selu": selu,
    "poslin": lambda s: np.maximum(s, 0.0),
    "relu": lambda s: np.maximum(s, 0.0),
    "leaky_relu": lambda s: np.where(s > 0, s, 0.01 * s),
    "satlin": lambda s: np.clip(s, 0.0, 1.0),
    "satlins": lambda s: np.clip(s, -1.0, 1.0),
    "tribas": lambda s: np.maximum(0.0, 1.0 - absolute(s)),
}

COUPLED = ("softmax", "radbasn")
"""Functions whose slope is a matrix: every output depends on every net input of the layer."""

PIECEWISE = ("poslin", "relu", "leaky_relu", "satlin", "satlins", "tribas")
SMOOTH = tuple(name for name in ELEMENTWISE if name not in PIECEWISE) + COUPLED


def apply(name: str, s, *, detached: bool = False):
    """`name` of the net inputs `s`.

    With `detached` the normalising sums of softmax and radbasn count as constants: the derivative
    is then the first of the two terms `a_i delta_ij - a_i a_j` that the true one subtracts.
    """
    if name == "softmax":
        return softmax(s, detached=detached)
    if name == "radbasn":
        return softmax(-s * s, detached=detached)
    return ELEMENTWISE[name](s)
