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
    if (py::hasattr(states, "__len__") && py::len(states) == 0) return;
    throw py::value_error(
        std::string(function) + ": " + name +
        " (delay states) needs a dynamic network; networks are static, pass None");
}

/// "de_dwb" or "dperf_dwb".
bool wants_jacobian(const char* function, const std::string& what) {
    if (what == "de_dwb") return true;
    if (what == "dperf_dwb") return false;
    const bool errors =
        what.find("perf") == std::string::npos && what.find("PERF") == std::string::npos;
    throw py::value_error(std::string(function) + ": unknown quantity '" + what +
                          "'; did you mean '" + (errors ? "de_dwb" : "dperf_dwb") +
                          "'? Known: de_dwb, dperf_dwb");
}

double sign_of(const char* function, const std::string& sign) {
    if (sign == "true") return 1.0;
    if (sign == "matlab") return -1.0;
    throw py::value_error(std::string(function) + ": sign is '" + sign +
                          "', expected 'true' or 'matlab'");
}

py::array derivative(const char* function, const std::string& what, py::handle net, py::handle x,
                     py::handle t, py::handle xi, py::handle ai, py::handle ew,
                     const std::string& sign, py::handle order, py::handle samples,
                     py::handle n_threads, py::handle out, py::handle dtype) {
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

py::array numeric_derivative(const char* function, Stencil stencil, const std::string& what,
                             py::handle net_handle, py::handle x, py::handle t, py::handle xi,
                             py::handle ai, py::handle ew, const std::string& sign,
                             py::handle order, py::handle samples, py::handle n_threads,
                             py::handle out, py::handle dtype) {
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
    const py::array values = errors ? result(out, {function, "out"}, {p, data.n_columns()})
                                    : result(out, {function, "out"}, {p});
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
             {required("what"), required("net"), required("x"), required("t"), optional("xi"),
              optional("ai"), optional("ew"), keyword("sign", "'true'", py::str("true")),
              keyword("order"), keyword("samples"), keyword("n_threads"), keyword("out"),
              keyword("dtype")},
             [function, name](py::object what_object, py::object net, py::object x, py::object t,
                              py::object xi, py::object ai, py::object ew, py::object sign_object,
                              py::object order, py::object samples, py::object n_threads,
                              py::object out, py::object dtype) {
                 const std::string what = word(what_object, name, "what",
                                               "'de_dwb' or 'dperf_dwb', before net, x and t");
                 const std::string sign = word(sign_object, name, "sign", "'true' or 'matlab'");
                 return function(what, net, x, t, xi, ai, ew, sign, order, samples, n_threads, out,
                                 dtype);
             });
}

/// Binds a function (net, x, t, *, order, ew, samples, n_threads, out) of a linearization.
template <class Ask>
void bind_question(py::module_& m, const char* name, const char* doc, Ask ask) {
    def_fast(
        m, name, doc,
        {required("net"), required("x"), required("t"), keyword("order"), keyword("ew"),
         keyword("samples"), keyword("n_threads"), keyword("out"), keyword("dtype")},
        [name, ask](py::object net, py::object x, py::object t, py::object order, py::object ew,
                    py::object samples, py::object n_threads, py::object out, py::object dtype) {
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples,
                                real_type(dtype, name));
            return ask(lin, ParameterOrder(name, lin.network(), order), n_threads, out);
        });
}

py::array jacobian(PyLinearization& lin, const std::string& wrt, py::handle order,
                   py::handle n_threads, py::handle out) {
    const ParameterOrder rearrange("jacobian", lin.network(), order);
    const py::array j = lin.jacobian("jacobian", wrt, n_threads, out);
    return wrt == "parameters" ? rearrange(j, {0}) : j;
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

}  // namespace

void bind_derivatives(py::module_& m) {
    namespace doc = docstrings;
    const auto none = py::none();

    py::class_<PyLinearization>(m, "Linearization", py::is_final(),
                                py::custom_type_setup([](PyHeapTypeObject* type) {
                                    type->ht_type.tp_new = &refuse_new_linearization;
                                }),
                                doc::linearization)
        .def_property_readonly("n_parameters", &PyLinearization::n_parameters,
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
            "Whether there are targets, for gradients and Hessians.")
        .def(
            "outputs",
            [](PyLinearization& lin, py::object n, py::object out) {
                return lin.outputs("outputs", n, out);
            },
            py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none, doc::outputs)
        .def(
            "performance", [](PyLinearization& lin, py::object n) { return lin.performance(n); },
            py::kw_only(), py::arg("n_threads") = none, doc::performance)
        .def(
            "gradient",
            [](PyLinearization& lin, py::object order, py::object n, py::object out) {
                const ParameterOrder rearrange("gradient", lin.network(), order);
                return rearrange(lin.gradient("gradient", n, out), {0});
            },
            py::kw_only(), py::arg("order") = none, py::arg("n_threads") = none,
            py::arg("out") = none, doc::gradient)
        .def(
            "de_dwb",
            [](PyLinearization& lin, py::object order, py::object n, py::object out) {
                const ParameterOrder rearrange("de_dwb", lin.network(), order);
                return rearrange(lin.de_dwb("de_dwb", n, out), {0});
            },
            py::kw_only(), py::arg("order") = none, py::arg("n_threads") = none,
            py::arg("out") = none, doc::de_dwb)
        .def(
            "jacobian",
            [](PyLinearization& lin, py::object wrt, py::object order, py::object n,
               py::object out) {
                return jacobian(lin, word(wrt, "jacobian", "wrt", "'parameters' or 'inputs'"),
                                order, n, out);
            },
            py::arg("wrt") = "parameters", py::kw_only(), py::arg("order") = none,
            py::arg("n_threads") = none, py::arg("out") = none, doc::jacobian)
        .def(
            "normal_equations",
            [](PyLinearization& lin, py::object order, py::object n, py::object out) {
                const ParameterOrder rearrange("normal_equations", lin.network(), order);
                return normal_equations(lin, rearrange, n, out);
            },
            py::kw_only(), py::arg("order") = none, py::arg("n_threads") = none,
            py::arg("out") = none, doc::normal_equations)
        .def(
            "gauss_newton",
            [](PyLinearization& lin, py::object order, py::object n, py::object out) {
                const ParameterOrder rearrange("gauss_newton", lin.network(), order);
                return rearrange(lin.hessian("gauss_newton", "gauss-newton", n, out), {0, 1});
            },
            py::kw_only(), py::arg("order") = none, py::arg("n_threads") = none,
            py::arg("out") = none, doc::gauss_newton)
        .def(
            "hessian",
            [](PyLinearization& lin, py::object kind, py::object structure, py::object packed,
               py::object order, py::object n, py::object out) {
                return hessian(lin, "hessian", kind, structure, packed, order, n, out);
            },
            py::arg("kind") = "exact", py::kw_only(), py::arg("structure") = "full",
            py::arg("packed") = false, py::arg("order") = none, py::arg("n_threads") = none,
            py::arg("out") = none, doc::hessian);

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

    bind_question(m, "gradient", doc::gradient,
                  [](PyLinearization& lin, const auto& rearrange, auto& n, auto& out) {
                      return rearrange(lin.gradient("gradient", n, out), {0});
                  });
    bind_question(m, "gauss_newton", doc::gauss_newton,
                  [](PyLinearization& lin, const auto& rearrange, auto& n, auto& out) {
                      return rearrange(lin.hessian("gauss_newton", "gauss-newton", n, out), {0, 1});
                  });
    bind_question(m, "normal_equations", doc::normal_equations,
                  [](PyLinearization& lin, const auto& rearrange, auto& n, auto& out) {
                      return normal_equations(lin, rearrange, n, out);
                  });
    def_fast(m, "hessian", doc::hessian,
             {required("net"), required("x"), required("t"),
              keyword("kind", "'exact'", py::str("exact")),
              keyword("structure", "'full'", py::str("full")),
              keyword("packed", "False", py::bool_(false)), keyword("order"), keyword("ew"),
              keyword("samples"), keyword("n_threads"), keyword("out"), keyword("dtype")},
             [](py::object net, py::object x, py::object t, py::object kind, py::object structure,
                py::object packed, py::object order, py::object ew, py::object samples,
                py::object n_threads, py::object out, py::object dtype) {
                 curvature_kind("hessian", kind);
                 PyLinearization lin(network(net, "hessian"), "hessian", x, need(t, "hessian"), ew,
                                     samples, real_type(dtype, "hessian"));
                 return hessian(lin, "hessian", kind, structure, packed, order, n_threads, out);
             });
    def_fast(m, "jacobian", doc::jacobian,
             {required("net"), required("x"),
              optional("wrt", "'parameters'", py::str("parameters")), keyword("order"),
              keyword("samples"), keyword("n_threads"), keyword("out"), keyword("dtype")},
             [](py::object net, py::object x, py::object wrt_object, py::object order,
                py::object samples, py::object n_threads, py::object out, py::object dtype) {
                 const std::string wrt =
                     word(wrt_object, "jacobian", "wrt",
                          "'parameters' or 'inputs' (targets are for defaultderiv('de_dwb', ...))");
                 PyLinearization lin(network(net, "jacobian"), "jacobian", x, py::none(),
                                     py::none(), samples, real_type(dtype, "jacobian"));
                 return jacobian(lin, wrt, order, n_threads, out);
             });
    m.def(
        "linearize",
        [](py::object net, py::object x, py::object t, py::object ew, py::object samples,
           py::object dtype) {
            auto lin =
                std::make_unique<PyLinearization>(network(net, "linearize"), "linearize", x, t, ew,
                                                  samples, real_type(dtype, "linearize"));
            lin->keep();
            return lin;
        },
        py::arg("net"), py::arg("x"), py::arg("t") = none, py::kw_only(), py::arg("ew") = none,
        py::arg("samples") = none, py::arg("dtype") = none, py::keep_alive<0, 1>(), doc::linearize);
    m.def(
        "perform",
        [](py::object net_handle, py::object t, py::object y, py::object ew) {
            const Network& net = network(net_handle, "perform");
            const std::vector<index_t> rows{net.n_outputs()};
            const Signals st(t, {"perform", "t"}, rows), sy(y, {"perform", "y"}, rows);
            const Weights weights(ew, "perform");
            const double work = 10.0 * static_cast<double>(st.views()[0].cols * net.n_outputs());
            return unlocked(
                work, [&] { return perform(net, st.views()[0], sy.views()[0], weights.view()); });
        },
        py::arg("net"), py::arg("t"), py::arg("y"), py::arg("ew") = none, doc::perform);
}
