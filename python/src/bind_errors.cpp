/// The errors of a linearization, how they are scaled and counted, and what it was made of.

#include "jacnet/runtime.hpp"
#include "linearization.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

constexpr const char* errors_doc =
    R"(Errors as ``de_dwb`` differentiates them: sqrt(ew) norm (t - y), (S, Q).

0 where the target does not count. Their squares sum to the e'e of ``normal_equations``; ``norm`` is
the error normalisation of the network, 1 unless asked for. Cost: one simulation.)";

constexpr const char* error_scales_doc =
    R"(Factors of the errors, sqrt(ew) norm, (S, Q); 0 where the target does not count.)";

constexpr const char* parameters_doc =
    R"(A copy of the parameters that the linearization was made with, (P,).)";

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
           parameters_doc)
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
            errors_doc)
        .def(
            "error_scales",
            [](PyLinearization& lin, py::object out) {
                const Answer s =
                    lin.target("error_scales", out, {lin.n_outputs(), lin.n_samples()});
                lin.made().error_scales(matrix(s));
                return s.given();
            },
            py::kw_only(), py::arg("out") = py::none(), error_scales_doc)
        .def(
            "_made_of",
            [](PyLinearization& lin) {
                const py::object net = py::cast(&lin.network(), py::return_value_policy::reference);
                return py::make_tuple(net) + lin.data().arrays();
            },
            made_of_doc);
    m.def("available_memory", &available_memory, "Bytes that the process can still have.");
}
