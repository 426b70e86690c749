#include "ndarray.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "words.hpp"

namespace jacnet::python {

namespace {

/// Strides in elements; whole ones, as `doubles` and `result` make sure.
index_t stride(const py::array& array, py::ssize_t axis) {
    return array.strides(axis) / array.itemsize();
}

bool viewable(const py::array& array) {
    return is_real(array, Real::float64) && whole_elements(array);
}

[[noreturn]] void refuse_type(const Argument& argument, const std::string& came) {
    throw py::type_error(text(argument.function, ": ", argument.name,
                              " must hold real numbers, got ", came, "; pass a float64 array"));
}

/// Whether a list is one of arrays, one per signal, and not a matrix written as nested lists.
bool holds_arrays(py::handle object) {
    if (!is_sequence(object)) return false;
    for (const py::handle item : py::reinterpret_borrow<py::sequence>(object)) {
        if (py::isinstance<py::array>(item)) return true;
    }
    return false;
}

MatrixView<const double> signal_view(const py::array& array, const Argument& argument,
                                     index_t rows) {
    const auto* data = static_cast<const double*>(array.data());
    if (array.ndim() == 2) {
        return {data, array.shape(0), array.shape(1), stride(array, 0), stride(array, 1)};
    }
    if (array.ndim() == 1 && rows <= 1) return {data, 1, array.shape(0), 1, stride(array, 0)};
    throw py::value_error(text(argument.function, ": ", argument.name, " has shape ",
                               shape_text(array), ", expected a matrix of ",
                               rows > 0 ? std::to_string(rows) + " rows" : std::string("rows"),
                               " with samples in columns"));
}

}  // namespace

bool is_sequence(py::handle object) {
    return py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object);
}

bool is_real(const py::array& array, Real real) {
    using Numbers = py::detail::npy_api;
    const int due = real == Real::float64 ? Numbers::NPY_DOUBLE_ : Numbers::NPY_FLOAT_;
    const py::dtype dtype = array.dtype();
    return dtype.num() == due && dtype.byteorder() == '=';
}

bool whole_elements(const py::array& array) {
    const py::ssize_t size = array.itemsize();
    if (reinterpret_cast<std::uintptr_t>(array.data()) % static_cast<std::uintptr_t>(size) != 0) {
        return false;
    }
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
        if (array.strides(axis) % size != 0) return false;
    }
    return true;
}

bool masked(const py::array& array) {
    return Py_TYPE(array.ptr()) != py::detail::npy_api::get().PyArray_Type_ &&
           py::hasattr(array, "_mask");
}

std::string dtype_name(const py::dtype& dtype) {
    return py::str(static_cast<const py::object&>(dtype));
}

std::string shape_text(std::span<const index_t> shape) {
    std::string out = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    }
    return out + (shape.size() == 1 ? ",)" : ")");
}

std::string shape_text(const py::array& array) {
    return shape_text(std::span(array.shape(), static_cast<std::size_t>(array.ndim())));
}

py::array doubles(py::handle object, const Argument& argument) {
    if (py::isinstance<py::array>(object)) {
        auto given = py::reinterpret_borrow<py::array>(object);
        if (masked(given)) {
            const bool unknown =
                std::string_view("xty").find(argument.name[0]) != std::string::npos;
            throw py::type_error(text(argument.function, ": ", argument.name,
                                      " is a masked array, whose mask would be lost; pass ",
                                      argument.name, ".filled(", unknown ? "np.nan" : "0", ")"));
        }
        if (viewable(given)) return given;
    } else {
        const bool numbers = is_sequence(object) || PyFloat_Check(object.ptr()) ||
                             PyLong_Check(object.ptr()) || py::hasattr(object, "__array__") ||
                             py::hasattr(object, "__array_interface__");
        if (!numbers) refuse_type(argument, type_name(object));
    }
    py::array array;
    try {
        array = py::module_::import("numpy").attr("asarray")(object);
    } catch (const py::error_already_set& error) {
        if (!error.matches(PyExc_TypeError) && !error.matches(PyExc_ValueError)) throw;
        refuse_type(argument, "a " + type_name(object) + " that is not an array");
    }
    if (viewable(array)) return array;
    const char kind = array.dtype().kind();
    if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b') {
        refuse_type(argument, "dtype " + dtype_name(array.dtype()));
    }
    if (kind == 'b' && argument.is_vector) {
        throw py::type_error(text(argument.function, ": ", argument.name,
                                  " holds booleans, expected a vector of real numbers; pass ",
                                  argument.name, ".astype(float) if 0 and 1 are meant"));
    }
    return py::module_::import("numpy").attr("array")(array, py::dtype::of<double>());
}

Signals::Signals(py::handle object, const Argument& argument, std::span<const index_t> rows) {
    if (holds_arrays(object)) {
        std::size_t i = 0;
        for (const py::handle item : py::reinterpret_borrow<py::sequence>(object)) {
            const Argument one{argument.function, text(argument.name, "[", i, "]"),
                               argument.is_vector};
            arrays_.push_back(doubles(item, one));
            views_.push_back(signal_view(arrays_.back(), one, i < rows.size() ? rows[i] : 0));
            ++i;
        }
        if (views_.size() != rows.size()) {
            throw py::value_error(text(argument.function, ": ", argument.name, " has ",
                                       views_.size(), " arrays, expected ", rows.size()));
        }
        return;
    }
    index_t total = 0;
    for (const index_t r : rows) total = total < 0 || r == 0 ? -1 : total + r;
    array_.emplace(doubles(object, argument));
    const auto whole = signal_view(*array_, argument, std::max(total, index_t{0}));
    if (rows.size() <= 1) {
        views_.push_back(whole);
        return;
    }
    if (whole.rows != total) {
        throw py::value_error(text(argument.function, ": ", argument.name, " has ", whole.rows,
                                   " rows, expected a list of ", rows.size(), " arrays",
                                   total > 0 ? text(" or one of ", total, " rows") : ""));
    }
    index_t first = 0;
    for (const index_t r : rows) {
        views_.emplace_back(whole.data + first * whole.row_stride, r, whole.cols, whole.row_stride,
                            whole.col_stride);
        first += r;
    }
}

Weights::Weights(py::handle object, const char* function, index_t rows, index_t cols) {
    if (object.is_none()) return;
    const Argument argument{function, "ew"};
    const py::array array = doubles(object, argument);
    arrays_.push_back(array);
    const auto* data = static_cast<const double*>(array.data());
    const bool wrong_vector = array.ndim() == 1 && array.size() != 1 && array.size() != cols;
    if (array.ndim() == 0) {
        view_ = {data, 1, 1};
    } else if (array.ndim() <= 2 && !wrong_vector) {
        view_ = signal_view(array, argument, 1);
    } else {
        throw py::value_error(
            text(function, ": ew has shape ", shape_text(array), ", expected one weight, (1, ",
                 cols, "), (", rows, ", 1) or (", rows, ", ", cols, ")",
                 wrong_vector && array.size() == rows ? "; pass ew[:, None]" : ""));
    }
}

MatrixView<double> matrix(const py::array& array) {
    return {static_cast<double*>(const_cast<void*>(array.data())), array.shape(0), array.shape(1),
            stride(array, 0), stride(array, 1)};
}

VectorView<double> vector(const py::array& array) {
    return {static_cast<double*>(const_cast<void*>(array.data())), array.shape(0),
            stride(array, 0)};
}

MatrixView<float> float_matrix(const py::array& array) {
    return {static_cast<float*>(const_cast<void*>(array.data())), array.shape(0), array.shape(1),
            stride(array, 0), stride(array, 1)};
}

VectorView<float> float_vector(const py::array& array) {
    return {static_cast<float*>(const_cast<void*>(array.data())), array.shape(0), stride(array, 0)};
}

}  // namespace jacnet::python
