/// Pieces of the Hessian, single samples, Fisher information, and losses of one's own.

#include "docstrings_pieces.hpp"
#include "pieces.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

using Object = py::object;

Parameter kind_parameter() { return keyword("kind", "'exact'", py::str("exact")); }
Parameter first_kind() { return optional("kind", "'exact'", py::str("exact")); }
Parameter structure_parameter() { return keyword("structure", "'full'", py::str("full")); }

/// ask(lin, kind, order, n_threads, out), of a linearization and of (net, x, t).
template <class Ask>
void bind_of_kind(py::module_& m, py::class_<PyLinearization>& cls, const char* name,
                  const char* doc, Ask ask) {
    def_method(cls, question(name), doc,
               {first_kind(), keyword("order"), keyword("n_threads"), keyword("out")},
               [name, ask](PyLinearization& lin, Object kind, Object order, Object n, Object out) {
                   return ask(lin, name, curvature_kind(name, kind), order, n, out);
               });
    def_fast(m, name, doc,
             {network_parameter(), required("x"), required("t"), kind_parameter(), keyword("order"),
              keyword("ew"), keyword("samples"), keyword("n_threads"), keyword("out")},
             [name, ask](Object net, Object x, Object t, Object kind, Object order, Object ew,
                         Object samples, Object n, Object out) {
                 const Curvature curvature = curvature_kind(name, kind);
                 PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
                 return ask(lin, name, curvature, order, n, out);
             });
}

/// The same without a kind.
template <class Ask>
void bind_plain(py::module_& m, py::class_<PyLinearization>& cls, const char* name, const char* doc,
                Ask ask) {
    def_method(cls, question(name), doc, {keyword("order"), keyword("n_threads"), keyword("out")},
               [name, ask](PyLinearization& lin, Object order, Object n, Object out) {
                   return ask(lin, name, order, n, out);
               });
    def_fast(m, name, doc,
             {network_parameter(), required("x"), required("t"), keyword("order"), keyword("ew"),
              keyword("samples"), keyword("n_threads"), keyword("out")},
             [name, ask](Object net, Object x, Object t, Object order, Object ew, Object samples,
                         Object n, Object out) {
                 PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
                 return ask(lin, name, order, n, out);
             });
}

void bind_fisher(py::module_& m, py::class_<PyLinearization>& cls, const char* name,
                 const char* doc, Fisher kind) {
    def_method(
        cls, question(name), doc,
        {structure_parameter(), keyword("order"), keyword("n_threads"), keyword("out")},
        [name, kind](PyLinearization& lin, Object structure, Object order, Object n, Object out) {
            return fisher(lin, name, kind, structure, order, n, out);
        });
    def_fast(
        m, name, doc,
        {network_parameter(), required("x"), required("t"), structure_parameter(), keyword("order"),
         keyword("ew"), keyword("samples"), keyword("n_threads"), keyword("out")},
        [name, kind](Object net, Object x, Object t, Object structure, Object order, Object ew,
                     Object samples, Object n, Object out) {
            PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
            return fisher(lin, name, kind, structure, order, n, out);
        });
}

void bind_trace(py::module_& m, py::class_<PyLinearization>& cls) {
    constexpr const char* name = "hessian_trace";
    def_method(cls, question(name), docstrings::hessian_trace, {first_kind(), keyword("n_threads")},
               [](PyLinearization& lin, Object kind, Object n) {
                   return hessian_trace(lin, name, curvature_kind(name, kind), n);
               });
    def_fast(m, name, docstrings::hessian_trace,
             {network_parameter(), required("x"), required("t"), kind_parameter(), keyword("ew"),
              keyword("samples"), keyword("n_threads")},
             [](Object net, Object x, Object t, Object kind, Object ew, Object samples, Object n) {
                 const Curvature curvature = curvature_kind(name, kind);
                 PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
                 return hessian_trace(lin, name, curvature, n);
             });
}

void bind_block(py::module_& m, py::class_<PyLinearization>& cls) {
    constexpr const char* name = "hessian_block";
    def_method(cls, question(name), docstrings::hessian_block,
               {required("rows"), optional("cols"), kind_parameter(), keyword("order"),
                keyword("n_threads"), keyword("out")},
               [](PyLinearization& lin, Object rows, Object cols, Object kind, Object order,
                  Object n, Object out) {
                   const Curvature curvature = curvature_kind(name, kind);
                   return hessian_block(lin, name, rows, cols, curvature, order, n, out);
               });
    def_fast(m, name, docstrings::hessian_block,
             {network_parameter(), required("x"), required("t"), required("rows"), optional("cols"),
              kind_parameter(), keyword("order"), keyword("ew"), keyword("samples"),
              keyword("n_threads"), keyword("out")},
             [](Object net, Object x, Object t, Object rows, Object cols, Object kind, Object order,
                Object ew, Object samples, Object n, Object out) {
                 const Curvature curvature = curvature_kind(name, kind);
                 PyLinearization lin(network(net, name), name, x, need(t, name), ew, samples);
                 return hessian_block(lin, name, rows, cols, curvature, order, n, out);
             });
}

}  // namespace

void bind_pieces(py::module_& m) {
    namespace doc = docstrings;
    auto cls = py::reinterpret_borrow<py::class_<PyLinearization>>(m.attr("Linearization"));
    bind_plain(m, cls, "gradients", doc::gradients, gradients);
    bind_of_kind(m, cls, "hessians", doc::hessians, hessians);
    bind_of_kind(m, cls, "hessian_diagonal", doc::hessian_diagonal, hessian_diagonal);
    bind_plain(m, cls, "gauss_newton_diagonal", doc::gauss_newton_diagonal,
               [](PyLinearization& lin, const char* name, auto& order, auto& n, auto& out) {
                   return hessian_diagonal(lin, name, Curvature::gauss_newton, order, n, out);
               });
    bind_trace(m, cls);
    bind_block(m, cls);
    bind_fisher(m, cls, "fisher", doc::fisher, Fisher::expected);
    bind_fisher(m, cls, "empirical_fisher", doc::empirical_fisher, Fisher::empirical);
    def_method(cls, question("with_loss"), doc::with_loss, {required("dloss"), optional("d2loss")},
               [](PyLinearization& lin, Object dloss, Object d2loss) {
                   return lin.with_loss(dloss, d2loss);
               });
}
