"""The data sets: known sums, NIST's files against their own certified fits."""

import jacnet as jn
import numpy as np
import pytest


def test_simplefit():
    data = jn.datasets.simplefit()
    x, t = data
    assert x.shape == t.shape == (1, 94)
    assert x.max() == pytest.approx(9.97628375, abs=5e-9)
    assert x.sum() == pytest.approx(493.173567523096, abs=1e-9)
    assert t.sum() == pytest.approx(538.184843169056, abs=1e-9)
    assert (t.min(), t.max()) == (0, 10)
    assert data.source
    assert data[0] is data.x


def test_every_call_gives_fresh_arrays():
    x, _ = jn.datasets.simplefit()
    x[:] = 0
    assert jn.datasets.simplefit().x.any()
    jn.datasets.enso().t[:] = 0
    assert jn.datasets.enso().t.any()


@pytest.mark.parametrize("name", jn.datasets.names())
def test_every_nist_set_is_complete(name):
    data = jn.datasets.nist(name)
    samples = data.x.shape[1]
    assert data.t.shape == (1, samples)
    assert np.isfinite(data.x).all()
    assert np.isfinite(data.t).all()
    assert data.description
    assert "NIST" in data.source
    assert set(data.units) == {"y", *(("x1", "x2") if len(data.x) == 2 else ("x",))}
    fit = data.certified
    assert fit.degrees_of_freedom == samples - len(fit.parameters)
    assert len(data.starts) == 2
    assert {len(start) for start in data.starts} == {len(fit.parameters)}
    variance = fit.residual_sum_of_squares / fit.degrees_of_freedom
    # Lanczos1 is exact data: its certified sum is rounding
    assert fit.residual_standard_deviation == pytest.approx(variance**0.5, rel=1e-6)
    assert name in repr(data)


def ratio(b, x):
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (
        1 + b[4] * x + b[5] * x**2 + b[6] * x**3
    )


def cycles(b, x):
    y = b[0] * np.ones_like(x)
    for period, c, s in ((12, 1, 2), (b[3], 4, 5), (b[6], 7, 8)):
        y += b[c] * np.cos(2 * np.pi * x / period) + b[s] * np.sin(2 * np.pi * x / period)
    return y


@pytest.mark.parametrize(
    ("name", "model", "samples"),
    [("Thurber", ratio, 37), ("Hahn1", ratio, 236), ("ENSO", cycles, 168)],
)
def test_certified_parameters_give_the_certified_residuals(name, model, samples):
    x, t = data = getattr(jn.datasets, name.lower())()
    assert data.name == name
    assert data.observed
    assert x.shape == (1, samples)
    sse = np.sum((t - model(data.certified.parameters, x)) ** 2)
    assert sse == pytest.approx(data.certified.residual_sum_of_squares, rel=1e-9)


def test_names_are_found_in_any_case():
    assert jn.datasets.nist("thurber").name == "Thurber"
    assert jn.datasets.nist("ENSO").units["x"] == "months"


def test_unknown_name():
    with pytest.raises(ValueError, match="nist: no set named 'Thurbr'"):
        jn.datasets.nist("Thurbr")
    with pytest.raises(TypeError, match="nist: name must be the name of a set, got int"):
        jn.datasets.nist(3)


def test_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="Thurber"):
        jn.datasets.nist("Thurbr")
