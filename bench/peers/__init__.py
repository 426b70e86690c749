"""The contenders, one file each: jacnet, and other ways to the same numbers.

A worker process (`bench.worker`) loads exactly one of them, so that none shares threads, memory or
imports with another.
"""

from __future__ import annotations

import re
from importlib import import_module

from .base import MissingError, Peer

# name -> what has to be there; the same words appear where a peer is reported as missing
PEERS = {
    "jacnet": "pip install .",
    "jacnet_cpp": "pip install ., and a C++ compiler",
    "dense": "pip install . scipy",
    "numpy": "pip install numpy scipy",
    "torch": "pip install torch",
    "jax": "pip install jax",
    "neural_tangents": "pip install neural-tangents, in a Python of its own: see bench/README.md",
    "casadi": "pip install casadi, and a C compiler",
    "backpack": "pip install backpack-for-pytorch",
    "curvlinops": "pip install curvlinops-for-pytorch",
    "tlm": "pip install torch-levenberg-marquardt",
    "pyrenn": "pip install pyrenn",
    "alglib": "apt-get install libalglib-dev, and a C++ compiler",
    "nnet": "apt-get install r-cran-nnet",
    "roof": "pip install numpy",
}


def load(name: str) -> Peer:
    """Import one contender.

    Raises
    ------
    MissingError
        If what it needs is not installed or broken; the message says what.
    """
    try:
        return import_module(f".{name}_peer", __name__).Contender()
    except Exception as error:  # a broken installation raises anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        reason = re.sub(r" \(/[^)]*\)", "", reason)  # where a module is, on this machine
        raise MissingError(f"{reason} ({PEERS[name]})") from error
