#include "samples.hpp"

#include <cstdint>
#include <utility>

#include "memory.hpp"
#include "words.hpp"

namespace jacnet::python {

namespace {

void need_memory_for(Py_ssize_t indices, const char* function) {
    if (8.0 * static_cast<double>(indices) <= available_memory()) return;
    throw OutOfMemory(text(function, ": samples has ", indices,
                           " indices, more than memory holds; take fewer at a time"));
}

/// Where the samples of a slice are.
std::vector<index_t> sliced(py::handle slice, index_t n_samples, const char* function) {
    Py_ssize_t start = 0, stop = 0, step = 0;
    if (PySlice_Unpack(slice.ptr(), &start, &stop, &step) < 0) {
        const py::error_already_set error;
        if (!error.matches(PyExc_TypeError) && !error.matches(PyExc_ValueError)) throw error;
        throw py::value_error(text(
            function, ": samples is no slice of samples: ", std::string(py::str(error.value()))));
    }
    const Py_ssize_t count = PySlice_AdjustIndices(n_samples, &start, &stop, step);
    need_memory_for(count, function);
    std::vector<index_t> indices(static_cast<std::size_t>(count));
    for (Py_ssize_t i = 0; i < count; ++i) {
        indices[static_cast<std::size_t>(i)] = start + i * step;
    }
    return indices;
}

[[noreturn]] void refuse_samples(const char* function, const std::string& came) {
    throw py::type_error(
        text(function, ": samples must be whole numbers, a slice or a boolean mask, got ", came));
}

/// What may be indices as an array of one dimension.
py::array index_array(py::handle object, const char* function) {
    if (!py::isinstance<py::array>(object) && !is_sequence(object) &&
        !PyRange_Check(object.ptr()) && !py::hasattr(object, "__array__")) {
        const bool one = PyLong_Check(object.ptr()) && !PyBool_Check(object.ptr());
        refuse_samples(function,
                       one ? "one number; pass samples=[i] for sample i alone" : type_name(object));
    }
    py::array array;
    try {
        array = py::module_::import("numpy").attr("asarray")(object);
    } catch (const py::error_already_set& error) {
        if (!error.matches(PyExc_TypeError) && !error.matches(PyExc_ValueError)) throw;
        refuse_samples(function, "a " + type_name(object) + " that is not an array");
    }
    const char kind = array.dtype().kind();
    if (array.ndim() == 0 && (kind == 'i' || kind == 'u')) {
        refuse_samples(function, "one number; pass samples=[i] for sample i alone");
    }
    if (array.ndim() != 1) {
        throw py::value_error(
            text(function, ": samples has shape ", shape_text(array), ", expected one dimension"));
    }
    if (array.size() > 0 && kind != 'i' && kind != 'u' && kind != 'b') {
        refuse_samples(function, "dtype " + dtype_name(array.dtype()));
    }
    return array;
}

std::vector<index_t> masked_indices(const py::array& array, index_t n_samples,
                                    const char* function) {
    if (array.shape(0) != n_samples) {
        throw py::index_error(text(function, ": samples is a mask of ", array.shape(0),
                                   " elements, but x has ", n_samples, " samples"));
    }
    std::vector<index_t> indices;
    const auto mask = py::array_t<bool>(array).unchecked<1>();
    for (index_t q = 0; q < n_samples; ++q) {
        if (mask(q)) indices.push_back(q);
    }
    return indices;
}

/// Indices of one type, compared as they came: unsigned ones need not fit.
template <class Index>
std::vector<index_t> counted_indices(const py::array& array, index_t n_samples,
                                     const char* function) {
    const auto values = py::array_t<Index, py::array::forcecast>(array).template unchecked<1>();
    std::vector<index_t> indices;
    for (index_t i = 0; i < values.shape(0); ++i) {
        if (i % 1048576 == 1048575 && PyErr_CheckSignals() != 0) throw py::error_already_set();
        const Index index = values(i);
        if (!std::cmp_less(index, n_samples) || !std::cmp_greater_equal(index, -n_samples)) {
            throw py::index_error(text(function, ": samples holds the index ", index,
                                       ", but x has ", n_samples, " samples"));
        }
        const auto position = static_cast<index_t>(index);
        indices.push_back(position < 0 ? position + n_samples : position);
    }
    return indices;
}

}  // namespace

std::optional<std::vector<index_t>> sample_indices(py::handle object, index_t n_samples,
                                                   const char* function) {
    if (object.is_none()) return std::nullopt;
    if (PySlice_Check(object.ptr())) return sliced(object, n_samples, function);
    const py::array array = index_array(object, function);
    const char kind = array.dtype().kind();
    if (kind == 'b') return masked_indices(array, n_samples, function);
    need_memory_for(array.size(), function);
    if (kind == 'u') return counted_indices<std::uint64_t>(array, n_samples, function);
    return counted_indices<std::int64_t>(array, n_samples, function);
}

}  // namespace jacnet::python
