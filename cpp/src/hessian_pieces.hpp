#pragma once
/// Pieces of a Hessian: rectangles of two layers' parameters, each put together from only those
/// curvatures between neurons that it reads.

#include <algorithm>
#include <span>
#include <vector>

#include "curvature_blocks.hpp"

namespace jacnet {

/// Who asks, and what to ask for where memory does not suffice.
struct Asker {
    const char* function;
    const char* remedy;
};

/// Parameters (i, p), neuron i and source p of layer l, by (j, q) of layer k >= l: for all chosen
/// i, p, j, q, the a-th neuron and b-th source at row a + |i| b of `out`, columns alike; or
/// scattered, pairs (i[a], p[a]) at row a, columns alike.
struct HessianPiece {
    index_t l = 0, k = 0;
    std::span<const index_t> i, p, j, q;  ///< borrowed
    bool scattered = false;
    double* out = nullptr;
    index_t ld = 0;

    index_t rows() const {
        return static_cast<index_t>(scattered ? i.size() : i.size() * p.size());
    }
    index_t cols() const {
        return static_cast<index_t>(scattered ? j.size() : j.size() * q.size());
    }
    /// Half of it then says all.
    bool symmetric() const {
        return !scattered && l == k && std::ranges::equal(i, j) && std::ranges::equal(p, q);
    }
};

/// Fills the pieces with the second derivatives of the performance, without its regularisation.
/// Symmetric ones are symmetric to the last bit.
/// @throws OutOfMemory when what they are made of does not fit
void contract_pieces(const Asker& asker, CurvatureBlocks& curvatures,
                     const std::vector<HessianPiece>& pieces, int n_threads);

}  // namespace jacnet
