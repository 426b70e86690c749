"""The reference network: any acyclic graph of layers, parameters in one flat vector."""

from dataclasses import dataclass, field

import autograd.numpy as np
import numpy

from . import transfer
from .processing import Pipeline


@dataclass(frozen=True)
class Spec:
    """What a network is, before it has seen data. Sizes count rows of the user's data."""

    input_sizes: tuple[int, ...]
    layer_sizes: tuple[int, ...]
    transfer: tuple[str, ...]
    bias: tuple[bool, ...]
    input_connect: tuple[tuple[bool, ...], ...]
    layer_connect: tuple[tuple[bool, ...], ...]
    output_layers: tuple[int, ...]
    input_processing: tuple = ()
    output_processing: tuple = ()
    frozen: frozenset[str] = frozenset()
    performance: str = "mse"
    regularization: float = 0.0
    normalization: str = "none"


@dataclass
class Block:
    name: str
    kind: str
    layer: int
    source: int
    rows: int
    cols: int
    offset: int = -1  # of its first parameter; -1 when frozen
    value: numpy.ndarray = field(default_factory=lambda: numpy.zeros(0))  # used when frozen

    @property
    def size(self) -> int:
        return self.rows * self.cols


def stack_rows(parts: list):
    """Concatenate rows, giving every part the leading axes of the others."""
    leading = numpy.broadcast_shapes(*(p.shape[:-2] for p in parts))
    samples = max(p.shape[-1] for p in parts)
    full = [p + np.zeros((*leading, 1, samples)) for p in parts]
    return np.concatenate(full, axis=-2)


class Network:
    """A `Spec` fitted to data. Activations have shape (..., rows, samples).

    Parameters may carry leading axes, (..., P): one network per index, all evaluated at once. That
    is how whole Jacobians and Hessians come out of single calls to `autograd.grad`.
    """

    def __init__(self, spec: Spec, x: list, t, input_transforms=None, output_transforms=None):
        self.spec = spec
        inputs = len(spec.input_sizes)
        self.input_pipelines = [
            Pipeline.fit(
                spec.input_processing[i] if spec.input_processing else (),
                x[i],
                input_transforms[i] if input_transforms else (),
            )
            for i in range(inputs)
        ]
        self.output_slices, self.output_pipelines, row = [], [], 0
        for i, layer in enumerate(spec.output_layers):
            rows = slice(row, row + spec.layer_sizes[layer])
            self.output_slices.append(rows)
            self.output_pipelines.append(
                Pipeline.fit(
                    spec.output_processing[i] if spec.output_processing else (),
                    t[rows],
                    output_transforms[i] if output_transforms else (),
                )
            )
            row = rows.stop
        self.output_rows = row
        self.output_range = numpy.nanmax(t, axis=1) - numpy.nanmin(t, axis=1)
        self.reversals = [p.reversal() for p in self.output_pipelines]
        self.heights = list(spec.layer_sizes)
        for layer, pipeline in zip(spec.output_layers, self.output_pipelines, strict=True):
            self.heights[layer] = pipeline.processed_rows
        self.blocks = self._list_blocks()
        self.n_parameters = sum(b.size for b in self.blocks if b.offset >= 0)

    def _list_blocks(self) -> list[Block]:
        spec, blocks = self.spec, []
        widths = [p.processed_rows for p in self.input_pipelines]
        for i, height in enumerate(self.heights):
            if spec.bias[i]:
                blocks.append(Block(f"b{{{i + 1}}}", "b", i, -1, height, 1))
            for j, width in enumerate(widths):
                if spec.input_connect[i][j]:
                    blocks.append(Block(f"IW{{{i + 1},{j + 1}}}", "IW", i, j, height, width))
            for j in range(i):
                if spec.layer_connect[i][j]:
                    name = f"LW{{{i + 1},{j + 1}}}"
                    blocks.append(Block(name, "LW", i, j, height, self.heights[j]))
        offset = 0
        for block in blocks:
            if block.name in spec.frozen:
                block.value = numpy.zeros((block.rows, block.cols))
            else:
                block.offset = offset
                offset += block.size
        return blocks

    def process(self, x: list) -> list:
        return [p.apply(xi) for p, xi in zip(self.input_pipelines, x, strict=True)]

    def _weight(self, block: Block, w):
        if block.offset < 0:
            return block.value
        flat = w[..., block.offset : block.offset + block.size]
        columns = np.reshape(flat, (*flat.shape[:-1], block.cols, block.rows))
        return np.swapaxes(columns, -1, -2)

    def net_inputs(self, w, u: list, *, detached: bool = False) -> list:
        """Net inputs of every layer, for parameters (..., P) and processed inputs (..., R, n)."""
        s, a = [], []
        for i, name in enumerate(self.spec.transfer):
            total = np.zeros((self.heights[i], u[0].shape[-1]))
            for block in self.blocks:
                if block.layer != i:
                    continue
                weight = self._weight(block, w)
                if block.kind == "b":
                    total = total + weight
                else:
                    total = total + np.matmul(
                        weight, (u if block.kind == "IW" else a)[block.source]
                    )
            s.append(total)
            a.append(transfer.apply(name, total, detached=detached))
        return s

    def reverse(self, output: int, s, *, detached: bool = False):
        """Output number `output` on the user's scale, from the net input of its layer."""
        D, c = self.reversals[output]
        name = self.spec.transfer[self.spec.output_layers[output]]
        return np.matmul(D, transfer.apply(name, s, detached=detached)) + c[:, None]

    def outputs(self, w, u: list, *, detached: bool = False):
        s = self.net_inputs(w, u, detached=detached)
        y = [
            self.reverse(i, s[layer], detached=detached)
            for i, layer in enumerate(self.spec.output_layers)
        ]
        return stack_rows(y)

    def __call__(self, w: numpy.ndarray, x: list) -> numpy.ndarray:
        with numpy.errstate(invalid="ignore"):  # unknown inputs give unknown outputs
            return self.outputs(w, self.process(x))
