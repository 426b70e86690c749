#pragma once
/// Chosen parameters, layer by layer.

#include <utility>
#include <vector>

#include "plan.hpp"

namespace jacnet {

/// Parameters of one layer, each once, and where they stand in a result.
struct ParameterSet {
    index_t layer = 0;
    /// Neurons and sources: of a product all pairs (i[a], p[b]), number a + |i| b; else the pairs
    /// (i[a], p[a]).
    std::vector<index_t> i, p;
    bool product = true;
    std::vector<std::pair<index_t, index_t>> places;  ///< (number, position), repeats allowed

    index_t count() const { return static_cast<index_t>(product ? i.size() * p.size() : i.size()); }
    /// Whether positions are the numbers, from the first one on.
    bool natural() const;
    /// The same parameters, pair by pair, without places.
    ParameterSet scattered() const;
};

/// Sets that hold these parameters, one for each layer that has some. A product may hold others,
/// as many again.
std::vector<ParameterSet> parameter_sets(const Plan& plan, const std::vector<index_t>& indices);

}  // namespace jacnet
