#include "results.hpp"

#include <algorithm>
#include <utility>

#include "buffers.hpp"
#include "memory.hpp"
#include "words.hpp"

namespace jacnet::python {

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

double ResultForm::elements() const {
    double count = 1.0;
    for (const index_t length : shape) count *= static_cast<double>(length);
    return count;
}

void need_much_room(const Argument& out, const std::string& what, double bytes,
                    const char* instead) {
    constexpr double gib = 1024.0 * 1024.0 * 1024.0;
    const double available = available_memory() + static_cast<double>(buffered());
    if (bytes <= available) return;
    throw OutOfMemory(text(out.function, ": ", what, " needs ", bytes / gib, " GiB, but ",
                           available / gib, " GiB are available; ", instead, ", or pass ", out.name,
                           "= a numpy.memmap"));
}

namespace {

/// Uninitialised, and refused where memory cannot hold it.
py::array new_result(const Argument& argument, const ResultForm& form) {
    const bool wide = form.real == Real::float64;
    const std::size_t item = wide ? sizeof(double) : sizeof(float);
    need_room(
        argument, [&] { return "the result of shape " + shape_text(form.shape); },
        static_cast<double>(item) * form.elements(), form.instead);
    std::array<py::ssize_t, 4> strides{};
    auto step = static_cast<py::ssize_t>(item);
    for (std::size_t i = 0; i < form.shape.size(); ++i) {
        const std::size_t axis = form.c_order ? form.shape.size() - 1 - i : i;
        strides[axis] = step;
        step *= std::max(form.shape[axis], index_t{1});
    }
    return new_array(wide ? py::dtype::of<double>() : py::dtype::of<float>(), form.shape,
                     strides.data(), static_cast<std::size_t>(step));
}

}  // namespace

py::array result(py::handle out, const Argument& argument, const ResultForm& form) {
    if (out.is_none()) return new_result(argument, form);
    const auto refuse = [&](const std::string& what) {
        throw py::value_error(text(argument.function, ": ", argument.name, what));
    };
    const char* due = form.real == Real::float64 ? " must be a float64 array, got "
                                                 : " must be a float32 array (dtype=), got ";
    const auto refuse_type = [&](const std::string& came) {
        throw py::type_error(text(argument.function, ": ", argument.name, due, came));
    };
    if (!py::isinstance<py::array>(out)) refuse_type(type_name(out));
    auto array = py::reinterpret_borrow<py::array>(out);
    if (masked(array)) refuse_type("a masked array, whose mask would stay; pass its .data");
    if (!is_real(array, form.real)) refuse_type("dtype " + dtype_name(array.dtype()));
    if (!std::equal(form.shape.begin(), form.shape.end(), array.shape(),
                    array.shape() + array.ndim())) {
        refuse(" has shape " + shape_text(array) + ", expected " + shape_text(form.shape));
    }
    if (!array.writeable()) refuse(" is read-only; pass an array that can be written, or a copy");
    if (!whole_elements(array)) refuse(" is not aligned to whole elements; pass an ordinary array");
    if (!distinct(array)) refuse(" has elements that share memory; pass an ordinary array");
    return array;
}

void refuse_overlap(const py::array& out, const char* function, std::span<const py::array> inputs,
                    const char* name) {
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

}  // namespace jacnet::python
