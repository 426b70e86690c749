"""Fit networks to the measured NIST data sets for nonlinear regression.

Prints the two tables of docs/nist.md: NIST models that are networks, fitted from NIST's starting
values, and small networks beside the models that NIST chose by hand.
"""

from dataclasses import replace

import jacnet as jn
import numpy as np

HIDDEN = (2, 3, 5)
SEEDS = range(10)
FEWEST_SAMPLES = 25


def fit(net, x, t, seed=None):
    """Train on all samples for the sum of squares; returns the network and the record."""
    net.performFcn = "sse"
    net.divideFcn = "dividetrain"
    return jn.train(net, x, t, seed=seed, epochs=2000, min_grad=1e-300)


def rat42(b1, b2, b3):
    """The model y = b1 / (1 + exp(b2 - b3 x))."""
    net = jn.Network([1, 1, 1], ["logsig", "purelin"], bias=[True, False])
    net.b[0], net.IW[0, 0], net.LW[1, 0] = [-b2], [[b3]], [[b1]]
    return net


def eckerle4(b1, b2, b3):
    """The model y = (b1 / b2) exp(-(x - b3)^2 / (2 b2^2))."""
    net = jn.Network([1, 1, 1], ["radbas", "purelin"], bias=[True, False])
    slope = 1 / (np.sqrt(2) * b2)
    net.b[0], net.IW[0, 0], net.LW[1, 0] = [-b3 * slope], [[slope]], [[b1 / b2]]
    return net


def agreeing_digits(value, certified):
    """Number of decimal digits to which two numbers agree, at most the certified 11."""
    return min(11.0, -np.log10(max(abs(value / certified - 1), 1e-16)))


def print_models():
    """Networks that are NIST's own models."""
    print("| set | network | start | epochs | residual sum of squares | certified | digits |")
    print("|---|---|---|---|---|---|---|")
    for name, network, start in (
        ("Rat42", rat42, 0),
        ("Rat42", rat42, 1),
        ("Eckerle4", eckerle4, 1),
    ):
        data = jn.datasets.nist(name)
        net, tr = fit(network(*data.starts[start]), *data)
        certified = data.certified.residual_sum_of_squares
        print(
            f"| {name} | 1-1-1 {'/'.join(net.transfer)} | {start + 1} | {tr.num_epochs} "
            f"| {tr.best_perf:.10e} | {certified:.10e} "
            f"| {agreeing_digits(tr.best_perf, certified):.1f} |"
        )


def print_small_networks():
    """One hidden layer of a few tansig neurons, the best of several initialisations."""
    print("| set | samples | model: parameters | deviation | network | parameters | deviation |")
    print("|---|---|---|---|---|---|---|")
    for name in jn.datasets.names():
        data = jn.datasets.nist(name)
        if name == "Nelson":  # its model describes the logarithm
            data = replace(data, t=np.log(data.t))
        if data.observed and data.t.size >= FEWEST_SAMPLES:
            for hidden in HIDDEN:
                print_small_network(data, hidden)


def print_small_network(data, hidden):
    """One row: residual standard deviations of NIST's model and of the network."""
    fits = (fit(jn.feedforwardnet(hidden), *data, seed=seed) for seed in SEEDS)
    net, tr = min(fits, key=lambda result: result[1].best_perf)
    deviation = np.sqrt(tr.best_perf / (data.t.size - net.n_parameters))
    model = data.certified
    print(
        f"| {data.name} | {data.t.size} "
        f"| {len(model.parameters)} | {model.residual_standard_deviation:.4g} "
        f"| {len(data.x)}-{hidden}-1 | {net.n_parameters} | {deviation:.4g} |"
    )


if __name__ == "__main__":
    print_models()
    print()
    print_small_networks()
