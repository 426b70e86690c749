#include "order.hpp"

#include "linearization.hpp"

namespace jacnet::python {

ParameterOrder::ParameterOrder(const char* function, const Network& net, py::handle order)
    : function_(function) {
    if (order.is_none()) return;
    constexpr const char* expected = "'matlab', 'torch', 'keras' or 'sklearn'";
    const std::string name = word(order, function, "order", expected);
    if (name == "matlab") return;
    if (name != "torch" && name != "keras" && name != "sklearn") {
        throw py::value_error(std::string(function) + ": order is '" + name + "', expected " +
                              expected);
    }
    index_ =
        py::cast(net, py::return_value_policy::reference).attr("layout").attr("permutation")(name);
}

py::array ParameterOrder::rearranged(const py::array& array, std::initializer_list<int> axes,
                                     const py::object& index) const {
    py::object taken = array;
    for (const int axis : axes) {
        if (array.shape(axis) != static_cast<py::ssize_t>(py::len(index))) {
            throw py::value_error(std::string(function_) +
                                  ": the network's layout has changed since linearize; order= "
                                  "needs a new linearization");
        }
        taken = taken.attr("take")(index, axis);
    }
    array.attr("__setitem__")(py::ellipsis(), taken);
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

}  // namespace jacnet::python
