/// Calls that do nothing, of the signatures whose overhead is measured: a Python extension module.

#include <pybind11/pybind11.h>

#include <string>

namespace py = pybind11;

namespace {

struct Network {};

}  // namespace

PYBIND11_MODULE(empty_call, m) {
    const auto none = py::none();
    py::class_<Network>(m, "Network")
        .def(py::init<>())
        .def(
            "__call__", [](const Network&, py::object, py::object, py::object out) { return out; },
            py::arg("x"), py::kw_only(), py::arg("n_threads") = none, py::arg("out") = none);
    m.def(
        "defaultderiv",
        [](const std::string&, py::object, py::object, py::object, py::object, py::object,
           py::object, const std::string&, py::object, py::object, py::object out) { return out; },
        py::arg("what"), py::arg("net"), py::arg("x"), py::arg("t"), py::arg("xi") = none,
        py::arg("ai") = none, py::arg("ew") = none, py::kw_only(), py::arg("sign") = "true",
        py::arg("samples") = none, py::arg("n_threads") = none, py::arg("out") = none);
    m.def(
        "jacobian",
        [](py::object, py::object, const std::string&, py::object, py::object, py::object out) {
            return out;
        },
        py::arg("net"), py::arg("x"), py::arg("wrt") = "parameters", py::kw_only(),
        py::arg("samples") = none, py::arg("n_threads") = none, py::arg("out") = none);
}
