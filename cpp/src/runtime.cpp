#include "jacnet/runtime.hpp"

#include "cpu.hpp"
#include "jacnet/version.hpp"
#include "parallel.hpp"

namespace jacnet {

namespace {

#if defined(__clang__)
constexpr const char* compiler = "Clang " __clang_version__;
#elif defined(__GNUC__)
constexpr const char* compiler = "GCC " __VERSION__;
#else
constexpr const char* compiler = "unknown";
#endif

}  // namespace

int max_threads() { return resolve_threads(std::nullopt); }

std::string_view instruction_set() { return chosen_instruction_set().name; }

std::vector<std::string> available_instruction_sets() {
    std::vector<std::string> names;
    for (const InstructionSet& set : compiled_instruction_sets()) {
        if (set.supported()) names.emplace_back(set.name);
    }
    return names;
}

BuildInfo build_info() {
    BuildInfo info{.version = JACNET_VERSION,
                   .compiler = compiler,
                   .eigen = JACNET_EIGEN_VERSION,
                   .openmp = has_openmp(),
                   .compiled_sets = {},
                   .available_sets = available_instruction_sets(),
                   .instruction_set = std::string(instruction_set())};
    for (const InstructionSet& set : compiled_instruction_sets()) {
        info.compiled_sets.emplace_back(set.name);
    }
    return info;
}

}  // namespace jacnet
