/// Products with the Jacobian, the Hessian and the Gauss-Newton matrix.

#include "docstrings_products.hpp"
#include "linearization.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

[[noreturn]] void refuse_shape(const char* function, const char* name, const py::array& came,
                               const std::string& expected, const char* remedy) {
    throw py::value_error(std::string(function) + ": " + name + " has shape " + shape_text(came) +
                          ", expected " + expected + remedy);
}

/// One direction in the parameters, or several in columns.
struct DirectionsArgument {
    DirectionsArgument(py::handle object, const char* function, index_t p)
        : array(doubles(object, {function, "v"})), many(array.ndim() == 2) {
        const bool ranked = array.ndim() == 1 || many;
        if (!ranked || array.shape(0) != p) {
            const bool turned = many && array.shape(1) == p;
            const std::string size = std::to_string(p);
            refuse_shape(function, "v", array, "(" + size + ",) or (" + size + ", K)",
                         turned ? "; vectors are columns: pass v.T"
                                : "; rows are parameters, in the order of net.layout");
        }
        const index_t step = sizeof(double);
        view = {static_cast<const double*>(array.data()), p, many ? array.shape(1) : 1,
                array.strides(0) / step, many ? array.strides(1) / step : 0};
    }
    /// The shape of the directions, or of outputs of so many rows for each.
    std::vector<index_t> shape(std::vector<index_t> rows) const {
        if (many) rows.push_back(view.cols);
        return rows;
    }

    py::array array;
    bool many;
    MatrixView<const double> view;
};

/// Weights of the outputs, for one vector or several.
struct OutputsArgument {
    OutputsArgument(py::handle object, const char* function, index_t s, index_t q)
        : array(doubles(object, {function, "u"})), many(array.ndim() == 3) {
        const index_t step = sizeof(double);
        if (array.ndim() == 1 && s == 1 && array.shape(0) == q) {
            strides[1] = array.strides(0) / step;
            return;
        }
        const bool ranked = array.ndim() == 2 || many;
        if (!ranked || array.shape(0) != s || array.shape(1) != q) {
            const bool turned = ranked && array.shape(0) == q && array.shape(1) == s;
            const std::string size = std::to_string(s) + ", " + std::to_string(q);
            refuse_shape(function, "u", array, "(" + size + ") or (" + size + ", K)",
                         turned && !many ? "; samples are columns: pass u.T"
                                         : "; rows are outputs, columns are samples");
        }
        for (int axis = 0; axis < (many ? 3 : 2); ++axis) {
            strides[axis] = array.strides(axis) / step;
        }
        count = many ? array.shape(2) : 1;
    }

    py::array array;
    bool many;
    index_t strides[3] = {1, 1, 1};
    index_t count = 1;
};

/// A vector, or a matrix of them, as a matrix.
MatrixView<double> columns(const py::array& array) {
    if (array.ndim() == 2) return matrix(array);
    const VectorView<double> one = vector(array);
    return {one.data, one.size, 1, one.stride, 0};
}

py::array jvp(PyLinearization& lin, py::handle v, py::handle n_threads, py::handle out) {
    const char* function = "jvp";
    const auto threads = thread_count(n_threads, function);
    const DirectionsArgument directions(v, function, lin.n_parameters());
    const Answer y =
        lin.target(function, out, directions.shape({lin.n_outputs(), lin.n_samples()}));
    if (!out.is_none()) refuse_overlap(y, function, {directions.array}, "v");
    const index_t step = sizeof(double);
    const index_t strides[3] = {y->strides(0) / step, y->strides(1) / step,
                                directions.many ? y->strides(2) / step : 0};
    auto* data = static_cast<double*>(const_cast<void*>(y->data()));
    Linearization& made = lin.made();
    lin.ask(lin.work(4 * directions.view.cols + 2),
            [&] { made.jvp(directions.view, data, strides, threads); });
    return y.given();
}

py::array vjp(PyLinearization& lin, py::handle u, py::handle n_threads, py::handle out) {
    const char* function = "vjp";
    const auto threads = thread_count(n_threads, function);
    const OutputsArgument weights(u, function, lin.n_outputs(), lin.n_samples());
    std::vector<index_t> shape{lin.n_parameters()};
    if (weights.many) shape.push_back(weights.count);
    const Answer g = lin.target(function, out, shape);
    if (!out.is_none()) refuse_overlap(g, function, {weights.array}, "u");
    const auto* data = static_cast<const double*>(weights.array.data());
    Linearization& made = lin.made();
    lin.ask(lin.work(4 * weights.count + 2),
            [&] { made.vjp(data, weights.strides, columns(g), threads); });
    return g.given();
}

py::array curvature_product(PyLinearization& lin, Curvature kind, py::handle v,
                            py::handle n_threads, py::handle out) {
    const char* function = kind == Curvature::exact ? "hvp" : "ggnvp";
    const auto threads = thread_count(n_threads, function);
    const DirectionsArgument directions(v, function, lin.n_parameters());
    const Answer product = lin.target(function, out, directions.shape({lin.n_parameters()}));
    if (!out.is_none()) refuse_overlap(product, function, {directions.array}, "v");
    Linearization& made = lin.made();
    lin.ask(lin.work(12 * directions.view.cols + 4), [&] {
        if (kind == Curvature::exact) {
            made.hvp(directions.view, columns(product), threads);
        } else {
            made.ggnvp(directions.view, columns(product), threads);
        }
    });
    return product.given();
}

/// Binds a question of one argument, vectors, to the class and as a function of (net, x, vectors).
template <class Ask>
void bind_product(py::module_& m, py::class_<PyLinearization>& cls, const char* name,
                  const char* vectors, const char* doc, Ask ask) {
    const auto none = py::none();
    cls.def(
        name,
        [ask](PyLinearization& lin, py::object v, py::object n, py::object out) {
            return ask(lin, v, n, out);
        },
        py::arg(vectors), py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none, doc);
    m.def(
        name,
        [ask, name](py::object net, py::object x, py::object v, py::object samples,
                    py::object n_threads, py::object out) {
            PyLinearization lin(network(net, name), name, x, py::none(), py::none(), samples);
            return ask(lin, v, n_threads, out);
        },
        py::arg("net"), py::arg("x"), py::arg(vectors), py::kw_only(), py::arg("samples") = none,
        py::arg("n_threads") = none, py::arg("out") = none, doc);
}

/// The same as a function of (net, x, t, v).
void bind_curvature_product(py::module_& m, py::class_<PyLinearization>& cls, const char* name,
                            const char* doc, Curvature kind) {
    const auto none = py::none();
    cls.def(
        name,
        [kind](PyLinearization& lin, py::object v, py::object n, py::object out) {
            return curvature_product(lin, kind, v, n, out);
        },
        py::arg("v"), py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none, doc);
    m.def(
        name,
        [kind, name](py::object net, py::object x, py::object t, py::object v, py::object ew,
                     py::object samples, py::object n_threads, py::object out) {
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return curvature_product(lin, kind, v, n_threads, out);
        },
        py::arg("net"), py::arg("x"), py::arg("t"), py::arg("v"), py::kw_only(),
        py::arg("ew") = none, py::arg("samples") = none, py::arg("n_threads") = none,
        py::arg("out") = none, doc);
}

}  // namespace

void bind_products(py::module_& m) {
    namespace doc = docstrings;
    auto cls = py::reinterpret_borrow<py::class_<PyLinearization>>(m.attr("Linearization"));
    bind_product(m, cls, "jvp", "v", doc::jvp, jvp);
    bind_product(m, cls, "vjp", "u", doc::vjp, vjp);
    bind_curvature_product(m, cls, "hvp", doc::hvp, Curvature::exact);
    bind_curvature_product(m, cls, "ggnvp", doc::ggnvp, Curvature::gauss_newton);
}
