#pragma once
/// Which element of the parameter vector is which weight.

#include <string>
#include <vector>

#include "jacnet/view.hpp"

namespace jacnet {

enum class BlockKind { bias, input_weight, layer_weight };

/// One bias vector or weight matrix: `rows` x `cols`, column-major.
struct ParameterBlock {
    std::string name;  ///< MATLAB's name, counted from 1: "b{1}", "IW{1,1}", "LW{2,1}"
    BlockKind kind = BlockKind::bias;
    index_t layer = 0;    ///< receiving layer, counted from 0
    index_t source = -1;  ///< input or layer that is read, counted from 0; -1 for a bias
    index_t rows = 0;
    index_t cols = 0;
    bool learn = true;   ///< false: frozen, kept outside of the parameter vector
    index_t offset = 0;  ///< first element in the parameter vector, or among the frozen values

    index_t size() const { return rows * cols; }
};

/// Blocks in the order of the parameter vector: layer by layer, bias, input weights, layer weights.
using Layout = std::vector<ParameterBlock>;

/// Name of one element of a block, counted from 1: "b{1}(2)", "IW{1,1}(3,1)".
std::string element_name(const ParameterBlock& block, index_t row, index_t col);

}  // namespace jacnet
