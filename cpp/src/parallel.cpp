#include "parallel.hpp"

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>

#ifdef _OPENMP
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace jacnet {

namespace {

long process_id() {
#if defined(__unix__) || defined(__APPLE__)
    return getpid();
#else
    return 1;  // no fork, so no child to tell apart
#endif
}

/// The process that first opened a parallel region; 0 before that.
std::atomic<long> owner{0};

bool forked() {
    const long pid = owner.load(std::memory_order_relaxed);
    return pid != 0 && pid != process_id();
}

bool in_parallel_region() {
#ifdef _OPENMP
    return omp_in_parallel() != 0;
#else
    return false;
#endif
}

int openmp_limit() {
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

/// Processors that the container's quota pays for (cgroup version 2, then 1), rounded up.
int read_quota() {
    constexpr int unlimited = 1 << 20;
    double quota = 0.0;
    double period = 0.0;
    if (!(std::ifstream("/sys/fs/cgroup/cpu.max") >> quota >> period)) {  // "max" is no number
        std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota;
        std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
    }
    if (!(quota > 0.0 && period > 0.0) || quota > unlimited * period) return unlimited;
    return std::max(1, static_cast<int>((quota + period - 1.0) / period));
}

int processor_quota() {
    static const int quota = read_quota();
    return quota;
}

}  // namespace

bool has_openmp() {
#ifdef _OPENMP
    return true;
#else
    return false;
#endif
}

int resolve_threads(std::optional<int> requested) {
    if (requested && *requested < 1) {
        throw std::invalid_argument("n_threads must be at least 1, got " +
                                    std::to_string(*requested));
    }
    if (!has_openmp() || requested == 1 || in_parallel_region() || forked()) return 1;
    return requested ? *requested : std::min(openmp_limit(), processor_quota());
}

int threads_for(double flops, std::optional<int> requested) {
    constexpr double worth_a_thread = 2e5;
    if (flops < 2.0 * worth_a_thread && requested.value_or(1) >= 1) return 1;
    return static_cast<int>(
        std::min(flops / worth_a_thread, static_cast<double>(resolve_threads(requested))));
}

namespace detail {

bool enter_parallel_region() {
    if (!has_openmp() || in_parallel_region() || forked()) return false;
    owner.store(process_id(), std::memory_order_relaxed);
    return true;
}

int worker_index() {
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

}  // namespace detail

}  // namespace jacnet
