#include "partial_sums.hpp"

#include <vector>

#include "check.hpp"

using namespace jacnet;

namespace {

/// What task adds to element i: sums of these depend on their order.
double value(index_t task, index_t i) { return 1.0 / static_cast<double>(3 * task + i % 7 + 1); }

std::vector<double> sum_of(index_t n_tasks, index_t p, int n_threads) {
    std::vector<double> out(static_cast<std::size_t>(p));
    sum_over_tasks(
        n_tasks, p, n_threads,
        [&](index_t i, double sum) { out[static_cast<std::size_t>(i)] = sum; },
        [&](index_t task, double* sum) {
            for (index_t i = 0; i < p; ++i) sum[i] += value(task, i);
        });
    return out;
}

void every_task_is_added_once() {
    for (index_t n_tasks = 0; n_tasks <= 40; ++n_tasks) {
        for (index_t p : {1, 7, 8, 17, 2000}) {
            const std::vector<double> sum = sum_of(n_tasks, p, 1);
            for (index_t i = 0; i < p; ++i) {
                double expected = 0.0;
                for (index_t task = 0; task < n_tasks; ++task) expected += value(task, i);
                CHECK_CLOSE(sum[static_cast<std::size_t>(i)], expected, 1e-15 * 40);
            }
        }
    }
}

void threads_change_no_bit() {
    for (index_t n_tasks : {2, 3, 5, 8, 11, 16, 100}) {
        for (index_t p : {9, 50000}) {  // the last pair alone, and in strips
            const std::vector<double> one = sum_of(n_tasks, p, 1);
            for (int n_threads : {2, 3, 5, 8}) {
                for (int run = 0; run < 5; ++run) CHECK(sum_of(n_tasks, p, n_threads) == one);
            }
        }
    }
}

void parts_may_be_ended_in_any_order() {
    constexpr index_t p = 3;
    std::vector<index_t> order{4, 0, 3, 5, 1, 2};
    std::vector<double> sums[2];
    Workspace work;
    const PartialSums parts(6, p, work, 2);
    for (std::vector<double>& written : sums) {  // the second time, in what is there from the first
        for (const index_t part : order) {
            for (index_t k : {0, 1}) {
                double* sum = parts.start(part, k);
                for (index_t i = 0; i < p; ++i) sum[i] = value(part + 10 * k, i);
                parts.end(part, k);
            }
        }
        for (index_t k : {0, 1}) {
            parts.finish(1, [&](index_t, double sum) { written.push_back(sum); }, k);
        }
        order = {0, 1, 2, 3, 4, 5};
    }
    CHECK_EQUAL(sums[0].size(), 6u);
    CHECK(sums[0] == sums[1]);
}

}  // namespace

int main() {
    every_task_is_added_once();
    threads_change_no_bit();
    parts_may_be_ended_in_any_order();
    return check::result();
}
