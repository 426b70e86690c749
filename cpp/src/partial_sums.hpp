#pragma once
/// Sums over tasks in parts, which different threads make and add in pairs.

#include <algorithm>
#include <atomic>
#include <bit>

#include "kernels/kernels.hpp"
#include "parallel.hpp"
#include "workspace.hpp"

namespace jacnet {

/// Several sums of p numbers each. The parts, and the pairs in which they are added, are a matter
/// of the problem alone: the number of threads changes no bit.
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

    /// Of a part: whole cache lines, which no other part has a share in.
    static index_t doubles_for(index_t p) { return round_up(p, line); }

    PartialSums(index_t n_parts, index_t p, Workspace& work, index_t n_sums = 1)
        : n_parts_(n_parts),
          p_(p),
          stride_(doubles_for(p)),
          parts_(work.doubles(n_sums * n_parts * stride_)),
          ended_(work.array<std::atomic<bool>>(n_sums * n_parts)) {
        for (index_t i = 0; i < n_sums * n_parts; ++i) new (ended_ + i) std::atomic<bool>(false);
    }

    /// A part of sum k, set to zero.
    double* start(index_t part, index_t k = 0) const {
        double* sum = this->part(part, k);
        std::fill_n(sum, stride_, 0.0);
        return sum;
    }
    double* part(index_t part, index_t k = 0) const {
        return parts_ + (k * n_parts_ + part) * stride_;
    }
    /// Nothing more will come to a part, until it is started again after `finish`. Of a pair, the
    /// thread that ends it second adds it: with neighbouring parts in one hand, few of them move
    /// between caches.
    void end(index_t part, index_t k = 0) const {
        for (index_t width = 1; 2 * width < n_parts_; width *= 2) {
            const index_t left = part / (2 * width) * (2 * width), right = left + width;
            part = left;
            if (right >= n_parts_) continue;
            if (!ended_[k * n_parts_ + right].exchange(true, std::memory_order_acq_rel)) return;
            kernel_table().take_over(p_, this->part(right, k), this->part(left, k));
            ended_[k * n_parts_ + right].store(false, std::memory_order_relaxed);
        }
    }

    /// write(i, element i of sum k), once all parts are ended; adds the last pair.
    template <class Write>
    void finish(int n_threads, Write&& write, index_t k = 0) const {
        constexpr index_t strip = 1024;
        const bool much = p_ > 32 * strip;
        const index_t right =
            static_cast<index_t>(std::bit_ceil(static_cast<std::size_t>(n_parts_))) / 2;
        parallel_for((p_ + strip - 1) / strip, much ? n_threads : 1, [&](index_t task) {
            const index_t first = task * strip, last = std::min(first + strip, p_);
            double* sum = part(0, k);
            if (right > 0)
                kernel_table().take_over(last - first, part(right, k) + first, sum + first);
            for (index_t i = first; i < last; ++i) write(i, sum[i]);
        });
    }

private:
    static constexpr index_t line = 8;  ///< doubles of a cache line

    index_t n_parts_, p_, stride_;
    double* parts_;
    std::atomic<bool>* ended_;  ///< at its right one: whether one of a pair is
};

/// write(i, element i of the sum of what add(task, part) adds to zeros, n numbers).
template <class Add, class Write>
void sum_over_tasks(index_t n_tasks, index_t n, int n_threads, Write&& write, Add&& add) {
    const index_t n_parts = PartialSums::parts_for(n_tasks, n);
    Workspace work;
    const PartialSums sums(n_parts, n, work);
    parallel_for(n_parts, n_threads, [&](index_t part) {
        double* sum = sums.start(part);
        const index_t last = n_tasks * (part + 1) / n_parts;
        for (index_t task = n_tasks * part / n_parts; task < last; ++task) add(task, sum);
        sums.end(part);
    });
    sums.finish(n_threads, write);
}

}  // namespace jacnet
