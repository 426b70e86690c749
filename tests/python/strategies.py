"""Random cases: a network, its parameters, data, error weights and a mini-batch.

The structure is drawn by Hypothesis, so that a failing case shrinks to a simple network; the
numbers come from NumPy and one drawn seed.
"""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st
from reference import Derivatives, Network, Spec
from reference.transfer import PIECEWISE, SMOOTH

MAX_PARAMETERS = 1500
KINDS_OF_EW = ("none", "scalar", "1xQ", "Sx1", "SxQ")
INPUT_STEPS = (
    ("mapminmax", {}),
    ("mapminmax", {"ymin": 0.0, "ymax": 3.0}),
    ("mapstd", {}),
    ("mapstd", {"ymean": 1.0, "ystd": 0.5}),
    ("removeconstantrows", {}),
    ("processpca", {"maxfrac": 1e-3}),
)
OUTPUT_STEPS = (*INPUT_STEPS[:5], ("processpca", {}))


@dataclass(frozen=True)
class Case:
    spec: Spec
    connect: str  # "chain", "cascade" or "matrices": how the library is told of the graph
    w: np.ndarray
    frozen_values: dict
    x: list
    t: np.ndarray
    ew: object
    samples: object

    def __repr__(self):  # Hypothesis prints it for a failing example
        shapes = [xi.shape for xi in self.x]
        return (
            f"Case({self.spec}, connect={self.connect!r}, P={len(self.w)}, x={shapes}, "
            f"ew={np.shape(self.ew)}, samples={self.samples})"
        )

    @property
    def has_unknown_inputs(self) -> bool:
        return any(np.isnan(xi).any() for xi in self.x)

    def batch(self):
        """(x, t, ew) of the mini-batch."""
        if self.samples is None:
            return self.x, self.t, self.ew
        ew = self.ew
        if np.ndim(ew) == 2 and np.shape(ew)[1] > 1:
            ew = ew[:, self.samples]
        return [xi[:, self.samples] for xi in self.x], self.t[:, self.samples], ew

    def reference(self, input_transforms=None, output_transforms=None) -> Derivatives:
        net = Network(self.spec, self.x, self.t, input_transforms, output_transforms)
        for block in net.blocks:
            if block.offset < 0:
                block.value = self.frozen_values[block.name]
        return Derivatives(net, self.w, *self.batch())


@st.composite
def cases(draw, *, max_width: int = 20, max_parameters: int = MAX_PARAMETERS):
    depth = draw(st.sampled_from((1, 2, 3, 4, 5)))
    n_inputs = draw(st.sampled_from((1, 1, 1, 2, 3)))
    widest = min(draw(st.sampled_from((1, 3, 7, 12, 20))), max_width)
    n_outputs = draw(st.sampled_from((1, 2, 3, 4, 5, 6)))
    n_samples = draw(st.sampled_from((1, 2, 5, 8, 13, 17, 40)))
    graph = draw(st.sampled_from(("chain", "cascade", "random")))
    performance = draw(st.sampled_from(("mse", "sse", "mae", "sae", "crossentropy")))
    regularization = draw(st.sampled_from((0.0, 0.0, 0.3)))
    normalization = draw(st.sampled_from(("none", "none", "standard", "percent")))
    kind_of_ew = draw(st.sampled_from(KINDS_OF_EW))
    flags = {
        name: draw(st.sampled_from((False, False, True)))
        for name in ("processing", "unbiased", "frozen", "outputs", "nan_t", "nan_x", "piecewise")
    }
    batch = draw(st.sampled_from(("all", "all", "indices", "mask")))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    n_samples = max(n_samples, 5) if flags["processing"] else n_samples
    spec = _spec(rng, depth, n_inputs, widest, n_outputs, graph, flags, max_parameters)
    spec = replace(
        spec,
        performance=performance,
        regularization=regularization,
        normalization=normalization,
    )
    spec = _with_sensible_outputs(rng, spec)
    x = [_inputs(rng, rows, n_samples, flags) for rows in spec.input_sizes]
    t = _targets(rng, spec, n_samples, flags)
    if flags["processing"]:
        spec = _with_processing(rng, spec, x, n_samples)
    spec, w, frozen_values = _with_parameters(rng, spec, x, t, flags)
    ew = _error_weights(rng, kind_of_ew, t.shape)
    ew = _without_poles(spec, w, frozen_values, x, t, ew)
    connect = "matrices" if graph == "random" or n_inputs > 1 else graph
    return Case(spec, connect, w, frozen_values, x, t, ew, _samples(rng, batch, n_samples))


def _spec(rng, depth, n_inputs, widest, n_outputs, graph, flags, max_parameters) -> Spec:
    input_sizes = tuple(int(v) for v in rng.integers(1, 6, n_inputs))
    sizes = [int(v) for v in rng.integers((widest + 1) // 2, widest + 1, depth)]
    sizes[-1] = n_outputs
    output_layers = (depth - 1,)
    if flags["outputs"] and depth > 1 and n_outputs > 1:
        other = int(rng.integers(0, depth - 1))
        sizes[other] = int(rng.integers(1, n_outputs))
        sizes[-1] = n_outputs - sizes[other]
        output_layers = (other, depth - 1)
    input_connect, layer_connect = _graph(rng, graph, depth, n_inputs)

    def parameters():
        into = input_connect @ np.array(input_sizes) + layer_connect @ np.array(sizes)
        return int(np.sum((into + 1) * sizes))

    hidden = [i for i in range(depth) if i not in output_layers]
    while parameters() > max_parameters and any(sizes[i] > 1 for i in hidden):
        sizes[max(hidden, key=lambda i: sizes[i])] -= 1
    bias = rng.random(depth) > 0.4 if flags["unbiased"] else np.full(depth, True)
    names = SMOOTH + (PIECEWISE if flags["piecewise"] else ())
    return Spec(
        input_sizes=input_sizes,
        layer_sizes=tuple(sizes),
        transfer=tuple(str(v) for v in rng.choice(names, depth)),
        bias=tuple(bool(b) for b in bias),
        input_connect=tuple(tuple(bool(v) for v in row) for row in input_connect),
        layer_connect=tuple(tuple(bool(v) for v in row) for row in layer_connect),
        output_layers=output_layers,
    )


def _graph(rng, kind, depth, n_inputs):
    inputs = np.zeros((depth, n_inputs), dtype=bool)
    layers = np.zeros((depth, depth), dtype=bool)
    if kind == "cascade":
        inputs[:] = True
        layers = np.tri(depth, k=-1, dtype=bool)
    elif kind == "chain":
        inputs[0] = True
        layers = np.eye(depth, k=-1, dtype=bool)
    else:
        layers = np.tri(depth, k=-1, dtype=bool) & (rng.random((depth, depth)) < 0.6)
        inputs = rng.random((depth, n_inputs)) < 0.4
        for j in range(n_inputs):  # every input is read, every layer reads something
            inputs[rng.integers(0, depth), j] = True
        for i in range(depth):
            if not inputs[i].any() and not layers[i].any():
                inputs[i, rng.integers(0, n_inputs)] = True
    return inputs, layers


def _with_sensible_outputs(rng, spec: Spec) -> Spec:
    """Crossentropy wants probabilities: mostly softmax or logsig outputs."""
    if spec.performance != "crossentropy":
        return spec
    names = list(spec.transfer)
    for layer in spec.output_layers:
        several = ["softmax", "softmax"] if spec.layer_sizes[layer] > 1 else []
        names[layer] = str(rng.choice([*several, "logsig", "logsig", "radbas", "softplus"]))
    return replace(spec, transfer=tuple(names))


def _inputs(rng, rows, n_samples, flags):
    x = rng.normal(size=(rows, n_samples))
    if flags["processing"]:
        x = x * rng.uniform(0.1, 30, (rows, 1)) + rng.normal(size=(rows, 1)) * 10
        if rows > 1 and rng.random() < 0.3:
            x[rng.integers(rows)] = 3.5  # for removeconstantrows
    if flags["nan_x"] and n_samples > 4:
        x[rng.integers(rows), rng.integers(n_samples)] = np.nan
    return x


def _targets(rng, spec, n_samples, flags):
    sizes = [spec.layer_sizes[layer] for layer in spec.output_layers]
    if spec.performance == "crossentropy":
        t = np.concatenate([_classes(rng, rows, n_samples) for rows in sizes])
    else:
        t = rng.normal(size=(sum(sizes), n_samples))
        if flags["processing"]:
            t = t * rng.uniform(0.1, 30, (len(t), 1)) + rng.normal(size=(len(t), 1)) * 10
            if sizes[-1] > 1 and rng.random() < 0.3:
                t[-1] = -2.5  # for removeconstantrows
    if flags["nan_t"] and n_samples > 4:
        unknown = rng.random(t.shape) < 0.15
        unknown[:, rng.choice(n_samples, 3, replace=False)] = False
        t[unknown] = np.nan
    return t


def _classes(rng, rows, n_samples):
    if rng.random() < 0.5:  # soft labels
        t = rng.random((rows, n_samples))
        return t / t.sum(axis=0) if rows > 1 else t
    if rows == 1:
        return rng.integers(0, 2, (1, n_samples)).astype(float)
    return np.eye(rows)[:, rng.integers(0, rows, n_samples)]


def _with_processing(rng, spec, x, n_samples) -> Spec:
    pca = "netinv" not in spec.transfer  # its signs are free: no pole can be kept away from
    inputs = [_steps(rng, INPUT_STEPS if pca else INPUT_STEPS[:5]) for _ in x]
    for steps, xi in zip(inputs, x, strict=True):
        if np.isnan(xi).any() and rng.random() < 0.5:
            steps.insert(0, ("fixunknowns", {}))
    crossentropy = spec.performance == "crossentropy"
    known = INPUT_STEPS[1:2] if crossentropy else OUTPUT_STEPS if pca else OUTPUT_STEPS[:5]
    outputs = [_steps(rng, known) for _ in spec.output_layers]
    return replace(
        spec,
        input_processing=tuple(tuple(steps) for steps in inputs),
        output_processing=tuple(tuple(steps) for steps in outputs),
    )


def _steps(rng, known) -> list:
    chosen = rng.permutation(len(known))[: rng.integers(0, 3)]
    return [known[i] for i in sorted(chosen, reverse=bool(rng.integers(2)))]


def _with_parameters(rng, spec, x, t, flags):
    names = [b.name for b in Network(spec, x, t).blocks]
    if flags["frozen"] and len(names) > 1:
        chosen = rng.random(len(names)) < 0.3
        chosen[rng.integers(len(names))] = False
        spec = replace(spec, frozen=frozenset(n for n, c in zip(names, chosen, strict=True) if c))
    net = Network(spec, x, t)
    w, frozen_values = np.zeros(net.n_parameters), {}
    for block in net.blocks:
        into = sum(b.cols for b in net.blocks if b.layer == block.layer and b.kind != "b")
        scale = 0.7 if block.kind == "b" else rng.uniform(0.5, 1.5) / np.sqrt(into)
        values = rng.normal(size=block.size) * scale
        if block.offset < 0:
            frozen_values[block.name] = values.reshape((block.rows, block.cols), order="F")
        else:
            w[block.offset : block.offset + block.size] = values
    return _away_from_poles(spec, w, frozen_values, x, t), w, frozen_values


def _fitted(spec, frozen_values, x, t) -> Network:
    net = Network(spec, x, t)
    for block in net.blocks:
        if block.offset < 0:
            block.value = frozen_values[block.name]
    return net


def _away_from_poles(spec, w, frozen_values, x, t) -> Spec:
    """netinv gives way to elliotsig where a net input comes near its pole."""
    names = list(spec.transfer)
    for layer, name in enumerate(spec.transfer):
        if name == "netinv":
            net = _fitted(replace(spec, transfer=tuple(names)), frozen_values, x, t)
            with np.errstate(invalid="ignore", divide="ignore"):  # a pole that is hit
                s = net.net_inputs(w, net.process(x))[layer]
            if np.nanmin(np.abs(s), initial=np.inf) < 0.3:
                names[layer] = "elliotsig"
    return replace(spec, transfer=tuple(names))


def _error_weights(rng, kind, shape):
    if kind == "none":
        return None
    if kind == "scalar":
        return 1.7
    rows, columns = shape
    size = {"1xQ": (1, columns), "Sx1": (rows, 1), "SxQ": shape}[kind]
    ew = rng.uniform(0.1, 2.0, size)
    ew[rng.random(size) < 0.1] = 0.0
    return ew


def _without_poles(spec, w, frozen_values, x, t, ew):
    """No weight for -t log y and -(1-t) log(1-y) where y is near 0 or 1, unless logs are closed."""
    if spec.performance != "crossentropy":
        return ew
    net = _fitted(spec, frozen_values, x, t)
    closed = {"softmax", "logsig"}
    if not spec.output_processing and all(spec.transfer[i] in closed for i in spec.output_layers):
        return ew
    y = net(w, x)
    near = (np.abs(y) < 0.02) | (np.abs(1 - y) < 0.02)
    return np.where(near, 0.0, 1.0 if ew is None else ew) if near.any() else ew


def _samples(rng, kind, n_samples):
    if kind == "all":
        return None
    if kind == "mask":
        mask = rng.random(n_samples) < 0.6
        mask[rng.integers(n_samples)] = True
        return mask
    return rng.integers(0, n_samples, rng.integers(1, n_samples + 3))
