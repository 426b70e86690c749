"""MATLAB's network constructors: networks that learn their sizes from data.

Each returns a network whose input and output sizes are open until ``configure`` or ``train`` sees
data, with MATLAB's defaults: tansig hidden layers, constant rows removed and data mapped to
[-1, 1] on both sides, random division 70/15/15, mean squared error, Levenberg-Marquardt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ._arguments import size_of
from ._calls import public
from ._named import named
from .network import Network

_STEPS = ("removeconstantrows", "mapminmax")
_STEPS_TO_UNIT_RANGE = ("removeconstantrows", ("mapminmax", {"ymin": 0}))


@public
def feedforwardnet(hidden: int | Iterable[int] = 10, trainFcn: str = "trainlm") -> Network:  # noqa: N803
    """Feedforward network: tansig hidden layers and a purelin output layer.

    Parameters
    ----------
    hidden : int or sequence of int, optional
        Sizes of the hidden layers; an empty sequence makes a linear network.
    trainFcn : str, optional
        Training function; it can be changed later.

    Returns
    -------
    Network
        Not configured; ``train`` or ``configure`` sets input and output sizes.

    Raises
    ------
    ValueError, TypeError
        If a size is no positive whole number or the training function is unknown.

    Examples
    --------
    >>> jn.feedforwardnet([10, 5])
    <jacnet.Network ?-10-5-?, tansig/tansig/purelin, not configured, mse, trainlm>
    """
    return _open_network("feedforwardnet", hidden, trainFcn)


@public
def fitnet(hidden: int | Iterable[int] = 10, trainFcn: str = "trainlm") -> Network:  # noqa: N803
    """Function fitting network; the same as :func:`feedforwardnet`.

    Parameters
    ----------
    hidden, trainFcn : as in :func:`feedforwardnet`

    Returns
    -------
    Network

    Raises
    ------
    ValueError, TypeError
        As :func:`feedforwardnet`.
    """
    return _open_network("fitnet", hidden, trainFcn)


@public
def cascadeforwardnet(hidden: int | Iterable[int] = 10, trainFcn: str = "trainlm") -> Network:  # noqa: N803
    """Cascade network: the input and every earlier layer feed every layer.

    Parameters
    ----------
    hidden, trainFcn : as in :func:`feedforwardnet`

    Returns
    -------
    Network
        Not configured.

    Raises
    ------
    ValueError, TypeError
        As :func:`feedforwardnet`.
    """
    return _open_network("cascadeforwardnet", hidden, trainFcn, connect="cascade")


@public
def patternnet(
    hidden: int | Iterable[int] = 10,
    trainFcn: str = "trainscg",  # noqa: N803
    performFcn: str = "crossentropy",  # noqa: N803
) -> Network:
    """Pattern recognition network: tansig hidden layers, softmax output, crossentropy.

    With a single target row the output layer becomes logsig when the network is configured.

    Parameters
    ----------
    hidden, trainFcn : as in :func:`feedforwardnet`
    performFcn : str, optional
        Performance function.

    Returns
    -------
    Network
        Not configured.

    Raises
    ------
    ValueError, TypeError
        As :func:`feedforwardnet`, and for an unknown performance function.
    """
    net = _open_network(
        "patternnet",
        hidden,
        trainFcn,
        output_transfer="softmax",
        output_processing=_STEPS_TO_UNIT_RANGE,
    )
    with named("patternnet", "Network"):
        net.performFcn = performFcn
    return net


def _open_network(
    function: str,
    hidden: int | Iterable[int],
    train_function: str,
    output_transfer: str = "purelin",
    output_processing: Any = _STEPS,
    connect: str = "chain",
) -> Network:
    sizes = _hidden_sizes(function, hidden)
    net = Network(
        [0, *sizes, 0],
        transfer=["tansig"] * len(sizes) + [output_transfer],
        connect=connect,
        input_processing=_STEPS,
        output_processing=output_processing,
    )
    with named(function, "Network"):
        net.trainFcn = train_function
    return net


def _hidden_sizes(function: str, hidden: int | Iterable[int]) -> list[int]:
    sizes = hidden if np.iterable(hidden) and not isinstance(hidden, str) else [hidden]
    return [size_of(f"{function}: hidden", size, 1) for size in sizes]
