#include "fast_call.hpp"

#include <algorithm>

namespace jacnet::python {

namespace py = pybind11;

namespace {

[[noreturn]] void refuse(const std::string& message) { throw py::type_error(message); }

}  // namespace

FastSignature::FastSignature(const char* function, const Parameter* parameters, std::size_t n)
    : function_(function), parameters_(parameters, parameters + n) {
    for (const Parameter& parameter : parameters_) {
        PyObject* name = PyUnicode_InternFromString(parameter.name);
        if (!name) throw py::error_already_set();
        names_.push_back(py::reinterpret_steal<py::str>(name));
        if (!parameter.by_name_only) ++n_positional_;
    }
}

std::string FastSignature::text() const {
    std::string list;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        if (i > 0) list += ", ";
        if (i == n_positional_) list += "*, ";
        list += parameters_[i].name;
        if (parameters_[i].text) list += std::string("=") + parameters_[i].text;
    }
    return std::string(function_) + "(" + list + ")";
}

std::string FastSignature::documented(const char* doc) const { return text() + "\n--\n\n" + doc; }

std::size_t FastSignature::find(PyObject* name) const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (names_[i].ptr() == name) return i;
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (PyUnicode_Compare(names_[i].ptr(), name) == 0) return i;
    }
    refuse(std::string(function_) + ": unknown argument '" +
           py::cast<std::string>(py::handle(name)) + "'; call it as " + text());
}

void FastSignature::bind(PyObject* const* args, Py_ssize_t n_args, PyObject* names,
                         PyObject** values) const {
    const auto given = static_cast<std::size_t>(n_args);
    if (given > n_positional_) {
        refuse(std::string(function_) + ": takes " + std::to_string(n_positional_) +
               " arguments by position, got " + std::to_string(given) + "; call it as " + text());
    }
    std::copy(args, args + given, values);
    std::fill(values + given, values + parameters_.size(), nullptr);
    const Py_ssize_t n_names = names ? PyTuple_GET_SIZE(names) : 0;
    for (Py_ssize_t k = 0; k < n_names; ++k) {
        const std::size_t i = find(PyTuple_GET_ITEM(names, k));
        if (values[i]) {
            refuse(std::string(function_) + ": " + parameters_[i].name + " is given twice");
        }
        values[i] = args[n_args + k];
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        if (values[i]) continue;
        if (!parameters_[i].text) {
            refuse(std::string(function_) + ": " + parameters_[i].name +
                   " is missing; call it as " + text());
        }
        values[i] = parameters_[i].value.ptr();
    }
}

}  // namespace jacnet::python
