#pragma once
/// Sums over blocks of samples for several vectors at once.

#include "memory.hpp"
#include "remedies.hpp"
#include "tape.hpp"

namespace jacnet {

/// Column k of out = finish(i, k, the sum of what add(block, k, sum) adds to P zeros).
///
/// A vector's result has the same bits alone and among others, with any number of threads.
/// prepare(block) comes before the vectors of a block; afterwards blocks are only read. Several
/// vectors keep the tape, if it is small enough, and then are separate tasks.
template <class Prepare, class Add, class Finish>
void sum_for_vectors(const char* function, Tape& tape, const Needs& needs, int n_threads,
                     const MatrixView<double>& out, Prepare&& prepare, Add&& add, Finish&& finish) {
    constexpr index_t held = index_t{1} << 23;  // doubles
    const index_t p = out.rows, n_blocks = tape.n_blocks();
    if (p == 0 || out.cols == 0) return;
    const index_t n_parts = PartialSums::parts_for(n_blocks, p);
    const index_t doubles = n_parts * PartialSums::doubles_for(p);
    need_memory(8.0 * static_cast<double>(doubles),
                std::string(function) + ": the sums over samples", instead::fewer_parameters);
    const index_t together = std::clamp(held / doubles, index_t{1}, out.cols);
    if (out.cols > 1) tape.keep();
    Workspace work;
    const PartialSums sums(n_parts, p, work, together);
    for (index_t first = 0; first < out.cols; first += together) {
        const index_t count = std::min(together, out.cols - first);
        const auto each_block = [&](index_t part, auto&& body) {
            const index_t last = n_blocks * (part + 1) / n_parts;
            for (index_t b = n_blocks * part / n_parts; b < last; ++b) {
                tape.with_block(b, needs, [&](index_t, Block& block) { body(block); });
            }
        };
        if (tape.kept() && count > 1) {
            tape.for_each_block(needs, n_threads, [&](index_t, Block& block) { prepare(block); });
            parallel_for(n_parts * count, n_threads, [&](index_t task) {
                const index_t part = task / count, k = task % count;
                double* sum = sums.start(part, k);
                each_block(part, [&](Block& block) { add(block, first + k, sum); });
                sums.end(part, k);
            });
        } else {
            parallel_for(n_parts, n_threads, [&](index_t part) {
                for (index_t k = 0; k < count; ++k) sums.start(part, k);
                each_block(part, [&](Block& block) {
                    prepare(block);
                    for (index_t k = 0; k < count; ++k) add(block, first + k, sums.part(part, k));
                });
                for (index_t k = 0; k < count; ++k) sums.end(part, k);
            });
        }
        for (index_t k = 0; k < count; ++k) {
            const auto write = [&](index_t i, double sum) {
                out(i, first + k) = finish(i, first + k, sum);
            };
            sums.finish(n_threads, write, k);
        }
    }
}

}  // namespace jacnet
