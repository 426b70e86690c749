#include "jacnet/layout.hpp"

#include "errors.hpp"

namespace jacnet {

std::string element_name(const ParameterBlock& block, index_t row, index_t col) {
    if (block.kind == BlockKind::bias) return text(block.name, "(", row + 1, ")");
    return text(block.name, "(", row + 1, ",", col + 1, ")");
}

}  // namespace jacnet
