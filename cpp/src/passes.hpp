#pragma once
/// The passes: forward over a block of samples, backward from the loss or from every output.

#include <algorithm>

#include "batch.hpp"
#include "kernels/kernels.hpp"
#include "loss.hpp"
#include "plan.hpp"
#include "process_steps.hpp"
#include "workspace.hpp"

namespace jacnet {

/// How much of the tape is wanted.
enum class Order { value = 0, slope = 1, curvature = 2 };

inline Order order_for(Curvature kind) {
    return kind == Curvature::exact ? Order::curvature : Order::slope;
}

/// One layer's part of the tape over n lanes; every matrix is n lanes long, `n` apart.
struct LayerTape {
    double* u = nullptr;   ///< stacked sources, n x k_all
    double* s = nullptr;   ///< net input, n x h
    double* a = nullptr;   ///< output, n x h
    double* d1 = nullptr;  ///< f', n x h
    double* d2 = nullptr;  ///< f'', n x h
    double* v = nullptr;   ///< dE/da, n x h
    double* g = nullptr;   ///< dE/ds, n x h
    double* d = nullptr;   ///< dy/ds, n x (h x M)
};

/// The tape of consecutive samples [first, first + count), padded to n lanes.
struct Block {
    index_t first = 0;
    index_t count = 0;
    index_t n = 0;
    LayerTape* layers = nullptr;
    double* y = nullptr;               ///< raw outputs, n x M
    double* t = nullptr;               ///< targets, 0 where they don't count
    double* w = nullptr;               ///< weights: EW x scale, 0 where they don't count
    const OutputLoss* loss = nullptr;  ///< a loss from outside; its slopes stand in t
};

Slope slope_of(const Plan& plan, const Block& block, index_t layer);

/// Reserves a block's arrays in `work`.
Block make_block(const Plan& plan, index_t first, index_t count, Order order, Workspace& work);
/// What an order needs and is not there yet.
void reserve_slopes(const Plan& plan, Block& block, Order order, Workspace& work);
void reserve_targets(const Plan& plan, Block& block, Workspace& work);
void reserve_gradient(const Plan& plan, Block& block, Workspace& work);
void reserve_sensitivities(const Plan& plan, Block& block, Workspace& work);

/// u, s, a and, as ordered, f', f'' of every layer.
void forward(const Plan& plan, const Batch& batch, Block& block, Order order);
/// y from the outputs of the layers.
void raw_outputs(const Plan& plan, const Block& block);

/// f', f'' as ordered, of a block that had its forward pass.
void add_slopes(const Plan& plan, Block& block, Order order);

/// Targets and weights; the weights are EW x `scale`.
void load_targets(const Plan& plan, const Batch& batch, Block& block, double scale);

/// factor sqrt(EW) norm of the errors of output row m, zero where they don't count; from the
/// block's weights EW, unless all count alike.
void load_error_scales(const Plan& plan, const Batch& batch, const Block& block, index_t m,
                       double factor, double* scales);

/// A block of its own that had its forward pass, with targets and room for v and g.
Block forward_block(const Plan& plan, const Batch& batch, index_t first, index_t count, Order order,
                    double scale, Workspace& work);

/// The loss of one output.
LossLanes loss_lanes(const Plan& plan, const Block& block, const PlanOutput& output);

/// Sum of the weighted losses.
double block_loss(const Plan& plan, const Block& block);

/// v and g of every layer.
void backward(const Plan& plan, Block& block, Objective objective);

/// out = the sum over a layer's successors s of W_sl' x_s, n x h_l; `value(s)` gives x_s.
template <class Value>
void back_through(const Plan& plan, const PlanLayer& layer, index_t n, double* out, Value&& value) {
    if (layer.successors.empty()) std::fill_n(out, n * layer.h, 0.0);
    bool accumulate = false;
    for (const Successor& s : layer.successors) {
        const index_t h = plan.layers[static_cast<std::size_t>(s.layer)].h;
        kernel_table().layer_product(n, layer.h, h, value(s.layer), n, plan.weights(s), h, 1, out,
                                     n, accumulate);
        accumulate = true;
    }
}

/// What a sensitivity is of: the raw output, or the net input of its layer.
enum class From { output, net_input };

/// Second derivatives of an output's loss where its sensitivities start: n x (rows x rows), beside
/// the diagonal only where it is not diagonal. Not for a loss from outside.
From second_derivatives(const Plan& plan, const Block& block, const PlanOutput& output,
                        Objective objective, double* second);

/// d of every layer: sensitivities of all M outputs.
/// @param from  for each output; null: the raw output
void sensitivities(const Plan& plan, Block& block, const From* from = nullptr);

}  // namespace jacnet
