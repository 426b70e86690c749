#pragma once
/// Sums over tasks in parts, which different threads add to, put together in a fixed order.

#include <algorithm>

#include "kernels/kernels.hpp"
#include "parallel.hpp"
#include "workspace.hpp"

namespace jacnet {

/// Several sums of p numbers each. The number of threads has no say in their parts, nor in the
/// order in which these are added, so that it changes no bit.
class PartialSums {
public:
    /// Parts for so many tasks: a power of two, as the number of blocks is, or all tasks, and not
    /// so many that they crowd the caches.
    static index_t parts_for(index_t n_tasks, index_t p) {
        constexpr index_t cached_doubles = index_t{1} << 21;
        index_t most = 16;
        while (most > 4 && most * p > cached_doubles) most /= 2;
        return std::clamp(n_tasks, index_t{1}, most);
    }

    PartialSums(index_t n_parts, index_t p, Workspace& work, index_t n_sums = 1)
        : n_parts_(n_parts),
          p_(p),
          stride_(round_up(p, 2 * line)),  // lines are fetched in pairs
          parts_(work.doubles(n_sums * n_parts * stride_)) {}

    /// A part of sum k, set to zero.
    double* start(index_t part, index_t k = 0) const {
        double* sum = this->part(part, k);
        std::fill_n(sum, stride_, 0.0);
        return sum;
    }
    double* part(index_t part, index_t k = 0) const {
        return parts_ + (k * n_parts_ + part) * stride_;
    }

    /// write(i, element i of sum k), one part after the other. Once only: the parts are spent.
    template <class Write>
    void add(int n_threads, Write&& write, index_t k = 0) const {
        constexpr index_t strip = 1024;
        const bool much = n_parts_ * p_ > 64 * strip;
        parallel_for((p_ + strip - 1) / strip, much ? n_threads : 1, [&](index_t task) {
            const index_t first = task * strip, last = std::min(first + strip, p_);
            double* sum = part(0, k);
            kernel_table().add_parts(n_parts_, last - first, sum + first, stride_);
            for (index_t i = first; i < last; ++i) write(i, sum[i]);
        });
    }

private:
    static constexpr index_t line = 8;  ///< doubles of a cache line

    index_t n_parts_, p_, stride_;
    double* parts_;
};

/// out = the sum of what add(task, part) adds to zeros, n numbers.
template <class Add>
void sum_over_tasks(index_t n_tasks, index_t n, int n_threads, double* out, Add&& add) {
    const index_t n_parts = PartialSums::parts_for(n_tasks, n);
    Workspace work;
    const PartialSums sums(n_parts, n, work);
    parallel_for(n_parts, n_threads, [&](index_t part) {
        double* sum = sums.start(part);
        const index_t last = n_tasks * (part + 1) / n_parts;
        for (index_t task = n_tasks * part / n_parts; task < last; ++task) add(task, sum);
    });
    sums.add(n_threads, [&](index_t i, double sum) { out[i] = sum; });
}

}  // namespace jacnet
