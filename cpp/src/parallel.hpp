/// @file
/// The one door to threads: the only `#pragma omp` of the project.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>

#include "jacnet/view.hpp"

namespace jacnet {

/// Whether this build can use several threads.
bool has_openmp();

/// The number of threads that a call may use.
///
/// 1 inside a parallel region and in a process forked after a region was opened (the OpenMP runtime
/// would hang); else `requested`; else, when nothing is requested, the runtime's limit at this
/// moment (never cached: threadpoolctl changes it) and at most the container's processor quota.
/// @throws std::invalid_argument  requested < 1
int resolve_threads(std::optional<int> requested);

/// Threads worth using for this many flops: a region costs microseconds.
/// @param requested  as in resolve_threads, which is asked only where it matters
int threads_for(double flops, std::optional<int> requested);

namespace detail {

/// Whether a region may be opened here and now; remembers that this process has opened one.
bool enter_parallel_region();

/// This thread's number in the present region, from 0.
int worker_index();

/// Calls this thread's interrupt check, if it has one and a tenth of a second has gone by.
void poll_interrupt();

/// Carries the first exception of a region out of it.
class FirstException {
public:
    template <class F>
    void guard(F&& f) noexcept {
        try {
            f();
        } catch (...) {
            if (!caught_.exchange(true)) exception_ = std::current_exception();
        }
    }
    bool caught() const noexcept { return caught_.load(std::memory_order_relaxed); }
    void rethrow() const {
        if (exception_) std::rethrow_exception(exception_);
    }

private:
    std::atomic<bool> caught_{false};
    std::exception_ptr exception_;
};

/// Tasks of a region, a share of neighbours for every worker.
class Shares {
public:
    Shares(index_t n_tasks, int n_workers)
        : n_workers_(n_workers), shares_(new Share[static_cast<std::size_t>(n_workers)]) {
        for (int w = 0; w < n_workers; ++w) {
            shares_[at(w)].next = n_tasks * w / n_workers;
            shares_[at(w)].last = n_tasks * (w + 1) / n_workers;
        }
    }

    /// The next task of the worker's own share, then of the others'; none when all are taken.
    std::optional<index_t> take(int worker) {
        for (int k = 0; k < n_workers_; ++k) {
            Share& share = shares_[at((worker + k) % n_workers_)];
            if (share.next.load(std::memory_order_relaxed) >= share.last) continue;
            const index_t task = share.next++;
            if (task < share.last) return task;
        }
        return std::nullopt;
    }

private:
    struct alignas(64) Share {
        std::atomic<index_t> next;
        index_t last;
    };
    static std::size_t at(int worker) { return static_cast<std::size_t>(worker); }

    int n_workers_;
    std::unique_ptr<Share[]> shares_;
};

}  // namespace detail

/// Calls body(task), or body(task, worker) with 0 <= worker < n_threads, for 0 <= task < n_tasks.
///
/// Every worker has a share of neighbouring tasks, the same one in every call, so that what its
/// caches hold of them is found there again; who has finished helps the others. The partition into
/// tasks must not depend on n_threads, so that the result does not either. After an exception no
/// further task starts, and the first one is rethrown here. One task or one thread is a plain loop.
/// The caller's interrupt check is asked between tasks.
template <class F>
void parallel_for(index_t n_tasks, int n_threads, F&& body) {
    const auto call = [&body](index_t task, [[maybe_unused]] int worker) {
        if constexpr (std::is_invocable_v<F&, index_t, int>) {
            body(task, worker);
        } else {
            body(task);
        }
    };
    if (n_tasks < n_threads) n_threads = static_cast<int>(n_tasks);
    if (n_threads <= 1 || !detail::enter_parallel_region()) {
        for (index_t task = 0; task < n_tasks; ++task) {
            detail::poll_interrupt();
            call(task, 0);
        }
        return;
    }
    detail::Shares shares(n_tasks, n_threads);
    detail::FirstException failure;
#ifdef _OPENMP
#pragma omp parallel num_threads(n_threads)
#endif
    failure.guard([&] {
        const int worker = detail::worker_index();
        for (auto task = shares.take(worker); task && !failure.caught();
             task = shares.take(worker)) {
            if (worker == 0) detail::poll_interrupt();  // the calling thread
            call(*task, worker);
        }
    });
    failure.rethrow();
}

}  // namespace jacnet
