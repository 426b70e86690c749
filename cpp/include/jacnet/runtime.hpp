/// @file
/// What this build of jacnet is and what it runs on: threads, instruction sets, versions.
#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace jacnet {

/// Number of threads that a call without an explicit `n_threads` may use, asked for at this moment.
///
/// At most the OpenMP runtime's present limit (`OMP_NUM_THREADS`, `omp_set_num_threads`) and the
/// processor quota of the container; 1 inside a parallel region, in a process forked after jacnet
/// has used threads, and in a build without OpenMP.
int max_threads();

/// Instruction set of the kernels in use: "baseline", "avx2" or "avx512".
///
/// Chosen once per process, the widest that processor and operating system support; the environment
/// variable `JACNET_ISA` overrides the choice.
/// @throws std::invalid_argument  JACNET_ISA names an instruction set that this build does not have
/// @throws std::runtime_error     JACNET_ISA names one that this machine does not support
std::string_view instruction_set();

/// Instruction sets that this build has and this machine supports, narrowest first.
std::vector<std::string> available_instruction_sets();

/// Bytes of memory that this machine, or the container, has; infinite where that is unknown.
double memory_limit();
/// Bytes of it that can be had at this moment. Results and networks that need more are refused.
double available_memory();

/// What an interrupt check throws to end a computation quietly: `train` then returns the best
/// network so far, everything else lets it through.
struct Interrupted : std::runtime_error {
    Interrupted() : std::runtime_error("interrupted") {}
};

/// While it lives, long computations asked for by this thread call `check` some ten times a second,
/// on this thread. An exception that `check` throws ends the computation and reaches the caller;
/// what was to be written is then incomplete. Nested checks: the innermost one is called.
class InterruptCheck {
public:
    explicit InterruptCheck(std::function<void()> check);
    ~InterruptCheck();
    InterruptCheck(const InterruptCheck&) = delete;
    InterruptCheck& operator=(const InterruptCheck&) = delete;

    /// Calls the check if it is due.
    void poll();

private:
    std::function<void()> check_;
    std::chrono::steady_clock::time_point asked_;
    InterruptCheck* outer_;
};

/// Facts about the library at hand, for bug reports and benchmark records.
struct BuildInfo {
    std::string version;                      ///< of jacnet, "major.minor.patch"
    std::string compiler;                     ///< name and version
    std::string eigen;                        ///< version of the Eigen compiled in
    bool openmp;                              ///< whether several threads can be used
    std::vector<std::string> compiled_sets;   ///< instruction sets in this build
    std::vector<std::string> available_sets;  ///< those that this machine supports
    std::string instruction_set;              ///< the one in use
};

/// @throws as instruction_set()
BuildInfo build_info();

}  // namespace jacnet
