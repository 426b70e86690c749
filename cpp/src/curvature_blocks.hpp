#pragma once
/// Blocks of samples with the curvatures at their net inputs: made anew each time, or kept.

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "curvature.hpp"
#include "tape.hpp"

namespace jacnet {

class CurvatureBlocks {
public:
    CurvatureBlocks(const Plan& plan, const Batch& batch, Curvature kind)
        : plan_(plan), batch_(batch), kind_(kind) {}

    const Plan& plan() const { return plan_; }
    const Batch& batch() const { return batch_; }
    Curvature kind() const { return kind_; }

    /// More than one question will come. Keeps all curvatures from now on, if they fit into what a
    /// kept tape may hold.
    void keep();

    /// Calls body(block, tape, from, n, to) for the blocks of samples [first, first + count), on
    /// several threads: lanes [from, from + n) of the block are lanes [to, to + n) of the samples
    /// asked for.
    /// @param pairs  the curvatures that are read, closed
    template <class Body>
    void for_each(index_t first, index_t count, const CurvaturePairs& pairs, int n_threads,
                  Body&& body) {
        if (!kept_.empty()) {
            for_each_kept(first, count, n_threads, body);
            return;
        }
        const index_t chunk = chunk_samples(pairs.doubles());
        parallel_for((count + chunk - 1) / chunk, n_threads, [&](index_t task) {
            Workspace work;
            const index_t begin = task * chunk;
            const Block block = make(first + begin, std::min(chunk, count - begin), work);
            const CurvatureTape tape(plan_, block, kind_, Objective::performance, work, &pairs);
            body(block, tape, index_t{0}, block.n, begin);
        });
    }

    /// Of the blocks that are at hand at once, unless they are kept.
    double bytes(const CurvaturePairs& pairs, int n_threads) const;

private:
    struct Kept {
        std::unique_ptr<Workspace> work;
        Block block;
        std::optional<CurvatureTape> tape;
    };

    static index_t chunk_samples(index_t doubles);
    /// Doubles of a sample's passes.
    index_t passes() const;
    Block make(index_t first, index_t count, Workspace& work) const;
    const Kept& kept(index_t b);

    template <class Body>
    void for_each_kept(index_t first, index_t count, int n_threads, Body&& body) {
        const index_t first_block = first / kept_samples_, end = first + round_up(count, lanes);
        const index_t last_block = (first + count - 1) / kept_samples_ + 1;
        parallel_for(last_block - first_block, n_threads, [&](index_t task) {
            const Kept& own = kept(first_block + task);
            const index_t begin = std::max(first, own.block.first);
            const index_t n = std::min(end, own.block.first + own.block.n) - begin;
            body(own.block, *own.tape, begin - own.block.first, n, begin - first);
        });
    }

    const Plan& plan_;
    const Batch& batch_;
    const Curvature kind_;
    index_t kept_samples_ = 0;
    std::vector<Kept> kept_;  ///< empty: made anew
};

}  // namespace jacnet
