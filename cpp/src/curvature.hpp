#pragma once
/// Second derivatives with respect to the net inputs, per sample: the B and C of the recursion.

#include <vector>

#include "passes.hpp"

namespace jacnet {

/// The layer pairs of b and c that a question reads; `close` adds what these are made from.
class CurvaturePairs {
public:
    explicit CurvaturePairs(const Plan& plan);

    void want_b(index_t l, index_t k) { b_[index(l, k)] = 1; }
    void want_c(index_t l, index_t k) { c_[index(l, k)] = 1; }
    void close();

    bool b(index_t l, index_t k) const { return b_[index(l, k)] != 0; }
    bool c(index_t l, index_t k) const { return c_[index(l, k)] != 0; }
    /// Doubles per sample of all of them.
    index_t doubles() const;

private:
    std::size_t index(index_t l, index_t k) const {
        return static_cast<std::size_t>(l * plan_.n_layers() + k);
    }

    const Plan& plan_;
    std::vector<char> b_, c_;
};

/// Element (i, j) of the second derivative of a loss from outside, over the lanes of a block.
void load_loss_curvature(const Block& block, index_t i, index_t j, double* lanes);

/// Per layer pair, over the n lanes of a block:
/// b(l, k), l <= k: d2E / deps_l deps_k, n x (h_l x h_k), element (i, j) at column i + h_l j;
/// c(l, k), l < k: da_k / deps_l, laid out alike (exact Hessian only). eps_l perturbs s_l.
/// Layers with a slope matrix have c(l, l), their slope, as well.
class CurvatureTape {
public:
    /// Fills it from a block whose v, g, d1 and d2 are there.
    /// @param pairs  those to be made, closed; null: all of them
    CurvatureTape(const Plan& plan, const Block& block, Curvature kind, Objective objective,
                  Workspace& work, const CurvaturePairs* pairs = nullptr);

    const double* b(index_t l, index_t k) const { return b_[index(l, k)]; }
    const double* c(index_t l, index_t k) const { return c_[index(l, k)]; }

private:
    index_t index(index_t l, index_t k) const { return l * plan_.n_layers() + k; }
    void add_output_curvature(index_t l);
    double* elementwise_curvature(const PlanOutput& output, Workspace& work) const;
    double* own_loss_curvature(const PlanOutput& output, Workspace& work) const;
    void add_coupling(index_t l, index_t k);
    void recur_b(index_t l, index_t k);
    void recur_c(index_t l, index_t k);
    void fill_slope(index_t l);

    const Plan& plan_;
    const Block& block_;
    const Curvature kind_;
    const Objective objective_;
    double** b_;
    double** c_;
    double** d_ = nullptr;  ///< sensitivities, where a loss from outside may couple outputs
};

}  // namespace jacnet
