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

}  // namespace

void bind_errors(py::module_& m) {
    auto cls = py::reinterpret_borrow<py::class_<PyLinearization>>(m.attr("Linearization"));
    cls.def(
           "parameters",
           [](PyLinearization& lin) {
               const py::array wb = result(py::none(), {"parameters", "out"},
                                           {lin.n_parameters()});  // as it was given
               lin.made().parameters(vector(wb));
               return wb;
           },
           docstrings::parameters)
        .def(
            "errors",
            [](PyLinearization& lin, py::object n, py::object out) {
                const auto threads = thread_count(n, "errors");
                const Answer e = lin.target("errors", out, {lin.n_outputs(), lin.n_samples()});
                Linearization& made = lin.made();
                lin.ask(lin.work(1), [&] { made.errors(matrix(e), threads); });
                return e.given();
            },
            py::kw_only(), py::arg("n_threads") = py::none(), py::arg("out") = py::none(),
            docstrings::errors)
        .def(
            "error_scales",
            [](PyLinearization& lin, py::object out) {
                const Answer s =
                    lin.target("error_scales", out, {lin.n_outputs(), lin.n_samples()});
                lin.made().error_scales(matrix(s));
                return s.given();
            },
            py::kw_only(), py::arg("out") = py::none(), docstrings::error_scales)
        .def(
            "_made_of",
            [](PyLinearization& lin) {
                const py::object net = py::cast(&lin.network(), py::return_value_policy::reference);
                return py::make_tuple(net) + lin.data().arrays();
            },
            made_of_doc);
    m.def("available_memory", &available_memory, "Bytes that the process can still have.");
}
