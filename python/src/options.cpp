#include "options.hpp"

#include <algorithm>
#include <limits>

#include "words.hpp"

namespace jacnet::python {

std::optional<long long> whole_number(py::handle object) {
    if (PyBool_Check(object.ptr())) return std::nullopt;
    const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
    if (!index) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw py::error_already_set();
        PyErr_Clear();
        return std::nullopt;
    }
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
    constexpr long long most = std::numeric_limits<long long>::max();
    return overflow > 0 ? most : overflow < 0 ? -most : value;
}

std::optional<std::uint32_t> random_seed(py::handle object, const char* function) {
    if (object.is_none()) return std::nullopt;
    const std::optional<long long> seed = whole_number(object);
    if (!seed) {
        throw py::type_error(
            text(function, ": seed must be a whole number or None, got ", type_name(object)));
    }
    if (*seed < 0 || *seed > 4294967295LL) {
        throw py::value_error(
            text(function, ": seed is ", *seed, ", expected a whole number from 0 to 2**32 - 1"));
    }
    return static_cast<std::uint32_t>(*seed);
}

std::optional<int> thread_count(py::handle object, const char* function) {
    if (object.is_none()) return std::nullopt;
    const std::optional<long long> n = whole_number(object);
    if (!n) {
        throw py::type_error(text(function, ": n_threads must be a whole number or None, got ",
                                  type_name(object), "; None uses all that there are"));
    }
    if (*n < 1) {
        throw py::value_error(text(function, ": n_threads is ", *n,
                                   ", expected at least 1; None uses all that there are"));
    }
    return static_cast<int>(std::min<long long>(*n, 1 << 16));
}

Real real_type(py::handle dtype, const char* function) {
    if (dtype.is_none()) return Real::float64;
    constexpr const char* due = ": dtype must be numpy.float64 or numpy.float32, got ";
    py::object found = py::none();
    try {
        found = py::module_::import("numpy").attr("dtype")(dtype);
    } catch (const py::error_already_set& error) {
        if (!error.matches(PyExc_TypeError) && !error.matches(PyExc_ValueError)) throw;
        throw py::type_error(text(function, due, type_name(dtype)));
    }
    if (found.equal(py::dtype::of<double>())) return Real::float64;
    if (found.equal(py::dtype::of<float>())) return Real::float32;
    throw py::type_error(text(function, due, std::string(py::str(found))));
}

}  // namespace jacnet::python
