#include "words.hpp"

#include <algorithm>

#include "nearest.hpp"

namespace jacnet::python {

namespace py = pybind11;

namespace {

/// Empty for what UTF-8 cannot say; valid while the object lives.
std::string_view utf8(py::handle word) {
    Py_ssize_t size = 0;
    const char* data = PyUnicode_AsUTF8AndSize(word.ptr(), &size);
    if (!data) PyErr_Clear();
    return data ? std::string_view(data, static_cast<std::size_t>(size)) : std::string_view();
}

/// "'exact' or 'gauss-newton'"
std::string listed(const std::vector<std::string_view>& known) {
    std::string list;
    for (std::size_t i = 0; i < known.size(); ++i) {
        if (i > 0) list += i + 1 < known.size() ? ", " : " or ";
        list += "'" + std::string(known[i]) + "'";
    }
    return list;
}

}  // namespace

std::string type_name(py::handle object) {
    return object.is_none() ? "None" : std::string(py::str(py::type::of(object).attr("__name__")));
}

std::string quoted(py::handle word) {
    constexpr Py_ssize_t most = 40;
    const auto start = py::reinterpret_steal<py::object>(PyUnicode_Substring(word.ptr(), 0, most));
    if (!start) throw py::error_already_set();
    const bool whole = PyUnicode_GetLength(word.ptr()) <= most;
    return std::string(py::repr(start)) + (whole ? "" : "...");
}

std::string suggestion(py::handle word, const std::vector<std::string_view>& known) {
    const std::string near = nearest(utf8(word), known);
    return near.empty() ? "" : "; did you mean '" + near + "'?";
}

std::string word(py::handle object, const char* function, const char* argument,
                 std::string_view expected) {
    if (PyUnicode_Check(object.ptr())) return std::string(utf8(object));
    throw py::type_error(
        text(function, ": ", argument, " must be ", expected, ", got ", type_name(object)));
}

std::size_t one_of(py::handle object, const char* function, const char* argument,
                   std::initializer_list<std::string_view> known, const char* hint) {
    if (!PyUnicode_Check(object.ptr())) word(object, function, argument, listed(known) + hint);
    const std::string_view given = utf8(object);
    const auto found = std::find(known.begin(), known.end(), given);
    if (found != known.end()) return static_cast<std::size_t>(found - known.begin());
    throw py::value_error(text(function, ": ", argument, " is ", quoted(object), ", expected ",
                               listed(known), suggestion(object, known)));
}

bool flag(py::handle object, const char* function, const char* argument) {
    if (PyBool_Check(object.ptr())) return object.ptr() == Py_True;
    if (py::isinstance(object, py::module_::import("numpy").attr("bool_"))) {
        return PyObject_IsTrue(object.ptr()) == 1;
    }
    throw py::type_error(
        text(function, ": ", argument, " must be True or False, got ", type_name(object)));
}

}  // namespace jacnet::python
