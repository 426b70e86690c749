#pragma once
/// Passes between raw inputs and net inputs over one block: directions forward, sensitivities back.
///
/// Inputs of all signals are stacked, R raw rows; n lanes per run, as everywhere in a block.

#include "parallel.hpp"
#include "passes.hpp"

namespace jacnet {

/// What the layers do to raw inputs that they read themselves: theta_l times the gains of the
/// process functions, h_l x R, column-major; null for layers that read none.
class InputWeights {
public:
    InputWeights(const Plan& plan, Workspace& work);

    const double* of(index_t layer) const { return weights_[layer]; }

private:
    const double** weights_;
};

/// Derivatives of one weighted sum of outputs, per layer, n x h.
struct Adjoint {
    double** v = nullptr;  ///< with respect to the layer's output
    double** d = nullptr;  ///< with respect to its net input
};

Adjoint reserve_adjoint(const Plan& plan, index_t n, Workspace& work);

/// Of raw output m.
void adjoint_of_output(const Plan& plan, const Block& block, index_t m, const Adjoint& to);

/// Of the sum of outputs weighted by `u`, n x M.
void adjoint_of_sum(const Plan& plan, const Block& block, const double* u, const Adjoint& to);

/// dx = sum over layers of (theta_l D)' d_l, n x R.
void back_to_inputs(const Plan& plan, const InputWeights& weights, index_t n,
                    const double* const* d, double* dx);

/// Which layers bend, and whose motion therefore matters.
struct Bends {
    std::vector<char> own;    ///< f'' need not vanish
    std::vector<char> after;  ///< some layer behind bends
    bool moves(index_t l) const {
        return own[static_cast<std::size_t>(l)] || after[static_cast<std::size_t>(l)];
    }
};

Bends bends_of(const Plan& plan);

/// How net inputs and outputs of the layers move with `count` directions of the inputs, n x h per
/// direction; null for layers where that is not asked for.
struct Tangents {
    index_t count = 0;
    double** s = nullptr;
    double** a = nullptr;
};

/// Moves of all layers, for one direction per sample: `v`, n x R.
Tangents carry_direction(const Plan& plan, const InputWeights& weights, const Block& block,
                         const double* v, Workspace& work);

/// Moves for the R unit directions, as far as layers that bend ask for them. In a layer that reads
/// inputs only the net input moves alike for every sample, by InputWeights::of: its `s` stays null.
Tangents carry_units(const Plan& plan, const InputWeights& weights, const Bends& bends,
                     const Block& block, Workspace& work);

/// Doubles per lane that `carry_units` takes.
double unit_doubles(const Plan& plan, const Bends& bends);

/// out = K_l s for `count` directions, K_l the layer's curvature under v: diag(f'' v) where the
/// slope is elementwise.
void apply_curvature(const Plan& plan, const Block& block, index_t l, const double* v,
                     index_t count, const double* s, double* out);

/// A block of its own with values, slopes and curvatures.
Block curved_block(const Plan& plan, const Batch& batch, index_t first, index_t count,
                   Workspace& work);

/// Calls body(block, work) for all samples, by blocks of `step`, on several threads.
template <class Body>
void for_each_curved_block(const Plan& plan, const Batch& batch, index_t step, int n_threads,
                           Body&& body) {
    parallel_for((batch.size() + step - 1) / step, n_threads, [&](index_t b) {
        Workspace work;
        const index_t first = b * step;
        body(curved_block(plan, batch, first, std::min(step, batch.size() - first), work), work);
    });
}

/// Samples of such blocks, for `doubles` per sample beside it: as many as fit into a core's cache.
index_t curved_block_samples(const Plan& plan, double doubles);

/// Raw columns of direction arrays, one per input or output, into lanes: rows stacked, padding 0.
void load_lanes(const std::vector<MatrixView<const double>>& arrays, const Block& block,
                double* out);

}  // namespace jacnet
