/// @file
/// The instruction sets for which this build has kernels.
#pragma once

#include <span>

#include "kernels/kernels.hpp"

namespace jacnet {

/// One compiled set of kernels.
struct InstructionSet {
    const char* name;
    const Kernels& (*table)();
    const FloatKernels& (*float_table)();
    bool (*supported)();  ///< by the processor and the operating system, every bit compiled with
};

/// Narrowest first; the first one runs everywhere.
std::span<const InstructionSet> compiled_instruction_sets();

/// The set in use, chosen at the first call; see instruction_set() in runtime.hpp for its errors.
const InstructionSet& chosen_instruction_set();

}  // namespace jacnet
