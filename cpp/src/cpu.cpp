#include "cpu.hpp"

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace jacnet {

// One table per set; each is defined in the objects compiled for that set.
namespace kernels::baseline {
const Kernels& table();
const FloatKernels& float_table();
}  // namespace kernels::baseline
namespace kernels::avx2 {
const Kernels& table();
const FloatKernels& float_table();
}  // namespace kernels::avx2
namespace kernels::avx512 {
const Kernels& table();
const FloatKernels& float_table();
}  // namespace kernels::avx512

namespace {

// __builtin_cpu_supports also asks whether the operating system saves the wide registers.

bool always() { return true; }

#ifdef JACNET_HAVE_AVX2
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

#ifdef JACNET_HAVE_AVX512
bool has_avx512() {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

constexpr InstructionSet sets[] = {
    {"baseline", kernels::baseline::table, kernels::baseline::float_table, always},
#ifdef JACNET_HAVE_AVX2
    {"avx2", kernels::avx2::table, kernels::avx2::float_table, has_avx2},
#endif
#ifdef JACNET_HAVE_AVX512
    {"avx512", kernels::avx512::table, kernels::avx512::float_table, has_avx512},
#endif
};

/// The names of all sets, or of the supported ones, as a list for messages.
std::string names(bool only_supported) {
    std::string text;
    for (const InstructionSet& set : sets) {
        if (only_supported && !set.supported()) continue;
        if (!text.empty()) text += ", ";
        text += set.name;
    }
    return text;
}

const InstructionSet& requested(std::string_view name) {
    const std::string what = "JACNET_ISA=" + std::string(name);
    for (const InstructionSet& set : sets) {
        if (set.name != name) continue;
        if (set.supported()) return set;
        throw std::runtime_error(what + ": this machine does not support that instruction set; " +
                                 "choose from: " + names(true) + ", or unset JACNET_ISA");
    }
    throw std::invalid_argument(what + ": this build of jacnet has no such instruction set; " +
                                "choose from: " + names(false) + ", or unset JACNET_ISA");
}

const InstructionSet& choose() {
    const char* name = std::getenv("JACNET_ISA");
    if (name != nullptr && *name != '\0') return requested(name);
    const InstructionSet* widest = &sets[0];
    for (const InstructionSet& set : sets) {
        if (set.supported()) widest = &set;
    }
    return *widest;
}

}  // namespace

std::span<const InstructionSet> compiled_instruction_sets() { return sets; }

const InstructionSet& chosen_instruction_set() {
    static const InstructionSet& chosen = choose();
    return chosen;
}

const Kernels& kernel_table() {
    static const Kernels& table = chosen_instruction_set().table();
    return table;
}

const FloatKernels& float_kernel_table() {
    static const FloatKernels& table = chosen_instruction_set().float_table();
    return table;
}

}  // namespace jacnet
