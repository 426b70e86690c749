#pragma once
/// Arguments and results in another library's order of the parameters.

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
    /// Which parameter of the layout comes at each place; None if all stay.
    py::object index() const { return natural() ? py::none() : index_; }

    /// Rearranges an array in place along axes that run over the parameters.
    py::array operator()(const py::array& array, std::initializer_list<int> axes) const;
    /// The same for the square of one layer, whose parameters are [first, last).
    void layer(const py::array& square, index_t first, index_t last) const;
    /// The same for the upper triangle of a matrix, packed column by column: no matrix is held.
    void packed(const VectorView<double>& triangle, index_t n_parameters) const;
    /// Vectors over the parameters, which came in this order, in the layout's.
    py::array to_layout(const py::array& vectors) const;

private:
    py::array rearranged(const py::array& array, std::initializer_list<int> axes,
                         const py::object& index) const;
    /// Refuses an order that has become one of another number of parameters.
    void check_length(const py::object& index, index_t n_parameters) const;

    const char* function_;
    py::object index_;
};

}  // namespace jacnet::python
