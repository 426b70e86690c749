/// Derivatives with respect to the inputs.

#include "docstrings_inputs.hpp"
#include "linearization.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

/// One direction per sample, a signal per input or per output; arrays stay alive with it.
class Directions {
public:
    static Directions of_inputs(const PyLinearization& lin, py::handle v, const char* function) {
        std::vector<index_t> rows;
        for (const Input& input : lin.network().structure().inputs) rows.push_back(input.size);
        return {v, function, "v", rows};
    }
    static Directions of_outputs(const PyLinearization& lin, py::handle u, const char* function) {
        std::vector<index_t> rows;
        for (const Output& output : lin.network().structure().outputs) rows.push_back(output.size);
        return {u, function, "u", rows};
    }

    const std::vector<MatrixView<const double>>& views() const { return signals_.views(); }
    void refuse_overlap(const py::array& out, const char* function) const {
        python::refuse_overlap(out, function, signals_.arrays(), name_);
    }

private:
    Directions(py::handle object, const char* function, const char* name,
               const std::vector<index_t>& rows)
        : name_(name), signals_(object, {function, name, true}, rows) {}

    const char* name_;
    Signals signals_;
};

py::array input_hessian(PyLinearization& lin, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, "input_hessian");
    const index_t rows = lin.n_inputs();
    const Answer h =
        lin.target("input_hessian", out,
                   {{lin.n_samples(), lin.n_outputs(), rows, rows}, instead::input_hessian, true});
    const index_t size = sizeof(double);
    const index_t strides[4] = {h->strides(0) / size, h->strides(1) / size, h->strides(2) / size,
                                h->strides(3) / size};
    auto* values = static_cast<double*>(const_cast<void*>(h->data()));
    Linearization& made = lin.made();
    lin.ask("input_hessian", lin.work(2 * (rows + lin.n_outputs())),
            [&] { made.input_hessian(values, strides, threads); });
    return h.given();
}

py::array laplacian(PyLinearization& lin, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, "laplacian");
    const Answer l = lin.target("laplacian", out,
                                {{lin.n_samples(), lin.n_outputs()}, instead::fewer_samples, true});
    Linearization& made = lin.made();
    lin.ask("laplacian", lin.work(2 * (lin.n_inputs() + 2)),
            [&] { made.laplacian(matrix(l), threads); });
    return l.given();
}

py::array input_jvp(PyLinearization& lin, py::handle v, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, "input_jvp");
    const Directions directions = Directions::of_inputs(lin, v, "input_jvp");
    const Answer y =
        lin.target("input_jvp", out, {{lin.n_outputs(), lin.n_samples()}, instead::fewer_samples});
    directions.refuse_overlap(y, "input_jvp");
    Linearization& made = lin.made();
    lin.ask("input_jvp", lin.work(4),
            [&] { made.input_jvp(directions.views(), matrix(y), threads); });
    return y.given();
}

py::array input_vjp(PyLinearization& lin, py::handle u, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, "input_vjp");
    const Directions sums = Directions::of_outputs(lin, u, "input_vjp");
    const Answer dx =
        lin.target("input_vjp", out, {{lin.n_inputs(), lin.n_samples()}, instead::fewer_samples});
    sums.refuse_overlap(dx, "input_vjp");
    Linearization& made = lin.made();
    lin.ask("input_vjp", lin.work(4), [&] { made.input_vjp(sums.views(), matrix(dx), threads); });
    return dx.given();
}

py::array input_hvp(PyLinearization& lin, py::handle u, py::handle v, py::handle n_threads,
                    py::handle out) {
    const auto threads = thread_count(n_threads, "input_hvp");
    const Directions sums = Directions::of_outputs(lin, u, "input_hvp");
    const Directions directions = Directions::of_inputs(lin, v, "input_hvp");
    const Answer dx =
        lin.target("input_hvp", out, {{lin.n_inputs(), lin.n_samples()}, instead::fewer_samples});
    sums.refuse_overlap(dx, "input_hvp");
    directions.refuse_overlap(dx, "input_hvp");
    Linearization& made = lin.made();
    lin.ask("input_hvp", lin.work(8),
            [&] { made.input_hvp(sums.views(), directions.views(), matrix(dx), threads); });
    return dx.given();
}

PyLinearization untargeted(const char* function, py::handle net, py::handle x, py::handle samples) {
    return {network(net, function), function, x, py::none(), py::none(), samples};
}

}  // namespace

void bind_inputs(py::module_& m) {
    namespace doc = docstrings;
    using Object = py::object;
    const auto threads = [] { return keyword("n_threads"); };
    const auto out = [] { return keyword("out"); };

    auto cls = py::reinterpret_borrow<py::class_<PyLinearization>>(m.attr("Linearization"));
    def_method(cls, question("input_hessian"), doc::input_hessian, {threads(), out()},
               input_hessian);
    def_method(cls, question("laplacian"), doc::laplacian, {threads(), out()}, laplacian);
    def_method(cls, question("input_jvp"), doc::input_jvp, {required("v"), threads(), out()},
               input_jvp);
    def_method(cls, question("input_vjp"), doc::input_vjp, {required("u"), threads(), out()},
               input_vjp);
    def_method(cls, question("input_hvp"), doc::input_hvp,
               {required("u"), required("v"), threads(), out()}, input_hvp);

    def_fast(m, "input_hessian", doc::input_hessian,
             {network_parameter(), required("x"), keyword("samples"), threads(), out()},
             [](Object net, Object x, Object samples, Object n_threads, Object out) {
                 PyLinearization lin = untargeted("input_hessian", net, x, samples);
                 return input_hessian(lin, n_threads, out);
             });
    def_fast(m, "laplacian", doc::laplacian,
             {network_parameter(), required("x"), keyword("samples"), threads(), out()},
             [](Object net, Object x, Object samples, Object n_threads, Object out) {
                 PyLinearization lin = untargeted("laplacian", net, x, samples);
                 return laplacian(lin, n_threads, out);
             });
    def_fast(
        m, "input_jvp", doc::input_jvp,
        {network_parameter(), required("x"), required("v"), keyword("samples"), threads(), out()},
        [](Object net, Object x, Object v, Object samples, Object n_threads, Object out) {
            PyLinearization lin = untargeted("input_jvp", net, x, samples);
            return input_jvp(lin, v, n_threads, out);
        });
    def_fast(
        m, "input_vjp", doc::input_vjp,
        {network_parameter(), required("x"), required("u"), keyword("samples"), threads(), out()},
        [](Object net, Object x, Object u, Object samples, Object n_threads, Object out) {
            PyLinearization lin = untargeted("input_vjp", net, x, samples);
            return input_vjp(lin, u, n_threads, out);
        });
    def_fast(
        m, "input_hvp", doc::input_hvp,
        {network_parameter(), required("x"), required("u"), required("v"), keyword("samples"),
         threads(), out()},
        [](Object net, Object x, Object u, Object v, Object samples, Object n_threads, Object out) {
            PyLinearization lin = untargeted("input_hvp", net, x, samples);
            return input_hvp(lin, u, v, n_threads, out);
        });
}
