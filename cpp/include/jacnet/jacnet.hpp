#pragma once
/// All of jacnet, in reading order.

// clang-format off
#include "jacnet/version.hpp"
#include "jacnet/view.hpp"
#include "jacnet/transfer.hpp"
#include "jacnet/processing.hpp"
#include "jacnet/performance.hpp"
#include "jacnet/layout.hpp"
#include "jacnet/network.hpp"
#include "jacnet/linearization.hpp"
#include "jacnet/derivatives.hpp"
#include "jacnet/input_derivatives.hpp"
#include "jacnet/training.hpp"
#include "jacnet/io.hpp"
#include "jacnet/runtime.hpp"
// clang-format on
