"""Transfer functions against 50-digit arithmetic: values, slopes, curvatures, tails, kinks, NaN."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jacnet import _core
from mpmath import mp, mpf

COUPLED = ("softmax", "radbasn", "compet")
HUGE = 1.7e308


def evaluate(name, n, order=0):
    """The one place that knows how the core is called."""
    return np.asarray(_core.transfer(name, np.asarray(n, dtype=float), order))


# Closed forms -----------------------------------------------------------------------------------
# Each gives (value, slope, curvature, scale), all mpf; `scale` holds the natural sizes of the terms
# of slope and curvature, against which the error at their own zeros is judged.


def decay(n):
    """exp(-|n|) and no more work than needed for arguments like 1e308."""
    return mpmath.exp(-min(abs(n), mpf(10) ** 6))


def logistic(n):
    e = decay(n)
    return (1 / (1 + e) if n >= 0 else e / (1 + e)), e / (1 + e) ** 2


def half_tanh(n):
    return mpmath.sign(n) * -mpmath.expm1(-min(abs(n), mpf(10) ** 6)) / (1 + decay(n))


def precise(a, d1, d2):
    return a, d1, d2, (abs(d1), abs(d2))


def gated(n, v, v1, v2):
    """n times the logistic function of v(n)."""
    s, s1 = logistic(v)
    t = half_tanh(v)
    terms = (2 * v1 * s1, n * v2 * s1, -n * v1 * v1 * s1 * t)
    return (
        n * s,
        s + n * v1 * s1,
        mpmath.fsum(terms),
        (s + abs(n * v1 * s1), mpmath.fsum(abs(x) for x in terms)),
    )


def tansig(n):
    e, a = decay(2 * n), half_tanh(2 * n)
    slope = 4 * e / (1 + e) ** 2
    return precise(a, slope, -2 * a * slope)


def logsig(n):
    a, slope = logistic(n)
    return precise(a, slope, -slope * half_tanh(n))


def softplus(n):
    a, slope = logistic(n)
    return precise(max(n, mpf(0)) + mpmath.log1p(decay(n)), a, slope)


def silu(n):
    return gated(n, n, mpf(1), mpf(0))


def gelu_tanh(n):
    c, cubic = 2 * mpmath.sqrt(2 / mp.pi), mpf("0.044715")
    return gated(n, c * n * (1 + cubic * n**2), c * (1 + 3 * cubic * n**2), 6 * c * cubic * n)


def gelu(n):
    x = max(min(n, mpf(1000)), mpf(-1000))
    below = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
    density = mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mp.pi)
    a = n * below if n > 0 else x * below
    scale = (below + abs(x) * density, density * (2 + x * x))
    return a, below + x * density, density * (2 - x * x), scale


def mish(n):
    e = decay(n)
    if n < 0:
        d = 2 + 2 * e + e * e
        t, t1, w = e * (2 + e) / d, 4 * e * (1 + e) / d**2, 4 * e / d**3
        terms = (2 * w, 2 * e * w, -3 * e * e * w, -2 * e**3 * w)
    else:
        d = 1 + 2 * e + 2 * e * e
        t, t1, w = (1 + 2 * e) / d, 4 * (1 + e) * e * e / d**2, 4 * e * e / d**3
        terms = (2 * e**3 * w, 2 * e * e * w, -3 * e * w, -2 * w)
    scale = (t + abs(n * t1), 2 * t1 + abs(n) * mpmath.fsum(abs(x) for x in terms))
    return n * t, t + n * t1, 2 * t1 + n * mpmath.fsum(terms), scale


def elu(n):
    if n > 0:
        return precise(n, mpf(1), mpf(0))
    e = decay(n)
    return precise(mpmath.expm1(max(n, mpf(-(10**6)))), e, e if n < 0 else mpf(0))


def selu(n):
    scale = mpf("1.0507009873554804934193349852946")
    alpha = mpf("1.6732632423543772848170429916717")
    a, d1, d2, _ = elu(n)
    factor = scale if n > 0 else scale * alpha
    return precise(factor * a, factor * d1, factor * d2)


def radbas(n):
    e = decay(n * n)
    return e, -2 * n * e, (4 * n * n - 2) * e, (abs(2 * n * e), (4 * n * n + 2) * e)


def elliotsig(n):
    d = 1 + abs(n)
    return precise(n / d, 1 / d**2, -2 * mpmath.sign(n) / d**3)


def elliot2sig(n):
    d, sign = 1 + n * n, mpmath.sign(n)
    slope, curvature = 2 * abs(n) / d**2, 2 * sign * (1 - 3 * n * n) / d**3
    return sign * n * n / d, slope, curvature, (slope, 2 * (1 + 3 * n * n) / d**3)


def netinv(n):
    if abs(n) > mpf(1e-30):
        return precise(1 / n, -1 / n**2, 2 / n**3)
    big, steep = mpf(2e30), mpf(1e60)
    return precise((big if n >= 0 else -big) - n * steep, -steep, mpf(0))


def sine(n):
    with mpmath.workdps(400 if abs(n) > 1e20 else 60):
        s, c = mpmath.sin(n), mpmath.cos(n)
    return precise(s, c, -s)


SMOOTH = {
    "tansig": tansig,
    "logsig": logsig,
    "softplus": softplus,
    "silu": silu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "mish": mish,
    "elu": elu,
    "selu": selu,
    "radbas": radbas,
    "elliotsig": elliotsig,
    "elliot2sig": elliot2sig,
    "netinv": netinv,
    "sin": sine,
}

# name: {net input: (value, slope)}, at and beside every kink.
EPS = np.finfo(float).eps
PIECEWISE = {
    "purelin": {-3.0: (-3.0, 1), 0.0: (0.0, 1), HUGE: (HUGE, 1)},
    "poslin": {-1.0: (0, 0), -5e-324: (0, 0), 0.0: (0, 1), 5e-324: (5e-324, 1), 2.0: (2.0, 1)},
    "relu": {-1.0: (0, 0), -5e-324: (0, 0), 0.0: (0, 0), 5e-324: (5e-324, 1), 2.0: (2.0, 1)},
    "leaky_relu": {-2.0: (-0.02, 0.01), 0.0: (0, 0.01), 2.0: (2.0, 1), -HUGE: (-HUGE * 0.01, 0.01)},
    "satlin": {
        -5e-324: (0, 0),
        0.0: (0, 1),
        0.25: (0.25, 1),
        1.0: (1, 1),
        1 + EPS: (1, 0),
        HUGE: (1, 0),
    },
    "satlins": {
        -1 - EPS: (-1, 0),
        -1.0: (-1, 1),
        0.0: (0, 1),
        1.0: (1, 1),
        1 + EPS: (1, 0),
        -HUGE: (-1, 0),
    },
    "hardlim": {-5e-324: (0, 0), 0.0: (1, 0), HUGE: (1, 0), -HUGE: (0, 0)},
    "hardlims": {-5e-324: (-1, 0), 0.0: (1, 0), HUGE: (1, 0), -HUGE: (-1, 0)},
    "tribas": {
        -1 - EPS: (0, 0),
        -1.0: (0, 1),
        -0.5: (0.5, 1),
        -5e-324: (1, 1),
        0.0: (1, 0),
        5e-324: (1, -1),
        1.0: (0, -1),
        1 + EPS: (0, 0),
        HUGE: (0, 0),
    },
}


def points(seed=0, count=120):
    """Net inputs over the whole range: dense in the middle, tails, subnormals, both signs."""
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1.0, 1.0], count)
    special = [0.0, 5e-324, 2.3e-308, 1e-30, math.nextafter(1e-30, 1), 0.5, 0.625, 1.0, 1.25, 24.0]
    special += [30.0, 38.6, 39.0, 708.4, 745.2, 752.0, 1000.0, 5e5, 1e155, 1e200, HUGE]
    return np.concatenate(
        [
            rng.uniform(-4, 4, 3 * count),
            rng.uniform(-40, 40, count),
            rng.uniform(-760, 760, count),
            sign * np.exp2(rng.uniform(-60, 10, count)),
            sign * np.exp2(rng.uniform(-1074, -60, count)),
            sign * np.exp2(rng.uniform(10, 1023.9, count)),
            special,
            np.negative(special),
        ]
    )


def ulps(got, exact, scale=None):
    """|got - exact| in units of the last place of the larger of exact and scale."""
    unit = np.spacing(float(max(abs(exact), abs(scale if scale is not None else 0))))
    return float(abs(mpf(float(got)) - exact) / mpf(float(unit)))


def check(name, n, tolerance=(2, 8, 16)):
    with mpmath.workdps(50):
        exact = [SMOOTH[name](mpf(float(x))) for x in n]
        for order, most in enumerate(tolerance):
            got = evaluate(name, n, order)
            assert np.all(np.isfinite(got))
            for x, y, reference in zip(n, got, exact, strict=True):
                scale = reference[3][order - 1] if order else None
                if abs(reference[order]) > HUGE:  # selu of the largest numbers
                    continue
                error = ulps(y, reference[order], scale)
                assert error <= most, f"{name}, order {order}: {error:.3g} ulp off at {x!r}"


@pytest.mark.parametrize("name", SMOOTH)
def test_values_slopes_and_curvatures_agree_with_fifty_digits(name):
    check(name, points())


@pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 60, reason="long double has no more digits than double"
)
def test_sigmoids_stay_within_two_units_on_a_dense_grid():
    rng = np.random.default_rng(0)
    n = np.concatenate([rng.uniform(-20, 20, 200_000), rng.uniform(-1.5, 1.5, 400_000)])
    exact = {"tansig": np.tanh(n.astype(np.longdouble))}
    exact["logsig"] = 1 / (1 + np.exp(-n.astype(np.longdouble)))
    for name, reference in exact.items():
        error = np.abs(evaluate(name, n) - reference) / np.spacing(np.abs(reference.astype(float)))
        assert error.max() <= 2, f"{name}: {error.max():.3f} ulp at {n[error.argmax()]!r}"


@pytest.mark.parametrize("name", SMOOTH)
@given(n=st.floats(allow_nan=False, allow_infinity=False))
def test_any_finite_net_input(name, n):
    check(name, [n])


@pytest.mark.parametrize("name", PIECEWISE)
def test_piecewise_functions_at_their_kinks(name):
    n = np.array(list(PIECEWISE[name]))
    value, slope = np.array(list(PIECEWISE[name].values()), dtype=float).T
    np.testing.assert_array_equal(evaluate(name, n, 0), value)
    np.testing.assert_array_equal(evaluate(name, n, 1), slope)
    np.testing.assert_array_equal(evaluate(name, n, 2), np.zeros_like(n))


def test_kinks_of_the_curved_functions():
    assert evaluate("elu", [0.0], 1) == 1
    assert evaluate("selu", [0.0], 1) == 1.0507009873554805 * 1.6732632423543773
    for name in ("elu", "selu", "elliotsig", "elliot2sig"):
        assert evaluate(name, [0.0], 2) == 0


def test_netinv_is_guarded_around_zero():
    n = [0.0, 1e-30, -1e-30, 5e-31]
    np.testing.assert_allclose(evaluate("netinv", n), [2e30, 1e30, -1e30, 1.5e30], rtol=1e-15)
    np.testing.assert_array_equal(evaluate("netinv", n, 1), np.full(4, -1e60))
    np.testing.assert_array_equal(evaluate("netinv", n, 2), np.zeros(4))


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("tansig", -1, 1),
        ("logsig", 0, 1),
        ("elliotsig", -1, 1),
        ("elliot2sig", -1, 1),
        ("elu", -1, None),
        ("softplus", 0, None),
        ("silu", 0, None),
        ("gelu", 0, None),
        ("gelu_tanh", 0, None),
        ("mish", 0, None),
    ],
)
def test_saturation(name, low, high):
    ends = evaluate(name, [-1e300, 1e300])
    assert ends[0] == low
    assert ends[1] == (1e300 if high is None else high)


@pytest.mark.parametrize("name", ["tansig", "logsig", "softplus", "elliotsig", "elliot2sig", "elu"])
def test_monotone_functions_rise_up_to_rounding(name):
    a = evaluate(name, np.linspace(-50, 50, 20001))
    assert np.all(np.diff(a) >= -4 * np.spacing(np.abs(a[1:])))


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("name", sorted([*SMOOTH, *PIECEWISE]))
def test_nan_net_inputs_give_nan_and_leave_their_neighbours_alone(name, order):
    n = np.linspace(-2, 2, 11)
    clean = evaluate(name, n, order)
    n[4] = np.nan
    dirty = evaluate(name, n, order)
    assert np.isnan(dirty[4])
    np.testing.assert_array_equal(np.delete(dirty, 4), np.delete(clean, 4))


@pytest.mark.parametrize("name", sorted([*SMOOTH, *PIECEWISE]))
def test_bits_depend_neither_on_position_nor_on_length(name):
    n = np.random.default_rng(3).uniform(-6, 6, 37)
    for order in range(3):
        whole = evaluate(name, n, order)
        alone = [evaluate(name, [x], order)[0] for x in n]
        np.testing.assert_array_equal(whole, alone)


# Functions that couple the features of a sample --------------------------------------------------


def normalised(z):
    top = max(z)
    e = [mpmath.exp(max(x - top, mpf(-(10**6)))) for x in z]
    total = mpmath.fsum(e)
    return [x / total for x in e]


LOGIT = {"softmax": lambda n: n, "radbasn": lambda n: -n * n}


@pytest.mark.parametrize("name", LOGIT)
@pytest.mark.parametrize("spread", [1e-300, 1e-3, 1.0, 30.0, 300.0, 1e100, 1e308])
@pytest.mark.parametrize("features", [1, 2, 7, 100])
def test_normalised_functions_agree_with_fifty_digits(name, spread, features):
    n = np.random.default_rng(features).uniform(-1, 1, (features, 5)) * spread
    n[:, 0] = n[0, 0]
    got = evaluate(name, n)
    # z = -n^2 can have 1e616 before its point, and differences of it matter to the last digit.
    with mpmath.workdps(1400 if spread > 1e50 else 60):
        for column, a in zip(n.T, got.T, strict=True):
            exact = normalised([LOGIT[name](mpf(float(x))) for x in column])
            assert max(ulps(y, e) for y, e in zip(a, exact, strict=True)) <= 2


@pytest.mark.parametrize("name", COUPLED)
def test_a_nan_feature_spoils_its_sample_only(name):
    n = np.random.default_rng(5).normal(size=(3, 6))
    clean = evaluate(name, n)
    for row in range(3):
        dirty = n.copy()
        dirty[row, 2] = np.nan
        a = evaluate(name, dirty)
        assert np.isnan(a[:, 2]).all()
        np.testing.assert_array_equal(np.delete(a, 2, 1), np.delete(clean, 2, 1))


def test_compet_takes_the_first_of_the_largest():
    n = np.array([[1.0, 2.0, -HUGE, 0.0], [3.0, 2.0, -HUGE, -0.0], [3.0, 1.0, HUGE, 0.0]])
    a = np.array([[0.0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0]])
    np.testing.assert_array_equal(evaluate("compet", n), a)


# Names -------------------------------------------------------------------------------------------


def test_every_function_is_covered_here():
    assert {*SMOOTH, *PIECEWISE, *COUPLED} == set(_core.transfer_functions())


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("tanh", "tansig"),
        ("sigmoid", "logsig"),
        ("logistic", "logsig"),
        ("linear", "purelin"),
        ("identity", "purelin"),
        ("swish", "silu"),
        ("gelu_exact", "gelu"),
    ],
)
def test_aliases(alias, name):
    n = np.linspace(-3, 3, 9)
    np.testing.assert_array_equal(evaluate(alias, n), evaluate(name, n))


def test_unknown_names_are_refused_with_the_nearest_one_and_the_list():
    with pytest.raises(ValueError, match=r"'tansg'.*did you mean 'tansig'.*logsig"):
        evaluate("tansg", [0.0])
    with pytest.raises(ValueError, match="known are tansig"):
        evaluate("zzzzzzzz", [0.0])
