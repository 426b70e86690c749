#pragma once
/// Nguyen-Widrow initialisation with the caller's generator.

#include "jacnet/network.hpp"
#include "uniform.hpp"

namespace jacnet {

void initialize(Network& net, UniformSource& uniform);

}  // namespace jacnet
