#pragma once
/// Results in another library's order of the parameters.

#include <initializer_list>

#include "ndarray.hpp"

namespace jacnet::python {

/// What the keyword `order` says, checked before anything is computed.
class ParameterOrder {
public:
    /// @param order  None or a name that Layout.permutation knows
    ParameterOrder(const char* function, const Network& net, py::handle order);

    /// Whether results stay as they are: in the layout's order.
    bool natural() const { return !index_; }
    /// Rearranges an array in place along axes that run over the parameters.
    py::array operator()(const py::array& array, std::initializer_list<int> axes) const;
    /// The same for the square of one layer, whose parameters are [first, last).
    void layer(const py::array& square, index_t first, index_t last) const;

private:
    py::array rearranged(const py::array& array, std::initializer_list<int> axes,
                         const py::object& index) const;

    const char* function_;
    py::object index_;
};

}  // namespace jacnet::python
