#pragma once
/// Second derivatives with respect to the net inputs, per sample: the B and C of the recursion.

#include "passes.hpp"

namespace jacnet {

/// Per layer pair, over the n lanes of a block:
/// b(l, k), l <= k: d2E / deps_l deps_k, n x (h_l x h_k), element (i, j) at column i + h_l j;
/// c(l, k), l < k: da_k / deps_l, laid out alike (exact Hessian only). eps_l perturbs s_l.
/// Layers with a slope matrix have c(l, l), their slope, as well.
class CurvatureTape {
public:
    /// Fills it from a block whose v, g, d1 and d2 are there.
    CurvatureTape(const Plan& plan, const Block& block, Curvature kind, Objective objective,
                  Workspace& work);

    const double* b(index_t l, index_t k) const { return b_[index(l, k)]; }
    const double* c(index_t l, index_t k) const { return c_[index(l, k)]; }

private:
    index_t index(index_t l, index_t k) const { return l * plan_.n_layers() + k; }
    void add_output_curvature(index_t l);
    void recur_b(index_t l, index_t k);
    void recur_c(index_t l, index_t k);
    void fill_slope(index_t l);

    const Plan& plan_;
    const Block& block_;
    const Curvature kind_;
    const Objective objective_;
    double** b_;
    double** c_;
};

}  // namespace jacnet
