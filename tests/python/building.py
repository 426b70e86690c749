"""The one place where a `Case` becomes a jacnet network."""

import jacnet as jn
import numpy as np


def build(case):
    """The network of `case`: made, configured on its data, parameters set."""
    spec = case.spec
    options = {}
    if case.connect == "cascade":
        options["connect"] = "cascade"
    elif case.connect == "matrices":
        options["connect"] = (np.array(spec.input_connect), np.array(spec.layer_connect))
    if len(spec.output_layers) > 1:
        options["outputs"] = list(spec.output_layers)
    if spec.frozen:
        options["learn"] = dict.fromkeys(sorted(spec.frozen), False)
    if spec.input_processing:
        options["input_processing"] = _steps(spec.input_processing)
        options["output_processing"] = _steps(spec.output_processing)
    first = list(spec.input_sizes) if len(spec.input_sizes) > 1 else spec.input_sizes[0]
    net = jn.Network(
        [first, *spec.layer_sizes],
        transfer=list(spec.transfer),
        bias=list(spec.bias),
        performance=spec.performance,
        **options,
    )
    net.configure(inputs(case.x), case.t)
    net.performParam.regularization = spec.regularization
    net.performParam.normalization = spec.normalization
    net.setwb(case.w)
    for name, value in case.frozen_values.items():
        _set_block(net, name, value)
    return net


def inputs(x: list):
    """How jacnet takes inputs: an array, or a list of arrays where there are several."""
    return x if len(x) > 1 else x[0]


def arguments(case):
    """(net, x, t) and keyword arguments of a call on the whole of `case`."""
    return (build(case), inputs(case.x), case.t), {"ew": case.ew, "samples": case.samples}


def pca_transforms(net):
    """Per input and per output, the matrices of processpca: their row signs are the library's."""
    return (
        [_matrices(steps) for steps in net.input_processing],
        [_matrices(steps) for steps in net.output_processing],
    )


def _matrices(steps) -> list:
    return [
        np.array(value)
        for step in steps
        if step["name"] == "processpca"
        for key, value in step.items()
        if key == "transform" and np.size(value)
    ]


def _steps(pipelines):
    lists = [[(n, p) if p else n for n, p in steps] for steps in pipelines]
    return lists if len(lists) > 1 else lists[0]


def _set_block(net, name, value):
    kind, numbers = name.rstrip("}").split("{")
    index = [int(n) - 1 for n in numbers.split(",")]
    if kind == "b":
        net.b[index[0]] = value[:, 0]
    else:
        getattr(net, kind)[index[0], index[1]] = value
