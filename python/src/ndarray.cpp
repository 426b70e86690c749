#include "ndarray.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <sstream>
#include <utility>

#include "buffers.hpp"

namespace jacnet::python {

namespace {

template <class... Parts>
std::string text(const Parts&... parts) {
    std::ostringstream stream;
    (stream << ... << parts);
    return stream.str();
}

std::string sizes_text(const std::vector<index_t>& shape) {
    std::string out = "(";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
    }
    return out + (shape.size() == 1 ? ",)" : ")");
}

std::string dtype_name(const py::dtype& dtype) {
    return py::str(static_cast<const py::object&>(dtype));
}

/// Strides in elements; whole ones, as `doubles` and `result` make sure.
index_t stride(const py::array& array, py::ssize_t axis) {
    return array.strides(axis) / array.itemsize();
}

/// float64 in the machine's byte order; asks no Python code.
bool is_float64(const py::array& array) {
    const py::dtype dtype = array.dtype();
    return dtype.num() == py::detail::npy_api::NPY_DOUBLE_ && dtype.byteorder() == '=';
}

bool is_real(const py::array& array, Real real) {
    if (real == Real::float64) return is_float64(array);
    const py::dtype dtype = array.dtype();
    return dtype.num() == py::detail::npy_api::NPY_FLOAT_ && dtype.byteorder() == '=';
}

/// Whether elements, of 4 or 8 bytes, lie at whole multiples of their size.
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

bool viewable(const py::array& array) { return is_float64(array) && whole_elements(array); }

[[noreturn]] void refuse_type(const Argument& argument, const std::string& came) {
    throw py::type_error(text(argument.function, ": ", argument.name,
                              " must hold real numbers, got ", came, "; pass a float64 array"));
}

[[noreturn]] void refuse_memory(const std::string& message) {
    PyErr_SetString(PyExc_MemoryError, message.c_str());
    throw py::error_already_set();
}

bool is_sequence(py::handle object) {
    return py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object);
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

std::string type_name(py::handle object) {
    return object.is_none() ? "None" : std::string(py::str(py::type::of(object).attr("__name__")));
}

std::string shape_text(const py::array& array) {
    return sizes_text(std::vector<index_t>(array.shape(), array.shape() + array.ndim()));
}

py::array doubles(py::handle object, const Argument& argument) {
    if (py::isinstance<py::array>(object)) {
        auto given = py::reinterpret_borrow<py::array>(object);
        const bool masked = Py_TYPE(given.ptr()) != py::detail::npy_api::get().PyArray_Type_ &&
                            py::hasattr(given, "_mask");
        if (masked) {
            throw py::type_error(text(argument.function, ": ", argument.name,
                                      " is a masked array, whose mask would be lost; pass ",
                                      argument.name, ".filled(np.nan)"));
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
    return py::module_::import("numpy").attr("array")(array, py::dtype::of<double>());
}

Signals::Signals(py::handle object, const Argument& argument, const std::vector<index_t>& rows) {
    if (holds_arrays(object)) {
        std::size_t i = 0;
        for (const py::handle item : py::reinterpret_borrow<py::sequence>(object)) {
            const Argument one{argument.function, text(argument.name, "[", i, "]")};
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
    arrays_.push_back(doubles(object, argument));
    const auto whole = signal_view(arrays_.back(), argument, std::max(total, index_t{0}));
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

Weights::Weights(py::handle object, const char* function) {
    if (object.is_none()) return;
    const Argument argument{function, "ew"};
    const py::array array = doubles(object, argument);
    arrays_.push_back(array);
    const auto* data = static_cast<const double*>(array.data());
    if (array.ndim() == 0) {
        view_ = {data, 1, 1};
    } else if (array.ndim() <= 2) {
        view_ = signal_view(array, argument, 1);
    } else {
        throw py::value_error(text(function, ": ew has shape ", shape_text(array),
                                   ", expected one weight, (1, Q), (S, 1) or (S, Q)"));
    }
}

std::optional<std::vector<index_t>> sample_indices(py::handle object, index_t n_samples,
                                                   const char* function) {
    if (object.is_none()) return std::nullopt;
    const auto refuse = [&](const std::string& came) {
        throw py::type_error(
            text(function, ": samples must be whole numbers or a boolean mask, got ", came));
    };
    if (!py::isinstance<py::array>(object) && !is_sequence(object) &&
        !PyRange_Check(object.ptr()) && !py::hasattr(object, "__array__")) {
        refuse(type_name(object));
    }
    py::array array;
    try {
        array = py::module_::import("numpy").attr("asarray")(object);
    } catch (const py::error_already_set& error) {
        if (!error.matches(PyExc_TypeError) && !error.matches(PyExc_ValueError)) throw;
        refuse("a " + type_name(object) + " that is not an array");
    }
    if (array.ndim() != 1) {
        throw py::value_error(
            text(function, ": samples has shape ", shape_text(array), ", expected one dimension"));
    }
    std::vector<index_t> indices;
    const char kind = array.dtype().kind();
    if (kind == 'b') {
        if (array.shape(0) != n_samples) {
            throw py::index_error(text(function, ": samples is a mask of ", array.shape(0),
                                       " elements, but x has ", n_samples, " samples"));
        }
        const auto mask = py::array_t<bool>(array).unchecked<1>();
        for (index_t q = 0; q < n_samples; ++q) {
            if (mask(q)) indices.push_back(q);
        }
        return indices;
    }
    if (array.size() > 0 && kind != 'i' && kind != 'u')
        refuse("dtype " + dtype_name(array.dtype()));
    const double bytes = 8.0 * static_cast<double>(array.size());
    if (bytes > available_memory()) {
        refuse_memory(
            text(function, ": samples has ", array.size(), " indices, more than memory holds"));
    }
    const auto collect = [&](const auto& values) {
        for (index_t i = 0; i < values.shape(0); ++i) {
            if (i % 1048576 == 1048575 && PyErr_CheckSignals() != 0) throw py::error_already_set();
            const auto index = values(i);  // compared as it came: unsigned ones need not fit
            const bool fits =
                std::cmp_less(index, n_samples) && std::cmp_greater_equal(index, -n_samples);
            if (!fits) {
                throw py::index_error(text(function, ": samples holds the index ", index,
                                           ", but x has ", n_samples, " samples"));
            }
            const auto position = static_cast<index_t>(index);
            indices.push_back(position < 0 ? position + n_samples : position);
        }
    };
    if (kind == 'u') {
        collect(py::array_t<std::uint64_t, py::array::forcecast>(array).unchecked<1>());
    } else {
        collect(py::array_t<std::int64_t, py::array::forcecast>(array).unchecked<1>());
    }
    return indices;
}

namespace {

/// Through __index__; nothing for what is no whole number, the largest for what does not fit.
std::optional<long long> whole_number(py::handle object) {
    const auto index = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
    if (!index) {
        PyErr_Clear();
        return std::nullopt;
    }
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
    constexpr long long most = std::numeric_limits<long long>::max();
    return overflow > 0 ? most : overflow < 0 ? -most : value;
}

}  // namespace

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
    if (!n || PyBool_Check(object.ptr())) {
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
    } catch (py::error_already_set&) {
        throw py::type_error(text(function, due, type_name(dtype)));
    }
    if (found.equal(py::dtype::of<double>())) return Real::float64;
    if (found.equal(py::dtype::of<float>())) return Real::float32;
    throw py::type_error(text(function, due, std::string(py::str(found))));
}

namespace {

/// Whether no two elements share memory, judged by strides from the smallest to the largest.
bool distinct(const py::array& array) {
    if (array.flags() & (py::array::c_style | py::array::f_style)) return true;
    std::vector<std::pair<py::ssize_t, py::ssize_t>> axes;  // stride, length
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
        if (array.shape(axis) > 1)
            axes.emplace_back(std::abs(array.strides(axis)), array.shape(axis));
    }
    std::sort(axes.begin(), axes.end());
    py::ssize_t extent = array.itemsize();
    for (const auto& [step, length] : axes) {
        if (step < extent) return false;
        extent += step * (length - 1);
    }
    return true;
}

struct Extent {
    std::uintptr_t begin, end;
};

Extent extent(const py::array& array) {
    auto begin = reinterpret_cast<std::uintptr_t>(array.data()), end = begin;
    if (array.size() == 0) return {begin, begin};
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
        const py::ssize_t reach = array.strides(axis) * (array.shape(axis) - 1);
        (reach < 0 ? begin : end) += static_cast<std::uintptr_t>(reach);
    }
    return {begin, end + static_cast<std::uintptr_t>(array.itemsize())};
}

bool overlap(const Extent& a, const Extent& b) {
    return a.begin < b.end && b.begin < a.end && a.begin != a.end && b.begin != b.end;
}

}  // namespace

namespace {

/// A result that the machine cannot hold is refused before anything is computed.
void refuse_size(const Argument& argument, const std::vector<index_t>& shape, std::size_t item) {
    double bytes = static_cast<double>(item);
    for (const index_t length : shape) bytes *= static_cast<double>(length);
    constexpr double gib = 1024.0 * 1024.0 * 1024.0;
    if (bytes <= gib) return;
    const double available = available_memory() + static_cast<double>(buffered());
    if (bytes <= available) return;
    const bool square = shape.size() == 2 && shape[0] == shape[1];
    const char* instead = square ? "ask for hessian_diagonal, hessian(structure='block'), "
                                   "hessian_block or products with vectors, fewer parameters "
                                   "(net.set_learn) or fewer samples"
                                 : "ask for fewer samples at a time or fewer parameters "
                                   "(net.set_learn)";
    refuse_memory(text(argument.function, ": the result of shape ", sizes_text(shape), " needs ",
                       bytes / gib, " GiB, but ", available / gib, " GiB are available; ", instead,
                       ", or pass ", argument.name, "= a numpy.memmap"));
}

}  // namespace

py::array result(py::handle out, const Argument& argument, const std::vector<index_t>& shape,
                 bool c_order, Real real) {
    const bool wide = real == Real::float64;
    if (out.is_none()) {
        const std::size_t item = wide ? sizeof(double) : sizeof(float);
        refuse_size(argument, shape, item);
        std::vector<py::ssize_t> strides(shape.size());
        auto step = static_cast<py::ssize_t>(item);
        for (std::size_t i = 0; i < shape.size(); ++i) {
            const std::size_t axis = c_order ? shape.size() - 1 - i : i;
            strides[axis] = step;
            step *= std::max(shape[axis], index_t{1});
        }
        return new_array(wide ? py::dtype::of<double>() : py::dtype::of<float>(),
                         std::vector<py::ssize_t>(shape.begin(), shape.end()), strides,
                         static_cast<std::size_t>(step));
    }
    const char* function = argument.function;
    const char* due =
        wide ? " must be a float64 array, got " : " must be a float32 array (dtype=), got ";
    if (!py::isinstance<py::array>(out)) {
        throw py::type_error(text(function, ": ", argument.name, due, type_name(out)));
    }
    auto array = py::reinterpret_borrow<py::array>(out);
    if (!is_real(array, real)) {
        throw py::type_error(
            text(function, ": ", argument.name, due, "dtype ", dtype_name(array.dtype())));
    }
    if (!std::equal(shape.begin(), shape.end(), array.shape(), array.shape() + array.ndim())) {
        throw py::value_error(text(function, ": ", argument.name, " has shape ", shape_text(array),
                                   ", expected ", sizes_text(shape)));
    }
    if (!array.writeable()) {
        throw py::value_error(text(function, ": ", argument.name, " is read-only"));
    }
    if (!whole_elements(array)) {
        throw py::value_error(text(function, ": ", argument.name,
                                   " is not aligned to whole elements; pass an ordinary array"));
    }
    if (!distinct(array)) {
        throw py::value_error(text(function, ": ", argument.name,
                                   " has elements that share memory; pass an ordinary array"));
    }
    return array;
}

void refuse_overlap(const py::array& out, const char* function,
                    const std::vector<py::array>& inputs, const char* name) {
    const Extent own = extent(out);
    for (const py::array& input : inputs) {
        if (overlap(own, extent(input))) {
            throw py::value_error(
                text(function, ": out overlaps ", name, "; the result needs memory of its own"));
        }
    }
}

void refuse_overlap(const py::array& out, const char* function, const Network& net) {
    const Extent own = extent(out);
    const auto holds = [&](const std::vector<double>& values) {
        const auto begin = reinterpret_cast<std::uintptr_t>(values.data());
        return overlap(own, {begin, begin + values.size() * sizeof(double)});
    };
    if (holds(*net.parameter_storage()) || holds(*net.frozen_storage())) {
        throw py::value_error(text(function,
                                   ": out overlaps the network's wb; the result needs "
                                   "memory of its own"));
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

const Network& network(py::handle object, const char* function) {
    if (!py::isinstance<Network>(object)) {
        throw py::type_error(
            text(function, ": net must be a jacnet.Network, got ", type_name(object)));
    }
    return py::cast<const Network&>(object);
}

}  // namespace jacnet::python
