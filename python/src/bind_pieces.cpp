/// Pieces of the Hessian, single samples, Fisher information, and losses of one's own.

#include "docstrings_pieces.hpp"
#include "pieces.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

using Object = py::object;

/// (net, x, t, *, kind, order, ew, samples, n_threads, out); ask(lin, kind, order, n_threads, out).
template <class Ask>
void bind_of_kind(py::module_& m, const char* name, const char* doc, Ask ask) {
    m.def(
        name,
        [name, ask](Object net, Object x, Object t, Object kind, Object order, Object ew,
                    Object samples, Object n, Object out) {
            const Curvature curvature = curvature_kind(name, kind);
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return ask(lin, curvature, order, n, out);
        },
        py::arg("net"), py::arg("x"), py::arg("t"), py::kw_only(), py::arg("kind") = "exact",
        py::arg("order") = py::none(), py::arg("ew") = py::none(), py::arg("samples") = py::none(),
        py::arg("n_threads") = py::none(), py::arg("out") = py::none(), doc);
}

/// The same without a kind.
template <class Ask>
void bind_plain(py::module_& m, const char* name, const char* doc, Ask ask) {
    m.def(
        name,
        [name, ask](Object net, Object x, Object t, Object order, Object ew, Object samples,
                    Object n, Object out) {
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return ask(lin, order, n, out);
        },
        py::arg("net"), py::arg("x"), py::arg("t"), py::kw_only(), py::arg("order") = py::none(),
        py::arg("ew") = py::none(), py::arg("samples") = py::none(),
        py::arg("n_threads") = py::none(), py::arg("out") = py::none(), doc);
}

void bind_fisher(py::module_& m, py::class_<PyLinearization>& cls, const char* name,
                 const char* doc, Fisher kind) {
    cls.def(
        name,
        [name, kind](PyLinearization& lin, Object structure, Object order, Object n, Object out) {
            return fisher(lin, name, kind, structure, order, n, out);
        },
        py::kw_only(), py::arg("structure") = "full", py::arg("order") = py::none(),
        py::arg("n_threads") = py::none(), py::arg("out") = py::none(), doc);
    m.def(
        name,
        [name, kind](Object net, Object x, Object t, Object structure, Object order, Object ew,
                     Object samples, Object n, Object out) {
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return fisher(lin, name, kind, structure, order, n, out);
        },
        py::arg("net"), py::arg("x"), py::arg("t"), py::kw_only(), py::arg("structure") = "full",
        py::arg("order") = py::none(), py::arg("ew") = py::none(), py::arg("samples") = py::none(),
        py::arg("n_threads") = py::none(), py::arg("out") = py::none(), doc);
}

void bind_methods(py::class_<PyLinearization>& cls) {
    namespace doc = docstrings;
    const auto none = py::none();
    cls.def(
           "gradients",
           [](PyLinearization& lin, Object order, Object n, Object out) {
               return gradients(lin, "gradients", order, n, out);
           },
           py::kw_only(), py::arg("order") = none, py::arg("n_threads") = none,
           py::arg("out") = none, doc::gradients)
        .def(
            "hessians",
            [](PyLinearization& lin, Object kind, Object order, Object n, Object out) {
                return hessians(lin, "hessians", curvature_kind("hessians", kind), order, n, out);
            },
            py::arg("kind") = "exact", py::kw_only(), py::arg("order") = none,
            py::arg("n_threads") = none, py::arg("out") = none, doc::hessians)
        .def(
            "hessian_diagonal",
            [](PyLinearization& lin, Object kind, Object order, Object n, Object out) {
                return hessian_diagonal(lin, "hessian_diagonal",
                                        curvature_kind("hessian_diagonal", kind), order, n, out);
            },
            py::arg("kind") = "exact", py::kw_only(), py::arg("order") = none,
            py::arg("n_threads") = none, py::arg("out") = none, doc::hessian_diagonal)
        .def(
            "gauss_newton_diagonal",
            [](PyLinearization& lin, Object order, Object n, Object out) {
                return hessian_diagonal(lin, "gauss_newton_diagonal", Curvature::gauss_newton,
                                        order, n, out);
            },
            py::kw_only(), py::arg("order") = none, py::arg("n_threads") = none,
            py::arg("out") = none, doc::gauss_newton_diagonal)
        .def(
            "hessian_trace",
            [](PyLinearization& lin, Object kind, Object n) {
                return hessian_trace(lin, "hessian_trace", curvature_kind("hessian_trace", kind),
                                     n);
            },
            py::arg("kind") = "exact", py::kw_only(), py::arg("n_threads") = none,
            doc::hessian_trace)
        .def(
            "hessian_block",
            [](PyLinearization& lin, Object rows, Object cols, Object kind, Object n, Object out) {
                return hessian_block(lin, "hessian_block", rows, cols,
                                     curvature_kind("hessian_block", kind), n, out);
            },
            py::arg("rows"), py::arg("cols") = none, py::kw_only(), py::arg("kind") = "exact",
            py::arg("n_threads") = none, py::arg("out") = none, doc::hessian_block)
        .def(
            "with_loss",
            [](PyLinearization& lin, Object dloss, Object d2loss) {
                return lin.with_loss(dloss, d2loss);
            },
            py::arg("dloss"), py::arg("d2loss") = none, py::keep_alive<0, 1>(), doc::with_loss);
}

}  // namespace

void bind_pieces(py::module_& m) {
    namespace doc = docstrings;
    const auto none = py::none();
    auto cls = py::reinterpret_borrow<py::class_<PyLinearization>>(m.attr("Linearization"));
    bind_methods(cls);
    bind_fisher(m, cls, "fisher", doc::fisher, Fisher::expected);
    bind_fisher(m, cls, "empirical_fisher", doc::empirical_fisher, Fisher::empirical);

    bind_plain(m, "gradients", doc::gradients,
               [](PyLinearization& lin, auto& order, auto& n, auto& out) {
                   return gradients(lin, "gradients", order, n, out);
               });
    bind_plain(m, "gauss_newton_diagonal", doc::gauss_newton_diagonal,
               [](PyLinearization& lin, auto& order, auto& n, auto& out) {
                   return hessian_diagonal(lin, "gauss_newton_diagonal", Curvature::gauss_newton,
                                           order, n, out);
               });
    bind_of_kind(m, "hessian_diagonal", doc::hessian_diagonal,
                 [](PyLinearization& lin, Curvature kind, auto& order, auto& n, auto& out) {
                     return hessian_diagonal(lin, "hessian_diagonal", kind, order, n, out);
                 });
    bind_of_kind(m, "hessians", doc::hessians,
                 [](PyLinearization& lin, Curvature kind, auto& order, auto& n, auto& out) {
                     return hessians(lin, "hessians", kind, order, n, out);
                 });
    m.def(
        "hessian_trace",
        [](Object net, Object x, Object t, Object kind, Object ew, Object samples, Object n) {
            constexpr const char* name = "hessian_trace";
            const Curvature curvature = curvature_kind(name, kind);
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return hessian_trace(lin, name, curvature, n);
        },
        py::arg("net"), py::arg("x"), py::arg("t"), py::kw_only(), py::arg("kind") = "exact",
        py::arg("ew") = none, py::arg("samples") = none, py::arg("n_threads") = none,
        doc::hessian_trace);
    m.def(
        "hessian_block",
        [](Object net, Object x, Object t, Object rows, Object cols, Object kind, Object ew,
           Object samples, Object n, Object out) {
            constexpr const char* name = "hessian_block";
            const Curvature curvature = curvature_kind(name, kind);
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return hessian_block(lin, name, rows, cols, curvature, n, out);
        },
        py::arg("net"), py::arg("x"), py::arg("t"), py::arg("rows"), py::arg("cols") = none,
        py::kw_only(), py::arg("kind") = "exact", py::arg("ew") = none, py::arg("samples") = none,
        py::arg("n_threads") = none, py::arg("out") = none, doc::hessian_block);
}
