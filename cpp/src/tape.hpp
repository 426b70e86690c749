#pragma once
/// The tape of a set of samples, block by block: made for one question, or kept for the next ones.

#include <algorithm>
#include <memory>
#include <vector>

#include "parallel.hpp"
#include "partial_sums.hpp"
#include "passes.hpp"

namespace jacnet {

/// The parts that a question reads.
struct Needs {
    Order order = Order::value;
    bool gradient = false;       ///< v and g of the performance
    bool sensitivities = false;  ///< d of the outputs
    bool outputs = true;         ///< y
};

/// Blocks are cut by the network and the number of samples alone, so that kept and streamed tapes
/// give the same bits.
class Tape {
public:
    /// What a kept tape may hold; larger ones are made anew for every question.
    static constexpr index_t kept_bytes = index_t{64} << 20;

    /// @param keep  whether more than one question will come
    Tape(const Plan& plan, const Batch& batch, bool keep);

    const Plan& plan() const { return plan_; }
    const Batch& batch() const { return batch_; }
    index_t n_blocks() const { return n_blocks_; }
    /// Of the largest block, up to whole packets.
    index_t block_samples() const {
        return n_blocks_ == 0 ? 0 : round_up((batch_.size() + n_blocks_ - 1) / n_blocks_, lanes);
    }

    /// More questions will come, after all. Keeps the blocks from now on, if they are small enough.
    void keep();
    bool kept() const { return !kept_.empty(); }

    /// Calls body(b, block) with the parts of block b made. Different blocks may be asked for by
    /// different threads at once; a kept block also by several, once its parts are made.
    template <class Body>
    void with_block(index_t b, const Needs& needs, Body&& body) {
        if (kept_.empty()) {
            Workspace work;
            Block block = start(b, needs, work);
            Kept fresh;
            fill(block, needs, fresh, work);
            body(b, block);
            return;
        }
        Kept& kept = kept_[static_cast<std::size_t>(b)];
        if (!kept.work) {
            auto work = std::make_unique<Workspace>(Workspace::Own{block_doubles()});
            kept.block = start(b, {.order = Order::slope}, *work);
            kept.work = std::move(work);  // now that nothing was refused
        }
        if (!needs.sensitivities || keeps_sensitivities_) {
            fill(kept.block, needs, kept, *kept.work);
            body(b, kept.block);
            return;
        }
        Needs rest = needs;
        rest.sensitivities = false;
        fill(kept.block, rest, kept, *kept.work);
        Workspace work;
        Block block = with_sensitivities(kept.block, work);
        body(b, block);
    }

    /// The same for all blocks, on several threads.
    template <class Body>
    void for_each_block(const Needs& needs, int n_threads, Body&& body) {
        parallel_for(n_blocks(), n_threads, [&](index_t b) { with_block(b, needs, body); });
    }

private:
    /// Each part of a kept block is reserved and made when a question first needs it.
    struct Kept {
        std::unique_ptr<Workspace> work;
        Block block;
        Needs have{.outputs = false};
        bool made = false;  ///< whether there was a forward pass
    };

    /// The first sample of block b; blocks differ by one packet at most.
    index_t first_of(index_t b) const {
        const index_t packets = (batch_.size() + lanes - 1) / lanes;
        return std::min(packets * b / n_blocks_ * lanes, batch_.size());
    }
    /// Of a kept block without sensitivities.
    index_t block_doubles() const {
        return block_samples() * (passes_ + 3 * plan_.n_outputs) + lanes * plan_.n_layers();
    }
    Block start(index_t b, const Needs& needs, Workspace& work) const;
    void fill(Block& block, const Needs& needs, Kept& kept, Workspace& work) const;
    /// The block with sensitivities that live in `work`.
    Block with_sensitivities(const Block& block, Workspace& work) const;

    const Plan& plan_;
    const Batch& batch_;
    index_t n_blocks_;
    index_t passes_ = 1, sensitivities_ = 0;  ///< doubles of a sample
    bool keeps_sensitivities_ = false;
    std::vector<Kept> kept_;  ///< empty: streamed
};

/// write(i, element i of the sum of what add(block, part) adds to zeros over the blocks of a tape).
template <class Add, class Write>
void sum_over_blocks(Tape& tape, const Needs& needs, int n_threads, Write&& write, Add&& add) {
    sum_over_tasks(tape.n_blocks(), tape.plan().n_parameters, n_threads, write,
                   [&](index_t b, double* sum) {
                       tape.with_block(b, needs, [&](index_t, Block& block) { add(block, sum); });
                   });
}

/// The same, into d, over chunks of so many samples, whose passes are the caller's:
/// add(first, count, part).
template <class Add>
void sum_over_chunks(const Plan& plan, const Batch& batch, index_t chunk, int n_threads, double* d,
                     Add&& add) {
    const index_t n_chunks = (batch.size() + chunk - 1) / chunk;
    sum_over_tasks(
        n_chunks, plan.n_parameters, n_threads, [&](index_t i, double sum) { d[i] = sum; },
        [&](index_t c, double* sum) {
            add(c * chunk, std::min(chunk, batch.size() - c * chunk), sum);
        });
}

}  // namespace jacnet
