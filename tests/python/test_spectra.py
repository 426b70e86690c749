"""Eigenpairs, spectral density and log-determinant against the eigenvalues of the whole matrix."""

import subprocess
import sys

import jacnet as jn
import numpy as np
import pytest
from jacnet._lanczos import _room, lanczos_quadrature
from test_bad_input import refused


@pytest.fixture(scope="module")
def problem():
    """A network of 108 parameters on its way down, so that its Hessian is indefinite."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 60))
    t = np.sin(2 * x[:2]) + 0.1 * rng.normal(size=(2, 60))
    net = jn.Network([4, 8, 6, 2])
    net.setwb(0.5 * rng.normal(size=net.n_parameters))
    return net, x, t


@pytest.fixture(scope="module")
def lin(problem):
    return jn.linearize(*problem)


@pytest.fixture(scope="module")
def eigenvalues(lin):
    return {
        "exact": np.linalg.eigvalsh(lin.hessian()),
        "gauss-newton": np.linalg.eigvalsh(lin.gauss_newton()),
    }


def wanted(values, k, which):
    if which == "LA":
        return values[::-1][:k]
    if which == "SA":
        return values[:k]
    if which == "LM":
        return values[np.argsort(-np.abs(values))][:k]
    return np.concatenate([values[: k // 2], values[len(values) - (k - k // 2) :]])


@pytest.mark.parametrize("kind", ["exact", "gauss-newton"])
@pytest.mark.parametrize("which", ["LA", "SA", "LM", "BE"])
@pytest.mark.parametrize("k", [1, 5, 60])
def test_eigenpairs(lin, eigenvalues, kind, which, k):
    if kind == "gauss-newton" and which != "LA" and k < 60:
        pytest.skip("the smallest eigenvalues are a cluster at zero")
    found = jn.eigenpairs(lin, k=k, which=which, kind=kind)
    expected = wanted(eigenvalues[kind], k, which)
    scale = np.abs(eigenvalues[kind]).max()
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(k), rtol=0, atol=1e-9)
    assert found.residuals.shape == (k,)
    assert np.all(found.residuals < 1e-11 * scale)
    H = lin.hessian(kind)
    residuals = np.linalg.norm(H @ found.vectors - found.vectors * found.values, axis=0)
    np.testing.assert_allclose(found.residuals, residuals, rtol=0, atol=1e-12 * scale)


def test_residuals_bound_the_errors(lin, eigenvalues):
    rough = jn.eigenpairs(lin, k=3, tol=1e-2)
    assert rough.residuals.max() > 1e-10
    for value, residual in zip(rough.values, rough.residuals, strict=True):
        assert np.abs(eigenvalues["exact"] - value).min() <= residual + 1e-12


def test_eigenpairs_of_a_zero_matrix(problem):
    net, x, t = problem
    net = net.copy()
    net.performFcn = "mae"
    found = jn.eigenpairs(net, x, t, k=3, kind="gauss-newton")
    assert not found.values.any()
    assert not found.residuals.any()


def test_lanczos_is_exact_with_all_its_steps():
    """Any function's trace over a probe, from as many steps as there are distinct eigenvalues."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(40, 40)))[0]
    values = np.repeat([-3.0, 0.0, 1e-3, 2.0, 50.0], 8)
    A = (basis * values) @ basis.T
    for steps in (5, 12):
        q = lanczos_quadrature(lambda v: A @ v, 40, steps, 4, 1)
        np.testing.assert_allclose(q.weights.sum(axis=1), 1.0, rtol=1e-12)
        probes = np.random.default_rng(1).choice((-1.0, 1.0), size=(4, 40))
        for f in (np.ones_like, np.abs, lambda e: e**3, lambda e: np.exp(-(e**2))):
            fA = (basis * f(values)) @ basis.T
            expected = [z @ fA @ z for z in probes]
            np.testing.assert_allclose(
                40 * np.sum(q.weights * f(q.nodes), axis=1), expected, rtol=1e-8, atol=1e-8
            )


def test_lanczos_vectors_that_no_memory_holds():
    size = 2**44
    with refused(MemoryError, "GiB", "steps", str(size)):
        _room(1, 2**16, size)


def test_density(lin, eigenvalues):
    found = jn.spectral_density(lin, probes=30, steps=90, n_threads=1)
    values = eigenvalues["exact"]
    kernels = np.exp(-0.5 * ((found.grid[:, None] - values) / found.width) ** 2)
    expected = kernels.mean(axis=1) / (found.width * np.sqrt(2 * np.pi))
    largest = found.std_error.max()
    assert np.all(np.abs(found.density - expected) <= 5 * found.std_error + 0.02 * largest)
    assert np.trapezoid(found.density, found.grid) == pytest.approx(1.0, abs=1e-3)
    assert found.n_parameters == len(values)
    mean, error = found.trace(lambda e: e)
    assert abs(mean - values.sum()) <= 4 * error
    assert error < 0.1 * np.abs(values).sum()
    assert found.trace(np.ones_like) == pytest.approx((108.0, 0.0))


def test_density_has_the_width_that_is_asked_for(lin):
    found = jn.spectral_density(lin, probes=2, steps=10, width=0.5, n_points=33, seed=None)
    assert found.width == 0.5
    assert found.grid.shape == found.density.shape == found.std_error.shape == (33,)
    assert found.nodes.shape == found.weights.shape == (2, 10)


def test_seeds_repeat(problem):
    one, two = (jn.spectral_density(*problem, probes=3, steps=8, seed=7) for _ in range(2))
    np.testing.assert_array_equal(one.density, two.density)
    other = jn.spectral_density(*problem, probes=3, steps=8, seed=8)
    assert np.any(other.density != one.density)


@pytest.mark.parametrize("damping", [1e-3, 1.0])
def test_log_determinant(lin, eigenvalues, damping):
    expected = np.log(eigenvalues["gauss-newton"] + damping).sum()
    exact = jn.log_determinant(lin, damping=damping)
    assert exact.method == "cholesky"
    assert exact.std_error == 0.0
    assert exact.value == pytest.approx(expected, rel=1e-10)
    estimate = jn.log_determinant(lin, damping=damping, method="slq", probes=20, steps=90)
    assert estimate.method == "slq"
    assert abs(estimate.value - expected) <= 4 * estimate.std_error
    assert 0 < estimate.std_error < 0.05 * abs(expected) + 1
    shifted = -2 * eigenvalues["exact"][0]
    exact = jn.log_determinant(lin, kind="exact", damping=shifted)
    assert exact.value == pytest.approx(np.log(eigenvalues["exact"] + shifted).sum(), rel=1e-10)


def test_free_and_linearized_agree(problem, lin):
    np.testing.assert_array_equal(jn.eigenpairs(*problem, k=2).values, jn.eigenpairs(lin, k=2)[0])
    assert jn.log_determinant(*problem, damping=1.0) == jn.log_determinant(lin, damping=1.0)


def test_a_loss_of_ones_own(problem):
    net, x, _ = problem
    lin = jn.linearize(net, x)
    shape = (lin.n_outputs, lin.n_samples)
    own = lin.with_loss(np.ones(shape), np.ones(shape))
    values = np.linalg.eigvalsh(own.hessian())
    np.testing.assert_allclose(jn.eigenpairs(own, k=2).values, values[::-1][:2], rtol=1e-9)
    assert jn.spectral_density(own, probes=2, steps=5).n_parameters == len(values)
    assert np.isfinite(jn.log_determinant(own, damping=1.0).value)


def test_too_little_memory_names_the_function_and_a_remedy(lin, monkeypatch):
    def fails(*_, **__):
        raise MemoryError("hessian: the result needs 9 GiB, but 1 GiB are available; pass out=")

    monkeypatch.setattr(sys.modules["jacnet.eigenpairs"], "_lanczos_pairs", fails)
    monkeypatch.setattr(sys.modules["jacnet.log_determinant"], "_exact", fails)
    with refused(MemoryError, "eigenpairs: hessian", "GiB", "fewer pairs than k=3"):
        jn.eigenpairs(lin, k=3)
    with refused(MemoryError, "log_determinant: hessian", "GiB", "method='slq'"):
        jn.log_determinant(lin, method="cholesky")


def test_refusals(problem, lin):
    net, x, t = problem
    for name in ("eigenpairs", "spectral_density", "log_determinant"):
        function = getattr(jn, name)
        with refused(ValueError, name, "needs targets"):
            function(net, x)
        with refused(ValueError, name, "kind", "exakt", "exact"):
            function(lin, kind="exakt")
        with refused(ValueError, name, "linearize"):
            function(lin, x, t)
        with refused(TypeError, name, "net", "NoneType"):
            function(None)
    with refused(ValueError, "eigenpairs", "k", "0", "1", "108"):
        jn.eigenpairs(lin, k=0)
    with refused(ValueError, "eigenpairs", "k", "109"):
        jn.eigenpairs(lin, k=109)
    with refused(TypeError, "eigenpairs", "k", "float"):
        jn.eigenpairs(lin, k=2.0)
    for lins in (lin, jn.linearize(jn.feedforwardnet(2).configure(x, t), x, t)):  # dense as well
        for option in ("tol", "seed", "max_iterations"):
            with refused(TypeError, "eigenpairs", option, "str"):
                jn.eigenpairs(lins, k=2, **{option: "a"})
        with refused(ValueError, "eigenpairs", "seed", "-1", "None"):
            jn.eigenpairs(lins, k=2, seed=-1)
    for function in (jn.spectral_density, jn.log_determinant):
        with refused(TypeError, function.__name__, "seed", "str"):
            function(lin, seed="a")
    with refused(ValueError, "eigenpairs", "which", "SM", "SA"):
        jn.eigenpairs(lin, which="SM")
    with refused(RuntimeError, "eigenpairs", "converged", "max_iterations"):
        jn.eigenpairs(lin, k=30, which="BE", max_iterations=1)
    with refused(ValueError, "spectral_density", "probes", "1", "2"):
        jn.spectral_density(lin, probes=1)
    with refused(ValueError, "spectral_density", "width", "above 0"):
        jn.spectral_density(lin, width=0)
    with refused(TypeError, "spectral_density", "width", "str"):
        jn.spectral_density(lin, width="wide")
    with refused(ValueError, "log_determinant", "damping", "at least 0"):
        jn.log_determinant(lin, damping=-1)
    with refused(ValueError, "log_determinant", "method", "lu", "slq"):
        jn.log_determinant(lin, method="lu")
    for method in ("cholesky", "slq"):
        with refused(ValueError, "log_determinant", "positive definite", "damping", "gauss-newton"):
            jn.log_determinant(lin, kind="exact", method=method, steps=20, probes=2)
    frozen = jn.Network([4, 2], learn={"b{1}": False, "IW{1,1}": False})
    with refused(ValueError, "spectral_density", "no parameters"):
        jn.spectral_density(frozen, x, t)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of matplotlib's own imports
class TestPlot:
    @pytest.fixture(autouse=True)
    def pyplot(self):
        matplotlib = pytest.importorskip("matplotlib")
        matplotlib.use("agg")
        from matplotlib import pyplot

        yield pyplot
        pyplot.close("all")

    def test_density(self, lin):
        density = jn.spectral_density(lin, probes=3, steps=20)
        ax = jn.plot.spectrum(density, label="H")
        (line,) = ax.lines
        np.testing.assert_array_equal(line.get_xdata(), density.grid)
        np.testing.assert_array_equal(line.get_ydata(), density.density)
        assert ax.get_yscale() == "log"
        assert jn.plot.spectrum(density, ax=ax, log=False) is ax

    def test_eigenvalues(self, lin, eigenvalues):
        pairs = jn.eigenpairs(lin, k=8, which="BE")
        ax = jn.plot.spectrum(pairs)
        full, hollow = ax.collections[:2]
        assert len(full.get_offsets()) == np.sum(pairs.values >= 0)
        assert len(hollow.get_offsets()) == np.sum(pairs.values < 0)
        heights = jn.plot.spectrum(eigenvalues["exact"], log=False).collections[0].get_offsets()
        np.testing.assert_allclose(heights[:, 1], eigenvalues["exact"][::-1])

    def test_refusals(self):
        with refused(TypeError, "plot.spectrum", "SpectralDensity", "str"):
            jn.plot.spectrum("H")
        with refused(ValueError, "plot.spectrum", "(2, 2)"):
            jn.plot.spectrum(np.eye(2))
        with refused(ValueError, "plot.spectrum", "1", "NaN", "isfinite"):
            jn.plot.spectrum([np.nan])

    def test_without_matplotlib(self):
        code = (
            "import sys; sys.modules['matplotlib'] = None\n"
            "import jacnet as jn\n"
            "try: jn.plot.spectrum([1.0])\n"
            "except ImportError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert 'pip install "jacnet[plot]"' in done.stdout
