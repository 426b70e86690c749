/// Derivatives: the free functions and the Linearization behind them.

#include "docstrings.hpp"
#include "fast_call.hpp"
#include "linearization.hpp"
#include "pieces.hpp"
#include "unlocked.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

void refuse_delays(const char* function, py::handle states, const char* name) {
    if (states.is_none()) return;
    const Py_ssize_t length = PyObject_Size(states.ptr());
    if (length == 0) return;
    PyErr_Clear();  // what has no length is refused as well
    throw py::value_error(
        std::string(function) + ": " + name +
        " (delay states) needs a dynamic network; networks are static, pass None");
}

/// "de_dwb" or "dperf_dwb".
bool wants_jacobian(const char* function, py::handle quantity) {
    const std::string what =
        word(quantity, function, "what", "'de_dwb' or 'dperf_dwb', before net, x and t");
    if (what == "de_dwb") return true;
    if (what == "dperf_dwb") return false;
    const bool errors =
        what.find("perf") == std::string::npos && what.find("PERF") == std::string::npos;
    throw py::value_error(text(function, ": what is ", quoted(quantity),
                               ", expected 'de_dwb' or 'dperf_dwb'; did you mean '",
                               errors ? "de_dwb" : "dperf_dwb", "'?"));
}

double sign_of(const char* function, py::handle sign) {
    return one_of(sign, function, "sign", {"true", "matlab"}) == 0 ? 1.0 : -1.0;
}

py::array derivative(const char* function, py::handle what, py::handle net, py::handle x,
                     py::handle t, py::handle xi, py::handle ai, py::handle ew, py::handle sign,
                     py::handle order, py::handle samples, py::handle n_threads, py::handle out,
                     py::handle dtype) {
    const bool errors = wants_jacobian(function, what);
    const double factor = sign_of(function, sign);
    refuse_delays(function, xi, "xi");
    refuse_delays(function, ai, "ai");
    PyLinearization lin(network(net, function), function, x, need(t, function), ew, samples,
                        real_type(dtype, function));
    const ParameterOrder rearrange(function, lin.network(), order);
    return rearrange(errors ? lin.de_dwb(function, n_threads, out)
                            : lin.gradient(function, n_threads, out, factor),
                     {0});
}

py::array numeric_derivative(const char* function, Stencil stencil, py::handle what,
                             py::handle net_handle, py::handle x, py::handle t, py::handle xi,
                             py::handle ai, py::handle ew, py::handle sign, py::handle order,
                             py::handle samples, py::handle n_threads, py::handle out,
                             py::handle dtype) {
    if (real_type(dtype, function) == Real::float32) {
        throw py::type_error(std::string(function) +
                             ": differences are taken in float64 only; leave dtype out");
    }
    const bool errors = wants_jacobian(function, what);
    const double factor = sign_of(function, sign);
    refuse_delays(function, xi, "xi");
    refuse_delays(function, ai, "ai");
    const Network& net = network(net_handle, function);
    const ParameterOrder rearrange(function, net, order);
    const auto threads = thread_count(n_threads, function);
    const Data data(net, function, x, need(t, function), ew, samples);
    const index_t p = net.n_parameters();
    const py::array values =
        errors ? result(out, {function, "out"}, {{p, data.n_columns()}, instead::fewer_samples})
               : result(out, {function, "out"}, {{p}, instead::fewer_parameters});
    if (!out.is_none()) data.refuse_overlap(values, function);
    const double work =
        static_cast<double>(p) * static_cast<double>(p) * static_cast<double>(data.count());
    if (errors) {
        const MatrixView<double> j = matrix(values);
        unlocked(work, net, [&](const Network& own) {
            numeric_de_dwb(own, data.samples(), stencil, j, threads);
        });
    } else {
        const VectorView<double> g = vector(values);
        unlocked(work, net, [&](const Network& own) {
            numeric_gradient(own, data.samples(), stencil, g, threads);
        });
        for (index_t i = 0; factor < 0.0 && i < p; ++i) g[i] = -g[i];
    }
    return rearrange(values, {0});
}

/// Binds a function of defaultderiv's signature.
template <class Function>
void bind_derivative(py::module_& m, const char* name, const char* doc, Function function) {
    def_fast(m, name, doc,
             {required("what"), network_parameter(), required("x"), required("t"), optional("xi"),
              optional("ai"), optional("ew"), keyword("sign", "'true'", py::str("true")),
              keyword("order"), keyword("samples"), keyword("n_threads"), keyword("out"),
              keyword("dtype")},
             std::move(function));
}

/// Binds ask(lin, order, n_threads, out) of a linearization and of (net, x, t).
template <class Ask>
void bind_question(py::module_& m, py::class_<PyLinearization>& cls, const char* name,
                   const char* doc, Ask ask) {
    def_method(
        cls, question(name), doc, {keyword("order"), keyword("n_threads"), keyword("out")},
        [name, ask](PyLinearization& lin, py::object order, py::object n_threads, py::object out) {
            return ask(lin, ParameterOrder(name, lin.network(), order), n_threads, out);
        });
    def_fast(
        m, name, doc,
        {network_parameter(), required("x"), required("t"), keyword("order"), keyword("ew"),
         keyword("samples"), keyword("n_threads"), keyword("out"), keyword("dtype")},
        [name, ask](py::object net, py::object x, py::object t, py::object order, py::object ew,
                    py::object samples, py::object n_threads, py::object out, py::object dtype) {
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples,
                                real_type(dtype, name));
            return ask(lin, ParameterOrder(name, lin.network(), order), n_threads, out);
        });
}

constexpr const char* targets_hint = " (targets are for defaultderiv('de_dwb', ...))";

py::array jacobian(PyLinearization& lin, py::handle wrt, py::handle order, py::handle n_threads,
                   py::handle out) {
    const char* function = "jacobian";
    const bool inputs = one_of(wrt, function, "wrt", {"parameters", "inputs"}, targets_hint) == 1;
    if (inputs && !order.is_none()) {
        throw py::value_error(
            "jacobian: order is the order of parameters, which wrt='inputs' has none of; leave it "
            "out");
    }
    if (inputs) return lin.input_jacobian(function, n_threads, out);
    const ParameterOrder rearrange(function, lin.network(), order);
    return rearrange(lin.jacobian(function, n_threads, out), {0});
}

py::tuple normal_equations(PyLinearization& lin, const ParameterOrder& rearrange,
                           py::handle n_threads, py::handle out) {
    const py::tuple answer = lin.normal_equations("normal_equations", n_threads, out);
    rearrange(py::cast<py::array>(answer[0]), {0, 1});
    rearrange(py::cast<py::array>(answer[1]), {0});
    return answer;
}

PyObject* refuse_new_linearization(PyTypeObject*, PyObject*, PyObject*) {
    PyErr_SetString(PyExc_TypeError,
                    "Linearization: made by jacnet.linearize(net, x, t), not by its class");
    return nullptr;
}

void bind_properties(py::class_<PyLinearization>& cls) {
    cls.def_property_readonly("n_parameters", &PyLinearization::n_parameters,
                              "P: rows of de_dwb, size of the Hessian.")
        .def_property_readonly("n_outputs", &PyLinearization::n_outputs, "S: rows of all outputs.")
        .def_property_readonly("n_inputs", &PyLinearization::n_inputs, "R: rows of all inputs.")
        .def_property_readonly(
            "dtype",
            [](const PyLinearization& lin) {
                return lin.real() == Real::float32 ? py::dtype::of<float>()
                                                   : py::dtype::of<double>();
            },
            "numpy.dtype of its answers: float64, or float32 where linearize was told so.")
        .def_property_readonly("n_samples", &PyLinearization::n_samples, "Q: samples in use.")
        .def_property_readonly(
            "n_targets", [](PyLinearization& lin) { return lin.made().n_targets(); },
            "Ne: target elements that count, neither NaN nor made unknown by NaN inputs.")
        .def_property_readonly(
            "has_targets", [](PyLinearization& lin) { return lin.made().has_targets(); },
            "Whether there are targets, for gradients and Hessians.");
}

void bind_outputs(py::class_<PyLinearization>& cls) {
    def_method(cls, question("outputs"), docstrings::outputs,
               {keyword("n_threads"), keyword("out")},
               [](PyLinearization& lin, py::object n, py::object out) {
                   return lin.outputs("outputs", n, out);
               });
    def_method(cls, question("performance"), docstrings::performance, {keyword("n_threads")},
               [](PyLinearization& lin, py::object n) { return lin.performance(n); });
    def_method(cls, question("de_dwb"), docstrings::de_dwb,
               {keyword("order"), keyword("n_threads"), keyword("out")},
               [](PyLinearization& lin, py::object order, py::object n, py::object out) {
                   const ParameterOrder rearrange("de_dwb", lin.network(), order);
                   return rearrange(lin.de_dwb("de_dwb", n, out), {0});
               });
}

void bind_defaultderiv(py::module_& m) {
    namespace doc = docstrings;
    bind_derivative(m, "defaultderiv", doc::defaultderiv,
                    [](auto&&... a) { return derivative("defaultderiv", a...); });
    bind_derivative(m, "staticderiv", doc::staticderiv,
                    [](auto&&... a) { return derivative("staticderiv", a...); });
    bind_derivative(m, "num2deriv", doc::num2deriv, [](auto&&... a) {
        return numeric_derivative("num2deriv", Stencil::two_point, a...);
    });
    bind_derivative(m, "num5deriv", doc::num5deriv, [](auto&&... a) {
        return numeric_derivative("num5deriv", Stencil::five_point, a...);
    });
}

void bind_jacobian(py::module_& m, py::class_<PyLinearization>& cls) {
    const auto wrt = [] { return optional("wrt", "'parameters'", py::str("parameters")); };
    def_method(cls, question("jacobian"), docstrings::jacobian,
               {wrt(), keyword("order"), keyword("n_threads"), keyword("out")}, jacobian);
    def_fast(m, "jacobian", docstrings::jacobian,
             {network_parameter(), required("x"), wrt(), keyword("order"), keyword("samples"),
              keyword("n_threads"), keyword("out"), keyword("dtype")},
             [](py::object net, py::object x, py::object wrt, py::object order, py::object samples,
                py::object n_threads, py::object out, py::object dtype) {
                 one_of(wrt, "jacobian", "wrt", {"parameters", "inputs"}, targets_hint);
                 PyLinearization lin(network(net, "jacobian"), "jacobian", x, py::none(),
                                     py::none(), samples, real_type(dtype, "jacobian"));
                 return jacobian(lin, wrt, order, n_threads, out);
             });
}

void bind_hessian(py::module_& m, py::class_<PyLinearization>& cls) {
    const auto structure = [] { return keyword("structure", "'full'", py::str("full")); };
    const auto packed = [] { return keyword("packed", "False", py::bool_(false)); };
    def_method(cls, question("hessian"), docstrings::hessian,
               {optional("kind", "'exact'", py::str("exact")), structure(), packed(),
                keyword("order"), keyword("n_threads"), keyword("out")},
               [](PyLinearization& lin, py::object kind, py::object structure, py::object packed,
                  py::object order, py::object n, py::object out) {
                   return hessian(lin, "hessian", kind, structure, packed, order, n, out);
               });
    def_fast(
        m, "hessian", docstrings::hessian,
        {network_parameter(), required("x"), required("t"),
         keyword("kind", "'exact'", py::str("exact")), structure(), packed(), keyword("order"),
         keyword("ew"), keyword("samples"), keyword("n_threads"), keyword("out"), keyword("dtype")},
        [](py::object net, py::object x, py::object t, py::object kind, py::object structure,
           py::object packed, py::object order, py::object ew, py::object samples,
           py::object n_threads, py::object out, py::object dtype) {
            curvature_kind("hessian", kind);
            PyLinearization lin(network(net, "hessian"), "hessian", x, need(t, "hessian"), ew,
                                samples, real_type(dtype, "hessian"));
            return hessian(lin, "hessian", kind, structure, packed, order, n_threads, out);
        });
}

std::unique_ptr<PyLinearization> linearize(py::object net, py::object x, py::object t,
                                           py::object ew, py::object samples, py::object dtype) {
    const char* function = "linearize";
    auto lin = std::make_unique<PyLinearization>(network(net, function), function, x, t, ew,
                                                 samples, real_type(dtype, function));
    lin->keep(std::move(net));
    return lin;
}

double performance(py::object net_object, py::object t, py::object y, py::object ew) {
    const Network& net = network(net_object, "perform");
    const std::vector<index_t> rows{net.n_outputs()};
    const Signals st(t, {"perform", "t"}, rows), sy(y, {"perform", "y"}, rows);
    const Weights weights(ew, "perform", net.n_outputs(), st.views()[0].cols);
    const double work = 10.0 * static_cast<double>(st.views()[0].cols * net.n_outputs());
    return unlocked(work,
                    [&] { return perform(net, st.views()[0], sy.views()[0], weights.view()); });
}

}  // namespace

void bind_derivatives(py::module_& m) {
    namespace doc = docstrings;
    py::class_<PyLinearization> cls(m, "Linearization", py::is_final(),
                                    py::custom_type_setup([](PyHeapTypeObject* type) {
                                        type->ht_type.tp_new = &refuse_new_linearization;
                                    }),
                                    doc::linearization);
    bind_properties(cls);
    bind_outputs(cls);
    bind_defaultderiv(m);
    bind_question(m, cls, "gradient", doc::gradient,
                  [](PyLinearization& lin, const auto& rearrange, auto& n, auto& out) {
                      return rearrange(lin.gradient("gradient", n, out), {0});
                  });
    bind_question(m, cls, "gauss_newton", doc::gauss_newton,
                  [](PyLinearization& lin, const auto& rearrange, auto& n, auto& out) {
                      return rearrange(lin.hessian("gauss_newton", Curvature::gauss_newton, n, out),
                                       {0, 1});
                  });
    bind_question(m, cls, "normal_equations", doc::normal_equations, normal_equations);
    bind_jacobian(m, cls);
    bind_hessian(m, cls);
    def_fast(m, "linearize", doc::linearize,
             {network_parameter(), required("x"), optional("t"), keyword("ew"), keyword("samples"),
              keyword("dtype")},
             linearize);
    def_fast(m, "perform", doc::perform,
             {network_parameter(), required("t"), required("y"), optional("ew")}, performance);
}
