#include "parallel.hpp"

#include <atomic>
#include <stdexcept>
#include <vector>

#include "check.hpp"

#ifdef __unix__
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace jacnet;

namespace {

void every_task_runs_once() {
    for (int n_threads : {1, 2, 3, 8}) {
        std::vector<int> runs(100, 0);
        parallel_for(100, n_threads, [&](index_t task) { ++runs[static_cast<size_t>(task)]; });
        CHECK_EQUAL(std::vector<int>(100, 1) == runs, true);
    }
    parallel_for(0, 4, [](index_t) { CHECK(false); });
}

void shares_are_neighbours_and_helped_with() {
    detail::Shares shares(7, 3);  // 0 1, 2 3, 4 5 6
    CHECK_EQUAL(shares.take(1).value_or(-1), 2);
    CHECK_EQUAL(shares.take(0).value_or(-1), 0);
    for (const index_t task : {3, 4, 5, 6, 1}) CHECK_EQUAL(shares.take(1).value_or(-1), task);
    for (int worker : {0, 1, 2}) CHECK(!shares.take(worker));
}

void workers_are_numbered_from_zero() {
    std::atomic<bool> in_range{true};
    parallel_for(64, 3, [&](index_t, int worker) {
        if (worker < 0 || worker >= 3) in_range = false;
    });
    CHECK(in_range);
}

void exceptions_come_out() {
    for (int n_threads : {1, 2}) {
        const auto fail = [](index_t task) {
            if (task == 5) throw std::runtime_error("task 5 failed");
        };
        CHECK_THROWS(parallel_for(10, n_threads, fail), std::runtime_error, "task 5 failed");
    }
}

void nested_regions_use_one_thread() {
    std::vector<int> inner(2, 0);
    std::vector<int> asked(2, 0);
    parallel_for(2, 2, [&](index_t task) {
        const auto t = static_cast<size_t>(task);
        asked[t] = resolve_threads(4);
        parallel_for(5, 2, [&](index_t) { ++inner[t]; });
    });
    for (size_t t : {0u, 1u}) {
        CHECK_EQUAL(asked[t], 1);
        CHECK_EQUAL(inner[t], 5);
    }
}

void thread_counts_are_resolved() {
    CHECK_EQUAL(resolve_threads(1), 1);
    CHECK_EQUAL(resolve_threads(3), has_openmp() ? 3 : 1);
    CHECK(resolve_threads(std::nullopt) >= 1);
    CHECK_THROWS(resolve_threads(0), std::invalid_argument, "n_threads must be at least 1, got 0");
}

#ifdef __unix__
/// The OpenMP runtime hangs in a child of a process that has used it; here the child uses one
/// thread.
void a_forked_child_uses_one_thread() {
    parallel_for(2, 2, [](index_t) {});
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        int runs = 0;
        parallel_for(10, 2, [&](index_t) { ++runs; });
        _exit(runs == 10 && resolve_threads(2) == 1 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK_EQUAL(status, 0);
}
#endif

}  // namespace

int main() {
    every_task_runs_once();
    shares_are_neighbours_and_helped_with();
    workers_are_numbered_from_zero();
    exceptions_come_out();
    nested_regions_use_one_thread();
    thread_counts_are_resolved();
#ifdef __unix__
    a_forked_child_uses_one_thread();
#endif
    return check::result();
}
