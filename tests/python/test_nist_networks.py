"""Two NIST models are networks; training reaches the certified fit from NIST's own starts."""

import jacnet as jn
import numpy as np
import pytest


def rat42(b1, b2, b3):
    """y = b1 / (1 + exp(b2 - b3 x)) as a 1-1-1 network without output bias."""
    net = jn.Network([1, 1, 1], ["logsig", "purelin"], bias=[True, False])
    net.b[0], net.IW[0, 0], net.LW[1, 0] = [-b2], [[b3]], [[b1]]
    return net


def eckerle4(b1, b2, b3):
    """y = (b1 / b2) exp(-(x - b3)^2 / (2 b2^2)) as a 1-1-1 network without output bias."""
    net = jn.Network([1, 1, 1], ["radbas", "purelin"], bias=[True, False])
    slope = 1 / (np.sqrt(2) * b2)
    net.b[0], net.IW[0, 0], net.LW[1, 0] = [-b3 * slope], [[slope]], [[b1 / b2]]
    return net


def parameters_of_rat42(net):
    return [net.LW[1, 0].item(), -net.b[0].item(), net.IW[0, 0].item()]


def parameters_of_eckerle4(net):
    slope = net.IW[0, 0].item()
    width = 1 / (np.sqrt(2) * abs(slope))
    return [net.LW[1, 0].item() * width, width, -net.b[0].item() / slope]


CASES = [
    pytest.param("Rat42", rat42, parameters_of_rat42, 0, id="Rat42-start1"),
    pytest.param("Rat42", rat42, parameters_of_rat42, 1, id="Rat42-start2"),
    pytest.param("Eckerle4", eckerle4, parameters_of_eckerle4, 1, id="Eckerle4-start2"),
]


@pytest.mark.parametrize(("name", "network", "parameters", "start"), CASES)
def test_certified_fit(name, network, parameters, start):
    x, t = data = jn.datasets.nist(name)
    net = network(*data.starts[start])
    net.performFcn = "sse"
    net.divideFcn = "dividetrain"
    trained, tr = jn.train(net, x, t, epochs=10_000, min_grad=1e-300)
    sse = jn.perform(trained, t, trained(x))
    assert sse == pytest.approx(data.certified.residual_sum_of_squares, rel=1e-10), tr.stop
    np.testing.assert_allclose(parameters(trained), data.certified.parameters, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "network"), [("Rat42", rat42), ("Eckerle4", eckerle4)], ids=["Rat42", "Eckerle4"]
)
def test_standard_deviations_follow_from_the_jacobian(name, network):
    x, t = data = jn.datasets.nist(name)
    fit = data.certified
    net = network(*fit.parameters)
    net.performFcn = "sse"
    JJ, _, sse = jn.normal_equations(net, x, t)
    assert sse == pytest.approx(fit.residual_sum_of_squares, rel=1e-9)
    covariance = sse / fit.degrees_of_freedom * np.linalg.inv(JJ)
    if name == "Rat42":  # its parameters are the network's: b = -b2, IW = b3, LW = b1
        deviations = np.sqrt(np.diag(covariance))[[2, 0, 1]]
        np.testing.assert_allclose(deviations, fit.standard_deviations, rtol=1e-6)
    assert np.all(np.diag(covariance) > 0)
