#pragma once
/// Chosen parameters, layer by layer, as products of neurons and sources.

#include <utility>
#include <vector>

#include "plan.hpp"

namespace jacnet {

/// Neurons i and sources p of one layer, and where their parameters stand in the result.
struct ParameterRectangle {
    index_t layer = 0;
    std::vector<index_t> i, p;
    std::vector<std::pair<index_t, index_t>> places;  ///< (a + |i| b, position)

    /// As they come, one after the other.
    bool natural() const;
};

/// Rectangles that hold all of these parameters, in any order, repeats allowed. They may hold
/// others, as many again.
std::vector<ParameterRectangle> parameter_rectangles(const Plan& plan,
                                                     const std::vector<index_t>& indices);

}  // namespace jacnet
