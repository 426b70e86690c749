/// Products with the Jacobian, the Hessian and the Gauss-Newton matrix.

#include <cmath>

#include "docstrings_products.hpp"
#include "linearization.hpp"
#include "order.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

[[noreturn]] void refuse_shape(const char* function, const char* name, const py::array& came,
                               const std::string& expected, const char* remedy) {
    throw py::value_error(text(function, ": ", name, " has shape ", shape_text(came), ", expected ",
                               expected, remedy));
}

/// Refuses values that are not finite, by their place in the array as it came.
void refuse_infinite(const char* function, const char* name, const py::array& array) {
    const auto* data = static_cast<const double*>(array.data());
    index_t length[3] = {1, 1, 1}, stride[3] = {0, 0, 0}, at[3];
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
        length[axis] = array.shape(axis);
        stride[axis] = array.strides(axis) / static_cast<index_t>(sizeof(double));
    }
    for (at[2] = 0; at[2] < length[2]; ++at[2]) {
        for (at[1] = 0; at[1] < length[1]; ++at[1]) {
            if (PyErr_CheckSignals() != 0) throw py::error_already_set();
            for (at[0] = 0; at[0] < length[0]; ++at[0]) {
                const double value =
                    data[at[0] * stride[0] + at[1] * stride[1] + at[2] * stride[2]];
                if (std::isfinite(value)) continue;
                std::string place = std::to_string(at[0]);
                for (int axis = 1; axis < array.ndim(); ++axis) place += text(", ", at[axis]);
                throw py::value_error(text(function, ": ", name, "[", place, "] is ", value,
                                           "; vectors must be finite"));
            }
        }
    }
}

/// One direction in the parameters, or several in columns.
struct DirectionsArgument {
    DirectionsArgument(py::handle object, const char* function, index_t p)
        : given(doubles(object, {function, "v", true})), many(given.ndim() == 2) {
        const bool ranked = given.ndim() == 1 || many;
        if (!ranked || given.shape(0) != p) {
            const bool turned = many && given.shape(1) == p;
            const std::string size = std::to_string(p);
            refuse_shape(function, "v", given, "(" + size + ",) or (" + size + ", K)",
                         turned ? "; vectors are columns: pass v.T"
                                : "; rows are parameters, in the order of net.layout");
        }
    }
    index_t count() const { return many ? given.shape(1) : 1; }
    /// The shape of the directions, or of outputs of so many rows for each.
    Shape shape(Shape rows) const {
        if (many) rows.push_back(count());
        return rows;
    }
    /// Their values, which must be finite, in the layout's order from that of the caller.
    MatrixView<const double> values(const char* function, const ParameterOrder& order) {
        refuse_infinite(function, "v", given);
        arranged = order.to_layout(given);
        const index_t step = sizeof(double);
        return {static_cast<const double*>(arranged.data()), given.shape(0), count(),
                arranged.strides(0) / step, many ? arranged.strides(1) / step : 0};
    }

    py::array given, arranged;
    bool many;
};

/// Weights of the outputs, for one vector or several.
struct OutputsArgument {
    OutputsArgument(py::handle object, const char* function, index_t s, index_t q)
        : array(doubles(object, {function, "u", true})), many(array.ndim() == 3) {
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

py::array jvp(PyLinearization& lin, py::handle v, py::handle order, py::handle n_threads,
              py::handle out) {
    const char* function = "jvp";
    const ParameterOrder arrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    DirectionsArgument directions(v, function, lin.n_parameters());
    const Answer y =
        lin.target(function, out,
                   {directions.shape({lin.n_outputs(), lin.n_samples()}),
                    directions.many ? instead::fewer_vectors : instead::fewer_samples});
    if (!out.is_none()) refuse_overlap(y, function, {&directions.given, 1}, "v");
    const MatrixView<const double> values = directions.values(function, arrange);
    const index_t step = sizeof(double);
    const index_t strides[3] = {y->strides(0) / step, y->strides(1) / step,
                                directions.many ? y->strides(2) / step : 0};
    auto* data = static_cast<double*>(const_cast<void*>(y->data()));
    Linearization& made = lin.made();
    lin.ask(function, lin.work(4 * values.cols + 2),
            [&] { made.jvp(values, data, strides, threads); });
    return y.given();
}

py::array vjp(PyLinearization& lin, py::handle u, py::handle order, py::handle n_threads,
              py::handle out) {
    const char* function = "vjp";
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    if (!lin.network().configured()) lin.made();  // says so, before sizes are compared
    const OutputsArgument weights(u, function, lin.n_outputs(), lin.n_samples());
    Shape shape{lin.n_parameters()};
    if (weights.many) shape.push_back(weights.count);
    const Answer g = lin.target(function, out, {shape, instead::fewer_vectors});
    if (!out.is_none()) refuse_overlap(g, function, {&weights.array, 1}, "u");
    refuse_infinite(function, "u", weights.array);
    const auto* data = static_cast<const double*>(weights.array.data());
    Linearization& made = lin.made();
    lin.ask(function, lin.work(4 * weights.count + 2),
            [&] { made.vjp(data, weights.strides, columns(g), threads); });
    return rearrange(g.given(), {0});
}

py::array curvature_product(PyLinearization& lin, Curvature kind, py::handle v, py::handle order,
                            py::handle n_threads, py::handle out) {
    const char* function = kind == Curvature::exact ? "hvp" : "ggnvp";
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    DirectionsArgument directions(v, function, lin.n_parameters());
    const Answer product =
        lin.target(function, out, {directions.shape({lin.n_parameters()}), instead::fewer_vectors});
    if (!out.is_none()) refuse_overlap(product, function, {&directions.given, 1}, "v");
    const MatrixView<const double> values = directions.values(function, rearrange);
    Linearization& made = lin.made();
    lin.ask(function, lin.work(12 * values.cols + 4), [&] {
        if (kind == Curvature::exact) {
            made.hvp(values, columns(product), threads);
        } else {
            made.ggnvp(values, columns(product), threads);
        }
    });
    return rearrange(product.given(), {0});
}

/// Binds a question of one argument, vectors, to the class and as a function of (net, x, vectors).
template <class Ask>
void bind_product(py::module_& m, py::class_<PyLinearization>& cls, const char* name,
                  const char* vectors, const char* doc, Ask ask) {
    def_method(cls, question(name), doc,
               {required(vectors), keyword("order"), keyword("n_threads"), keyword("out")}, ask);
    def_fast(m, name, doc,
             {network_parameter(), required("x"), required(vectors), keyword("order"),
              keyword("samples"), keyword("n_threads"), keyword("out")},
             [ask, name](py::object net, py::object x, py::object v, py::object order,
                         py::object samples, py::object n_threads, py::object out) {
                 PyLinearization lin(network(net, name), name, x, py::none(), py::none(), samples);
                 return ask(lin, v, order, n_threads, out);
             });
}

/// The same as a function of (net, x, t, v).
void bind_curvature_product(py::module_& m, py::class_<PyLinearization>& cls, const char* name,
                            const char* doc, Curvature kind) {
    def_method(cls, question(name), doc,
               {required("v"), keyword("order"), keyword("n_threads"), keyword("out")},
               [kind](PyLinearization& lin, py::object v, py::object order, py::object n,
                      py::object out) { return curvature_product(lin, kind, v, order, n, out); });
    def_fast(
        m, name, doc,
        {network_parameter(), required("x"), required("t"), required("v"), keyword("order"),
         keyword("ew"), keyword("samples"), keyword("n_threads"), keyword("out")},
        [kind, name](py::object net, py::object x, py::object t, py::object v, py::object order,
                     py::object ew, py::object samples, py::object n_threads, py::object out) {
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return curvature_product(lin, kind, v, order, n_threads, out);
        });
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
