/// Kernels of the outputs' Jacobian: the Gram matrix and the empirical neural tangent kernel.

#include "docstrings_inputs.hpp"
#include "linearization.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

GramForm form_of(py::handle traced, const char* function) {
    return flag(traced, function, "traced") ? GramForm::traced : GramForm::full;
}

index_t columns_of(const Signals& x) { return x.views().empty() ? 0 : x.views()[0].cols; }

py::array kernel(py::handle net_object, py::handle x1, py::handle x2, py::handle traced,
                 py::handle n_threads, py::handle out, py::handle dtype) {
    const char* function = "ntk";
    const Real real = real_type(dtype, function);
    const Network& net = network(net_object, function);
    const GramForm form = form_of(traced, function);
    const auto threads = thread_count(n_threads, function);
    std::vector<index_t> rows;
    for (const Input& input : net.structure().inputs) rows.push_back(input.size);
    const Signals one(x1, {function, "x1"}, rows);
    const Signals other = x2.is_none() ? Signals() : Signals(x2, {function, "x2"}, rows);
    const index_t outputs = form == GramForm::full ? net.n_outputs() : 1;
    const index_t n_rows = columns_of(one), n_columns = columns_of(x2.is_none() ? one : other);
    const py::array k =
        result(out, {function, "out"},
               {{outputs * n_rows, outputs * n_columns}, instead::gram, false, real});
    if (!out.is_none()) {
        refuse_overlap(k, function, one.arrays(), "x1");
        refuse_overlap(k, function, other.arrays(), "x2");
        refuse_overlap(k, function, net);
    }
    const double samples = static_cast<double>(n_rows) + static_cast<double>(n_columns);
    const double pairs = static_cast<double>(n_rows) * static_cast<double>(n_columns);
    const double work = static_cast<double>(net.n_parameters()) * samples +
                        10.0 * pairs * static_cast<double>(outputs);
    unlocked(work, net, [&](const Network& own) {
        if (real == Real::float32) {
            jacnet::ntk(own, one.views(), other.views(), float_matrix(k), form, threads);
        } else {
            jacnet::ntk(own, one.views(), other.views(), matrix(k), form, threads);
        }
    });
    return k;
}

}  // namespace

void bind_kernels(py::module_& m) {
    namespace doc = docstrings;
    using Object = py::object;
    const auto traced = [] { return keyword("traced", "False", py::bool_(false)); };

    auto cls = py::reinterpret_borrow<py::class_<PyLinearization>>(m.attr("Linearization"));
    def_method(cls, question("gram"), doc::gram, {traced(), keyword("n_threads"), keyword("out")},
               [](PyLinearization& lin, Object traced, Object n_threads, Object out) {
                   return lin.gram("gram", n_threads, out, form_of(traced, "gram"));
               });
    def_fast(m, "gram", doc::gram,
             {network_parameter(), required("x"), traced(), keyword("samples"),
              keyword("n_threads"), keyword("out"), keyword("dtype")},
             [](Object net, Object x, Object traced, Object samples, Object n_threads, Object out,
                Object dtype) {
                 const GramForm form = form_of(traced, "gram");
                 PyLinearization lin(network(net, "gram"), "gram", x, py::none(), py::none(),
                                     samples, real_type(dtype, "gram"));
                 return lin.gram("gram", n_threads, out, form);
             });
    def_fast(m, "ntk", doc::ntk,
             {network_parameter(), required("x1"), optional("x2"), traced(), keyword("n_threads"),
              keyword("out"), keyword("dtype")},
             kernel);
}
