#pragma once
/// Second derivatives with respect to the net inputs, per sample: the B and C of the recursion.

#include "tape.hpp"

namespace jacnet {

/// Per layer pair, over the n lanes of a block:
/// b(l, k), l <= k: d2E / deps_l deps_k, n x (h_l x h_k), element (i, j) at column i + h_l j;
/// c(l, k), l < k: da_k / deps_l, laid out alike (exact Hessian only). eps_l perturbs s_l.
class CurvatureTape {
public:
    CurvatureTape(const Plan& plan, const Block& block, Curvature kind, Workspace& work);

    /// Lanes-free size of the arrays, in doubles per lane.
    static index_t doubles_per_lane(const Plan& plan, Curvature kind);

    /// Fills the lanes of a chunk; the block's v, g, d1 and d2 must be there.
    void fill(const Chunk& chunk, Objective objective);

    double* b(index_t l, index_t k) const { return b_[index(l, k)]; }
    double* c(index_t l, index_t k) const { return c_[index(l, k)]; }
    Curvature kind() const { return kind_; }

private:
    std::size_t index(index_t l, index_t k) const {
        return static_cast<std::size_t>(l * static_cast<index_t>(plan_.layers.size()) + k);
    }
    void seed(index_t l, const Chunk& chunk, Objective objective);
    void recur_b(index_t l, index_t k, const Chunk& chunk);
    void recur_c(index_t l, index_t k, const Chunk& chunk);

    const Plan& plan_;
    const Block& block_;
    Curvature kind_;
    std::vector<double*> b_, c_;
};

}  // namespace jacnet
