/// Facts about the build, and transfer functions one by one.

#include <pybind11/stl.h>

#include <limits>

#include "buffers.hpp"
#include "docstrings.hpp"
#include "fast_call.hpp"
#include "ndarray.hpp"
#include "options.hpp"
#include "words.hpp"

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

int derivative_order(py::handle order) {
    const std::optional<long long> value = python::whole_number(order);
    if (!value) {
        throw py::type_error("transfer: order must be 0, 1 or 2, got " + python::type_name(order));
    }
    if (*value < 0 || *value > 2) {
        throw py::value_error("transfer: order must be 0, 1 or 2, got " + std::to_string(*value));
    }
    return static_cast<int>(*value);
}

/// Features in rows, samples in columns; anything elementwise in any shape.
py::array transfer_array(py::object name, py::object n, py::object order_object) {
    const std::string word =
        python::word(name, "transfer", "name", "the name of a transfer function");
    const Transfer f = transfer_from_name(word);
    const py::array in = python::doubles(n, {"transfer", "n"});
    const int order = derivative_order(order_object);
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

py::dict buffers(py::object limit) {
    if (!limit.is_none()) {
        const std::optional<long long> bytes = python::whole_number(limit);
        if (!bytes) {
            throw py::type_error("buffers: limit must be a whole number of bytes or None, got " +
                                 python::type_name(limit));
        }
        if (*bytes < 0 || *bytes == std::numeric_limits<long long>::max()) {
            throw py::value_error("buffers: limit must be from 0 to below 2**63 - 1 bytes");
        }
        python::set_buffer_limit(static_cast<std::size_t>(*bytes));
    }
    py::dict d;
    d["limit"] = python::buffer_limit();
    d["kept"] = python::buffered();
    return d;
}

}  // namespace

void bind_runtime(py::module_& m) {
    using namespace python;
    def_fast(m, "build_info", docstrings::build_info, build_info_dict);
    def_fast(m, "buffers", docstrings::buffers, {optional("limit")}, buffers);
    def_fast(m, "clear_buffers", docstrings::clear_buffers, [] {
        clear_buffers();
        return py::none();
    });
    def_fast(m, "transfer_functions", "Names of all transfer functions.", transfer_names);
    def_fast(m, "transfer",
             "Value (order 0), slope (1) or curvature (2) of a transfer function, elementwise over "
             "an\narray of net inputs; functions that couple features take a matrix with samples "
             "in\ncolumns, and softmax and radbasn give values only.",
             {required("name"), required("n"), optional("order", "0", py::int_(0))},
             transfer_array);
}
