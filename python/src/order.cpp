#include "order.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "parallel.hpp"
#include "unlocked.hpp"
#include "words.hpp"

namespace jacnet::python {

namespace {

/// An element (i, j), i <= j, of a packed triangle.
struct Place {
    index_t i, j;
    std::size_t packed() const { return static_cast<std::size_t>(i + j * (j + 1) / 2); }
};

/// Moves every element to its new place, cycle by cycle: beside the triangle there is one bit for
/// each of its elements.
void rearrange_triangle(const VectorView<double>& triangle, const index_t* index, index_t p) {
    std::vector<bool> placed(static_cast<std::size_t>(triangle.size));
    const auto value = [&](Place at) -> double& {
        return triangle[static_cast<index_t>(at.packed())];
    };
    const auto source = [&](Place at) -> Place {
        const auto [least, most] = std::minmax(index[at.i], index[at.j]);
        return {least, most};
    };
    for (index_t j = 0; j < p; ++j) {
        detail::poll_interrupt();
        for (index_t i = 0; i <= j; ++i) {
            const Place start{i, j};
            if (placed[start.packed()]) continue;
            const double first = value(start);
            Place at = start;
            for (Place from = source(at); from.packed() != start.packed(); from = source(at)) {
                value(at) = value(from);
                placed[at.packed()] = true;
                at = from;
            }
            value(at) = first;
            placed[at.packed()] = true;
        }
    }
}

/// One axis of an array, in elements.
struct Axis {
    index_t size = 1, stride = 0;
};

/// Rearranges an axis in place: at each place comes the element that index names. Neighbours along
/// another axis move together, as many as share a line.
template <class T>
void rearrange_axis(T* data, const Axis& axis, const Axis& next, const Axis& last,
                    const index_t* index) {
    const index_t together = axis.stride < next.stride ? 1 : index_t{64} / index_t{sizeof(T)};
    std::vector<T> moved(static_cast<std::size_t>(axis.size * together));
    for (index_t c = 0; c < last.size; ++c) {
        for (index_t b = 0; b < next.size; b += together) {
            detail::poll_interrupt();
            const index_t n = std::min(together, next.size - b);
            T* own = data + c * last.stride + b * next.stride;
            auto to = moved.begin();
            for (index_t p = 0; p < axis.size; ++p) {
                const T* from = own + index[p] * axis.stride;
                for (index_t w = 0; w < n; ++w) *to++ = from[w * next.stride];
            }
            auto from = moved.begin();
            for (index_t p = 0; p < axis.size; ++p) {
                for (index_t w = 0; w < n; ++w) own[p * axis.stride + w * next.stride] = *from++;
            }
        }
    }
}

/// The same for an array of at most three axes.
void rearrange_axis(const py::array& array, int axis, const index_t* index) {
    const auto item = static_cast<index_t>(array.itemsize());
    std::vector<Axis> others;
    for (int a = 0; a < array.ndim(); ++a) {
        if (a != axis) others.push_back({array.shape(a), array.strides(a) / item});
    }
    others.resize(2);
    if (others[1].size > 1 && std::abs(others[1].stride) < std::abs(others[0].stride)) {
        std::swap(others[0], others[1]);
    }
    const Axis own{array.shape(axis), array.strides(axis) / item};
    auto* data = const_cast<void*>(array.data());
    unlocked(static_cast<double>(array.size()) * 4.0, [&] {
        if (item == sizeof(float)) {
            rearrange_axis(static_cast<float*>(data), own, others[0], others[1], index);
        } else {
            rearrange_axis(static_cast<double*>(data), own, others[0], others[1], index);
        }
    });
}

}  // namespace

ParameterOrder::ParameterOrder(const char* function, const Network& net, py::handle order)
    : function_(function) {
    if (order.is_none()) return;
    if (one_of(order, function, "order", {"matlab", "torch", "keras", "sklearn"}) == 0) return;
    index_ = py::cast(net, py::return_value_policy::reference)
                 .attr("layout")
                 .attr("_permutation")(order, function);
}

void ParameterOrder::check_length(const py::object& index, index_t n_parameters) const {
    if (static_cast<index_t>(py::len(index)) == n_parameters) return;
    throw py::value_error(std::string(function_) +
                          ": the network's layout has changed since linearize; order= "
                          "needs a new linearization");
}

py::array ParameterOrder::rearranged(const py::array& array, std::initializer_list<int> axes,
                                     const py::object& index) const {
    const auto own = py::array_t<index_t, py::array::forcecast | py::array::c_style>(index);
    for (const int axis : axes) {
        check_length(index, array.shape(axis));
        rearrange_axis(array, axis, own.data());
    }
    return array;
}

py::array ParameterOrder::operator()(const py::array& array,
                                     std::initializer_list<int> axes) const {
    return natural() ? array : rearranged(array, axes, index_);
}

void ParameterOrder::layer(const py::array& square, index_t first, index_t last) const {
    if (natural()) return;
    const py::object inside =
        index_[index_.attr("__ge__")(first).attr("__and__")(index_.attr("__lt__")(last))];
    rearranged(square, {0, 1}, inside.attr("__sub__")(first));
}

void ParameterOrder::packed(const VectorView<double>& triangle, index_t n_parameters) const {
    if (natural()) return;
    check_length(index_, n_parameters);
    const auto index = py::array_t<index_t, py::array::forcecast | py::array::c_style>(index_);
    const index_t* places = index.data();
    unlocked(static_cast<double>(triangle.size) * 10.0,
             [&] { rearrange_triangle(triangle, places, n_parameters); });
}

py::array ParameterOrder::to_layout(const py::array& vectors) const {
    if (natural()) return vectors;
    check_length(index_, vectors.shape(0));
    py::array arranged(vectors.dtype(),
                       std::vector<py::ssize_t>(vectors.shape(), vectors.shape() + vectors.ndim()));
    arranged.attr("__setitem__")(index_, vectors);
    return arranged;
}

}  // namespace jacnet::python
