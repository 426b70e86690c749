#pragma once
/// The tape of a set of samples, block by block: made for one question, or kept for the next ones.

#include <algorithm>
#include <memory>
#include <vector>

#include "parallel.hpp"
#include "passes.hpp"

namespace jacnet {

/// The parts that a question reads.
struct Needs {
    Order order = Order::value;
    bool gradient = false;       ///< v and g of the performance
    bool sensitivities = false;  ///< d of the outputs
};

/// Blocks are cut by the network alone, so that kept and streamed tapes give the same bits.
class Tape {
public:
    /// What a kept tape may hold; larger ones are made anew for every question.
    static constexpr index_t kept_bytes = index_t{64} << 20;

    /// @param keep  whether more than one question will come
    Tape(const Plan& plan, const Batch& batch, bool keep);

    const Plan& plan() const { return plan_; }
    const Batch& batch() const { return batch_; }
    index_t block_samples() const { return block_samples_; }
    index_t n_blocks() const { return (batch_.size() + block_samples_ - 1) / block_samples_; }

    /// Calls body(b, block) with the parts of block b made. Different blocks may be asked for by
    /// different threads at once.
    template <class Body>
    void with_block(index_t b, const Needs& needs, Body&& body) {
        if (kept_.empty()) {
            Workspace work;
            Block block = start(b, needs, work);
            Kept fresh;
            fill(block, needs, fresh);
            body(b, block);
            return;
        }
        Kept& kept = kept_[static_cast<std::size_t>(b)];
        if (!kept.work) {
            auto work = std::make_unique<Workspace>(Workspace::Own{});
            kept.block = start(b, everything, *work);
            kept.work = std::move(work);  // now that nothing was refused
        }
        fill(kept.block, needs, kept);
        body(b, kept.block);
    }

    /// The same for all blocks, on several threads.
    template <class Body>
    void for_each_block(const Needs& needs, int n_threads, Body&& body) {
        parallel_for(n_blocks(), n_threads, [&](index_t b) { with_block(b, needs, body); });
    }

private:
    static constexpr Needs everything{Order::slope, true, true};

    struct Kept {
        std::unique_ptr<Workspace> work;
        Block block;
        Needs have;
        bool made = false;  ///< whether there was a forward pass
    };

    Block start(index_t b, const Needs& needs, Workspace& work) const;
    void fill(Block& block, const Needs& needs, Kept& kept) const;

    const Plan& plan_;
    const Batch& batch_;
    index_t block_samples_;
    std::vector<Kept> kept_;  ///< empty: streamed
};

/// out = the sum of what add(task, part) adds to zeros, n numbers. Tasks are split into a fixed
/// number of parts at most, each summed in order: the number of threads has no say in it.
template <class Add>
void sum_over_tasks(index_t n_tasks, index_t n, int n_threads, double* out, Add&& add) {
    constexpr index_t max_parts = 16;
    const index_t n_parts = std::clamp(n_tasks, index_t{1}, max_parts);
    Workspace work;
    double* parts = work.doubles(n_parts * n);
    parallel_for(n_parts, n_threads, [&](index_t part) {
        double* sum = parts + part * n;
        std::fill_n(sum, n, 0.0);
        const index_t last = n_tasks * (part + 1) / n_parts;
        for (index_t task = n_tasks * part / n_parts; task < last; ++task) add(task, sum);
    });
    for (index_t i = 0; i < n; ++i) {
        out[i] = 0.0;
        for (index_t part = 0; part < n_parts; ++part) out[i] += parts[part * n + i];
    }
}

/// The same over the blocks of a tape: add(block, part), P numbers.
template <class Add>
void sum_over_blocks(Tape& tape, const Needs& needs, int n_threads, double* out, Add&& add) {
    sum_over_tasks(tape.n_blocks(), tape.plan().n_parameters, n_threads, out,
                   [&](index_t b, double* sum) {
                       tape.with_block(b, needs, [&](index_t, Block& block) { add(block, sum); });
                   });
}

/// The same over chunks of so many samples, whose passes are the caller's: add(first, count, part).
template <class Add>
void sum_over_chunks(const Plan& plan, const Batch& batch, index_t chunk, int n_threads,
                     double* out, Add&& add) {
    const index_t n_chunks = (batch.size() + chunk - 1) / chunk;
    sum_over_tasks(n_chunks, plan.n_parameters, n_threads, out, [&](index_t c, double* sum) {
        add(c * chunk, std::min(chunk, batch.size() - c * chunk), sum);
    });
}

}  // namespace jacnet
