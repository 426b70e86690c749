#pragma once
/// The arguments of with_loss: the derivatives of a loss of one's own at the outputs.

#include <string>
#include <vector>

#include "ndarray.hpp"

namespace jacnet::python {

/// Checked arrays and what C++ sees of them.
class OwnLoss {
public:
    /// @param d2loss  None where only first derivatives are asked for
    OwnLoss(py::handle dloss, py::handle d2loss, index_t n_outputs, index_t n_samples);

    const OutputLoss& view() const { return view_; }
    const std::vector<py::array>& arrays() const { return arrays_; }

private:
    void take_slope(py::handle dloss);
    void take_curvature(py::handle d2loss);
    std::string due() const;

    index_t s_, q_;
    OutputLoss view_;
    std::vector<py::array> arrays_;
};

}  // namespace jacnet::python
