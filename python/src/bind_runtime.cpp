/// Facts about the build, and transfer functions one by one.

#include <pybind11/stl.h>

#include "buffers.hpp"
#include "docstrings.hpp"
#include "ndarray.hpp"

namespace py = pybind11;
using namespace jacnet;

namespace {

py::dict build_info_dict() {
    const BuildInfo info = build_info();
    py::dict d;
    d["version"] = info.version;
    d["compiler"] = info.compiler;
    d["eigen"] = info.eigen;
    d["openmp"] = info.openmp;
    d["compiled_sets"] = info.compiled_sets;
    d["available_sets"] = info.available_sets;
    d["instruction_set"] = info.instruction_set;
    d["max_threads"] = max_threads();
    return d;
}

py::list transfer_names() {
    py::list names;
    for (const Transfer f : transfer_functions()) names.append(py::str(std::string(name(f))));
    return names;
}

/// Features in rows, samples in columns; anything elementwise in any shape.
py::array transfer_array(const std::string& word, py::object n, int order) {
    const Transfer f = transfer_from_name(word);
    const py::array in = python::doubles(n, {"transfer", "n"});
    if (order < 0 || order > 2) {
        throw py::value_error("transfer: order must be 0, 1 or 2, got " + std::to_string(order));
    }
    if (couples_features(f) && (in.ndim() != 2 || (order > 0 && has_matrix_slope(f)))) {
        throw py::value_error("transfer: " + word +
                              " couples features: pass a matrix with samples in columns, order=0");
    }
    const auto compact = py::array_t<double, py::array::c_style | py::array::forcecast>(in);
    py::array_t<double> out(std::vector<py::ssize_t>(in.shape(), in.shape() + in.ndim()));
    const bool matrix = couples_features(f);
    const index_t rows = matrix ? in.shape(0) : 1;
    const index_t cols = matrix ? in.shape(1) : static_cast<index_t>(in.size());
    transfer_values(f, {compact.data(), rows, cols, cols, 1}, order,
                    {out.mutable_data(), rows, cols, cols, 1});
    return out;
}

}  // namespace

void bind_runtime(py::module_& m) {
    m.def("build_info", build_info_dict, docstrings::build_info);
    m.def(
        "buffers",
        [](py::object limit) {
            if (!limit.is_none()) {
                if (!PyIndex_Check(limit.ptr())) {
                    throw py::type_error("buffers: limit must be a whole number of bytes or None");
                }
                int overflow = 0;
                const long long bytes =
                    PyLong_AsLongLongAndOverflow(py::int_(limit).ptr(), &overflow);
                if (overflow != 0 || bytes < 0) {
                    throw py::value_error("buffers: limit must be from 0 to below 2**63 bytes");
                }
                python::set_buffer_limit(static_cast<std::size_t>(bytes));
            }
            py::dict d;
            d["limit"] = python::buffer_limit();
            d["kept"] = python::buffered();
            return d;
        },
        py::arg("limit") = py::none(), docstrings::buffers);
    m.def("clear_buffers", &python::clear_buffers, docstrings::clear_buffers);
    m.def("transfer_functions", transfer_names, "Names of all transfer functions.");
    m.def(
        "transfer", transfer_array, py::arg("name"), py::arg("n"), py::arg("order") = 0,
        "Value (order 0), slope (1) or curvature (2) of a transfer function, elementwise over an\n"
        "array of net inputs; functions that couple features take a matrix with samples in\n"
        "columns, and softmax and radbasn give values only.");
}
