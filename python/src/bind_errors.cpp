/// The errors of a linearization, how they are scaled and counted, and what it was made of.

#include "jacnet/runtime.hpp"

#include "docstrings.hpp"
#include "linearization.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

constexpr const char* made_of_doc =
    R"((net, x, t, ew, samples) that it was made of; the network may have changed since.)";

Answer error_target(PyLinearization& lin, const char* function, py::handle out) {
    return lin.target(function, out, {{lin.n_outputs(), lin.n_samples()}, instead::fewer_samples});
}

}  // namespace

void bind_errors(py::module_& m) {
    auto cls = py::reinterpret_borrow<py::class_<PyLinearization>>(m.attr("Linearization"));
    def_method(cls, question("parameters"), docstrings::parameters, [](PyLinearization& lin) {
        const py::array wb = result(py::none(), {"parameters", "out"},
                                    {{lin.n_parameters()}, instead::fewer_parameters});
        lin.made().parameters(vector(wb));  // as they were given
        return wb;
    });
    def_method(cls, question("errors"), docstrings::errors, {keyword("n_threads"), keyword("out")},
               [](PyLinearization& lin, py::object n, py::object out) {
                   const auto threads = thread_count(n, "errors");
                   const Answer e = error_target(lin, "errors", out);
                   Linearization& made = lin.made();
                   lin.ask("errors", lin.work(1), [&] { made.errors(matrix(e), threads); });
                   return e.given();
               });
    def_method(cls, question("error_scales"), docstrings::error_scales, {keyword("out")},
               [](PyLinearization& lin, py::object out) {
                   const Answer s = error_target(lin, "error_scales", out);
                   lin.made().error_scales(matrix(s));
                   return s.given();
               });
    def_method(cls, question("_made_of"), made_of_doc, [](PyLinearization& lin) {
        const py::object net = py::cast(&lin.network(), py::return_value_policy::reference);
        return py::make_tuple(net) + lin.data().arrays();
    });
    def_method(
        cls, question("__reduce__"), "Refuses: its arrays are the caller's.",
        [](PyLinearization&) -> py::object {
            throw py::type_error(
                "Linearization: cannot be pickled or copied, since its arrays are the caller's; "
                "pickle the network and the data, and call linearize(net, x, t) again");
        });
    def_fast(m, "available_memory", "Bytes that the process can still have.", available_memory);
}
