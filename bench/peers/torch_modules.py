"""A case as a torch module, for the peers that work on modules."""

from __future__ import annotations

from importlib.metadata import version

import torch
from torch import nn

from ..cases import Case


def sequential(case: Case) -> nn.Sequential:
    """Return Linear layers and transfer functions with the parameters of a case, in float64."""
    wb = torch.from_numpy(case.data[2])
    modules: list[nn.Module] = []
    for bias, weight, h, k in case.layers():
        linear = nn.Linear(k, h, dtype=torch.float64)
        linear.bias.data.copy_(wb[bias])
        linear.weight.data.copy_(wb[weight].reshape(k, h).T)
        modules += [linear, nn.Tanh() if case.hidden == "tansig" else nn.Sigmoid()]
    return nn.Sequential(*modules[:-1])


def versions(package: str) -> str:
    """Version of a package, and of the torch below it."""
    return f"{version(package)} (torch {torch.__version__})"
