/// Derivatives: the free functions and the Linearization behind them.

#include <atomic>
#include <limits>

#include "docstrings.hpp"
#include "ndarray.hpp"
#include "unlocked.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

std::vector<index_t> input_rows(const Network& net) {
    std::vector<index_t> rows;
    for (const Input& input : net.structure().inputs) rows.push_back(input.size);
    return rows;
}

std::vector<index_t> output_rows(const Network& net) {
    std::vector<index_t> rows;
    for (const Output& output : net.structure().outputs) rows.push_back(output.size);
    return rows;
}

/// The arguments that all derivatives share, as views; arrays stay alive with it.
struct Data {
    Data(const Network& net, const char* function, py::handle x, py::handle t, py::handle ew,
         py::handle samples)
        : net_(net), x_(checked_x(net, function, x)), ew_(ew, function) {
        if (!t.is_none()) t_ = Signals(t, {function, "t"}, output_rows(net));
        const index_t total = x_.views().empty() ? 0 : x_.views()[0].cols;
        samples_.x = x_.views();
        samples_.t = t_.views();
        samples_.ew = ew_.view();
        samples_.indices = sample_indices(samples, total, function);
        count_ = samples_.indices ? static_cast<index_t>(samples_.indices->size()) : total;
    }
    const Samples& samples() const { return samples_; }
    index_t count() const { return count_; }
    /// Of a Jacobian; the largest size there is where the product does not fit.
    index_t n_columns() const {
        constexpr index_t most = std::numeric_limits<index_t>::max();
        const index_t outputs = net_.n_outputs();
        return outputs > 0 && count_ > most / outputs ? most : outputs * count_;
    }
    index_t n_inputs() const {
        index_t rows = 0;
        for (const Input& input : net_.structure().inputs) rows += input.size;
        return rows;
    }
    void refuse_overlap(const py::array& out, const char* function) const {
        python::refuse_overlap(out, function, x_.arrays(), "x");
        python::refuse_overlap(out, function, t_.arrays(), "t");
        python::refuse_overlap(out, function, ew_.arrays(), "ew");
        python::refuse_overlap(out, function, net_);
    }

private:
    static Signals checked_x(const Network& net, const char* function, py::handle x) {
        return Signals(x, {function, "x"}, input_rows(net));
    }

    const Network& net_;
    Signals x_, t_;
    Weights ew_;
    Samples samples_;
    index_t count_ = 0;
};

/// A linearization with what it borrows. It is made when first needed, so that results which do not
/// fit in memory are refused before any data are read.
class PyLinearization {
    /// One question at a time: the answers share what the linearization keeps.
    class InUse {
    public:
        explicit InUse(std::atomic<bool>& flag) : flag_(flag) {
            if (flag_.exchange(true)) {
                throw std::runtime_error(
                    "linearize: this linearization is answering another question, of another "
                    "thread or before a signal handler came in; make one for each");
            }
        }
        ~InUse() { flag_ = false; }
        InUse(const InUse&) = delete;
        InUse& operator=(const InUse&) = delete;

    private:
        std::atomic<bool>& flag_;
    };

    template <class Work>
    auto ask(double flops, Work&& work) {
        const InUse in_use(in_use_);
        return unlocked(flops, work);
    }

public:
    PyLinearization(const Network& net, const char* function, py::handle x, py::handle t,
                    py::handle ew, py::handle samples)
        : net_(net),
          function_(function),
          data_(net, function, x, t, ew, samples),
          n_parameters_(net.n_parameters()),
          n_outputs_(net.n_outputs()),
          n_inputs_(data_.n_inputs()),
          n_columns_(data_.n_columns()) {}

    /// Will answer many questions: keeps the parameters, and the tape.
    void keep() {
        parameters_ = Parameters::copied;
        made();
    }

    /// Takes the parameters as they are now, and reads and checks the data.
    Linearization& made() {
        if (!made_) {
            const double reading = static_cast<double>(data_.count()) * 10.0;
            const InUse in_use(in_use_);
            unlocked(reading, net_, [&](const Network& net) {
                made_.emplace(net, data_.samples(), function_, parameters_);
            });
        }
        return *made_;
    }

    py::array outputs(const char* function, py::handle out) {
        const py::array y = target(function, out, {n_outputs_, data_.count()});
        made();
        ask(work(1), [&] { made_->outputs(matrix(y)); });
        return y;
    }
    double performance() {
        made();
        return ask(work(2), [&] { return made_->performance(); });
    }

    py::array gradient(const char* function, py::handle n_threads, py::handle out,
                       double sign = 1.0) {
        const auto threads = thread_count(n_threads, function);
        const py::array g = target(function, out, {n_parameters_});
        const VectorView<double> view = vector(g);
        made();
        ask(work(6), [&] { made_->gradient(view, threads); });
        for (index_t i = 0; sign < 0.0 && i < view.size; ++i) view[i] = -view[i];
        return g;
    }
    py::array de_dwb(const char* function, py::handle n_threads, py::handle out) {
        const auto threads = thread_count(n_threads, function);
        const py::array j = target(function, out, jacobian_shape());
        made();
        ask(work(n_outputs_), [&] { made_->de_dwb(matrix(j), threads); });
        return j;
    }
    py::array jacobian(const char* function, const std::string& wrt, py::handle n_threads,
                       py::handle out) {
        const auto threads = thread_count(n_threads, function);
        if (wrt == "inputs") return input_jacobian(function, threads, out);
        if (wrt != "parameters") {
            throw py::value_error(std::string(function) + ": wrt is '" + wrt +
                                  "', expected 'parameters' or 'inputs'");
        }
        const py::array j = target(function, out, jacobian_shape());
        made();
        ask(work(n_outputs_), [&] { made_->jacobian(matrix(j), threads); });
        return j;
    }
    py::array gram(const char* function, py::handle n_threads, py::handle out) {
        const auto threads = thread_count(n_threads, function);
        const py::array g = target(function, out, {n_columns_, n_columns_});
        made();
        ask(work(n_columns_), [&] { made_->gram(matrix(g), threads); });
        return g;
    }
    py::tuple normal_equations(const char* function, py::handle n_threads, py::handle out) {
        const auto threads = thread_count(n_threads, function);
        py::object out_jj = py::none(), out_je = py::none();
        if (!out.is_none()) {
            if (!py::isinstance<py::tuple>(out) || py::len(out) != 2) {
                throw py::type_error(std::string(function) +
                                     ": out must be a tuple of two arrays, (JJ, Je)");
            }
            const auto pair = py::reinterpret_borrow<py::tuple>(out);
            out_jj = pair[0];
            out_je = pair[1];
        }
        const py::array jj = target(function, out_jj, {n_parameters_, n_parameters_});
        const py::array je = target(function, out_je, {n_parameters_});
        python::refuse_overlap(jj, function, {je}, "itself");
        made();
        const double sse = ask(work(n_parameters_), [&] {
            return made_->normal_equations(matrix(jj), vector(je), threads);
        });
        return py::make_tuple(jj, je, sse);
    }
    py::array hessian(const char* function, const std::string& kind, py::handle n_threads,
                      py::handle out) {
        const auto threads = thread_count(n_threads, function);
        if (kind != "exact" && kind != "gauss-newton") {
            throw py::value_error(std::string(function) + ": kind is '" + kind +
                                  "', expected 'exact' or 'gauss-newton'");
        }
        const py::array h = target(function, out, {n_parameters_, n_parameters_});
        const Curvature curvature = kind == "exact" ? Curvature::exact : Curvature::gauss_newton;
        made();
        ask(work(n_parameters_), [&] { made_->hessian(matrix(h), curvature, threads); });
        return h;
    }

private:
    std::vector<index_t> jacobian_shape() const { return {n_parameters_, n_columns_}; }
    py::array target(const char* function, py::handle out, const std::vector<index_t>& shape,
                     bool c_order = false) const {
        py::array array = result(out, {function, "out"}, shape, c_order);
        if (!out.is_none()) data_.refuse_overlap(array, function);
        return array;
    }
    py::array input_jacobian(const char* function, std::optional<int> threads, py::handle out) {
        const py::array j = target(function, out, {data_.count(), n_outputs_, n_inputs_}, true);
        const index_t size = sizeof(double);
        const index_t strides[3] = {j.strides(0) / size, j.strides(1) / size, j.strides(2) / size};
        auto* values = static_cast<double*>(const_cast<void*>(j.data()));
        made();
        ask(work(2 * n_outputs_), [&] { made_->input_jacobian(values, strides, threads); });
        return j;
    }
    /// Rough flops of a question that costs `per_parameter` per parameter and sample.
    double work(index_t per_parameter) const {
        return static_cast<double>(n_parameters_ + 1) * static_cast<double>(data_.count()) *
               static_cast<double>(per_parameter);
    }

    const Network& net_;
    const char* function_;
    Data data_;
    index_t n_parameters_, n_outputs_, n_inputs_, n_columns_;  // as they were at the start
    Parameters parameters_ = Parameters::borrowed;
    std::optional<Linearization> made_;
    std::atomic<bool> in_use_{false};
};

/// A word from a few; anything else is refused by name.
std::string word(py::handle object, const char* function, const char* argument,
                 const char* expected) {
    if (py::isinstance<py::str>(object)) return py::cast<std::string>(object);
    throw py::type_error(std::string(function) + ": " + argument + " must be " + expected +
                         ", got " + type_name(object));
}

/// Targets that a question cannot do without: None is refused like any other non-array.
py::handle need(py::handle t, const char* function) {
    return t.is_none() ? doubles(t, {function, "t"}) : t;
}

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
                     const std::string& sign, py::handle samples, py::handle n_threads,
                     py::handle out) {
    const bool errors = wants_jacobian(function, what);
    const double factor = sign_of(function, sign);
    refuse_delays(function, xi, "xi");
    refuse_delays(function, ai, "ai");
    PyLinearization lin(network(net, function), function, x, need(t, function), ew, samples);
    return errors ? lin.de_dwb(function, n_threads, out)
                  : lin.gradient(function, n_threads, out, factor);
}

py::array numeric_derivative(const char* function, Stencil stencil, const std::string& what,
                             py::handle net_handle, py::handle x, py::handle t, py::handle xi,
                             py::handle ai, py::handle ew, const std::string& sign,
                             py::handle samples, py::handle n_threads, py::handle out) {
    const bool errors = wants_jacobian(function, what);
    const double factor = sign_of(function, sign);
    refuse_delays(function, xi, "xi");
    refuse_delays(function, ai, "ai");
    const Network& net = network(net_handle, function);
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
    return values;
}

/// Binds a function of defaultderiv's signature.
template <class Function>
void bind_derivative(py::module_& m, const char* name, const char* doc, Function function) {
    m.def(
        name,
        [function, name](py::object what_object, py::object net, py::object x, py::object t,
                         py::object xi, py::object ai, py::object ew, py::object sign_object,
                         py::object samples, py::object n_threads, py::object out) {
            const std::string what =
                word(what_object, name, "what", "'de_dwb' or 'dperf_dwb', before net, x and t");
            const std::string sign = word(sign_object, name, "sign", "'true' or 'matlab'");
            return function(what, net, x, t, xi, ai, ew, sign, samples, n_threads, out);
        },
        py::arg("what"), py::arg("net"), py::arg("x"), py::arg("t"), py::arg("xi") = py::none(),
        py::arg("ai") = py::none(), py::arg("ew") = py::none(), py::kw_only(),
        py::arg("sign") = "true", py::arg("samples") = py::none(),
        py::arg("n_threads") = py::none(), py::arg("out") = py::none(), doc);
}

/// Binds a function (net, x, t, *, ew, samples, n_threads, out) of a linearization.
template <class Ask>
void bind_question(py::module_& m, const char* name, const char* doc, Ask ask) {
    m.def(
        name,
        [name, ask](py::object net, py::object x, py::object t, py::object ew, py::object samples,
                    py::object n_threads, py::object out) {
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return ask(lin, n_threads, out);
        },
        py::arg("net"), py::arg("x"), py::arg("t"), py::kw_only(), py::arg("ew") = py::none(),
        py::arg("samples") = py::none(), py::arg("n_threads") = py::none(),
        py::arg("out") = py::none(), doc);
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
        .def(
            "outputs",
            [](PyLinearization& lin, py::object out) { return lin.outputs("outputs", out); },
            py::kw_only(), py::arg("out") = none, "Network outputs, S x Q.")
        .def("performance", &PyLinearization::performance,
             "Performance on these samples, regularisation included.")
        .def(
            "gradient",
            [](PyLinearization& lin, py::object n, py::object out) {
                return lin.gradient("gradient", n, out);
            },
            py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none, doc::gradient)
        .def(
            "de_dwb",
            [](PyLinearization& lin, py::object n, py::object out) {
                return lin.de_dwb("de_dwb", n, out);
            },
            py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none,
            "Jacobian of the errors, P x (S*Q), as defaultderiv('de_dwb', ...).")
        .def(
            "jacobian",
            [](PyLinearization& lin, py::object wrt, py::object n, py::object out) {
                return lin.jacobian(
                    "jacobian", word(wrt, "jacobian", "wrt", "'parameters' or 'inputs'"), n, out);
            },
            py::arg("wrt") = "parameters", py::kw_only(), py::arg("n_threads") = none,
            py::arg("out") = none, doc::jacobian)
        .def(
            "gram",
            [](PyLinearization& lin, py::object n, py::object out) {
                return lin.gram("gram", n, out);
            },
            py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none, doc::gram)
        .def(
            "normal_equations",
            [](PyLinearization& lin, py::object n, py::object out) {
                return lin.normal_equations("normal_equations", n, out);
            },
            py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none,
            doc::normal_equations)
        .def(
            "gauss_newton",
            [](PyLinearization& lin, py::object n, py::object out) {
                return lin.hessian("gauss_newton", "gauss-newton", n, out);
            },
            py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none, doc::gauss_newton)
        .def(
            "hessian",
            [](PyLinearization& lin, py::object kind, py::object n, py::object out) {
                return lin.hessian(
                    "hessian", word(kind, "hessian", "kind", "'exact' or 'gauss-newton'"), n, out);
            },
            py::arg("kind") = "exact", py::kw_only(), py::arg("n_threads") = none,
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

    bind_question(m, "gradient", doc::gradient, [](PyLinearization& lin, auto& n, auto& out) {
        return lin.gradient("gradient", n, out);
    });
    bind_question(m, "gauss_newton", doc::gauss_newton,
                  [](PyLinearization& lin, auto& n, auto& out) {
                      return lin.hessian("gauss_newton", "gauss-newton", n, out);
                  });
    bind_question(m, "normal_equations", doc::normal_equations,
                  [](PyLinearization& lin, auto& n, auto& out) {
                      return lin.normal_equations("normal_equations", n, out);
                  });
    m.def(
        "hessian",
        [](py::object net, py::object x, py::object t, py::object kind_object, py::object ew,
           py::object samples, py::object n_threads, py::object out) {
            const std::string kind =
                word(kind_object, "hessian", "kind", "'exact' or 'gauss-newton'");
            PyLinearization lin(network(net, "hessian"), "hessian", x, need(t, "hessian"), ew,
                                samples);
            return lin.hessian("hessian", kind, n_threads, out);
        },
        py::arg("net"), py::arg("x"), py::arg("t"), py::kw_only(), py::arg("kind") = "exact",
        py::arg("ew") = none, py::arg("samples") = none, py::arg("n_threads") = none,
        py::arg("out") = none, doc::hessian);
    m.def(
        "jacobian",
        [](py::object net, py::object x, py::object wrt_object, py::object samples,
           py::object n_threads, py::object out) {
            const std::string wrt =
                word(wrt_object, "jacobian", "wrt",
                     "'parameters' or 'inputs' (targets are for defaultderiv('de_dwb', ...))");
            PyLinearization lin(network(net, "jacobian"), "jacobian", x, py::none(), py::none(),
                                samples);
            return lin.jacobian("jacobian", wrt, n_threads, out);
        },
        py::arg("net"), py::arg("x"), py::arg("wrt") = "parameters", py::kw_only(),
        py::arg("samples") = none, py::arg("n_threads") = none, py::arg("out") = none,
        doc::jacobian);
    m.def(
        "gram",
        [](py::object net, py::object x, py::object samples, py::object n_threads, py::object out) {
            PyLinearization lin(network(net, "gram"), "gram", x, py::none(), py::none(), samples);
            return lin.gram("gram", n_threads, out);
        },
        py::arg("net"), py::arg("x"), py::kw_only(), py::arg("samples") = none,
        py::arg("n_threads") = none, py::arg("out") = none, doc::gram);
    m.def(
        "linearize",
        [](py::object net, py::object x, py::object t, py::object ew, py::object samples) {
            auto lin = std::make_unique<PyLinearization>(network(net, "linearize"), "linearize", x,
                                                         t, ew, samples);
            lin->keep();
            return lin;
        },
        py::arg("net"), py::arg("x"), py::arg("t") = none, py::kw_only(), py::arg("ew") = none,
        py::arg("samples") = none, py::keep_alive<0, 1>(), doc::linearize);
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
