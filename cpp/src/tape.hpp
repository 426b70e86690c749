#pragma once
/// The passes: forward over a block of samples, backward from the loss or from every output.

#include <span>

#include "kernels/kernels.hpp"
#include "loss.hpp"
#include "plan.hpp"
#include "process_steps.hpp"
#include "workspace.hpp"

#include "jacnet/linearization.hpp"

namespace jacnet {

/// Samples, checked, with what must be known of all of them beforehand. They are borrowed.
struct Batch {
    /// Unknown inputs are don't care where there are targets; without, a matter of policy.
    enum class UnknownInputs { refused, allowed };

    Batch(const Plan& plan, const Samples& samples, const char* function,
          UnknownInputs policy = UnknownInputs::refused);

    index_t size() const { return size_; }
    index_t column(index_t position) const {
        return indices.empty() ? position : indices[static_cast<std::size_t>(position)];
    }
    bool has_targets() const { return !t.empty(); }
    bool has_unknown() const { return has_unknown_; }
    /// Whether all targets count alike, and samples come in order.
    bool plain() const { return !ew.data && indices.empty() && counted == size_ * n_rows_; }
    /// Whether unknown inputs make this element of the outputs unknown.
    bool unknown(index_t position, index_t output) const {
        return !unknown_.empty() &&
               unknown_[static_cast<std::size_t>(position * n_outputs_ + output)] != 0;
    }

    std::span<const MatrixView<const double>> x, t;
    MatrixView<const double> ew;
    std::span<const index_t> indices;  ///< empty: all columns, in order
    index_t counted = 0;               ///< target elements that are not NaN

private:
    void find_unknown(const Plan& plan);
    void count_targets(const Plan& plan);

    index_t size_ = 0;
    index_t n_outputs_ = 0;
    index_t n_rows_ = 0;        ///< of all outputs
    bool has_unknown_ = false;  ///< inputs
    std::vector<char> unknown_;
};

/// Refuses error weights of a shape that does not spread over rows x cols, or negative ones.
void check_error_weights(const char* function, const MatrixView<const double>& ew, index_t rows,
                         index_t cols);

/// The weight that spreads to an element; 1 without error weights.
inline double error_weight(const MatrixView<const double>& ew, index_t row, index_t col) {
    return ew.data ? ew(ew.rows == 1 ? 0 : row, ew.cols == 1 ? 0 : col) : 1.0;
}

/// How much of the tape is wanted.
enum class Order { value = 0, slope = 1, curvature = 2 };

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
    double* y = nullptr;  ///< raw outputs, n x M
    double* t = nullptr;  ///< targets, 0 where they don't count
    double* w = nullptr;  ///< weights: EW x scale, 0 where they don't count
};

Slope slope_of(const Plan& plan, const Block& block, index_t layer);

/// Reserves a block's arrays in `work`.
Block make_block(const Plan& plan, index_t first, index_t count, Order order, Workspace& work);
void reserve_gradient(const Plan& plan, Block& block, Workspace& work);
void reserve_sensitivities(const Plan& plan, Block& block, Workspace& work);

/// u, s, a and, as ordered, f', f'' of every layer; raw outputs.
void forward(const Plan& plan, const Batch& batch, Block& block, Order order);

/// Targets and weights; the weights are EW x `scale`.
void load_targets(const Plan& plan, const Batch& batch, Block& block, double scale);

/// The loss of one output.
LossLanes loss_lanes(const Plan& plan, const Block& block, const PlanOutput& output);

/// Sum of the weighted losses.
double block_loss(const Plan& plan, const Block& block);

/// v and g of every layer.
void backward(const Plan& plan, Block& block, Objective objective);

/// What a sensitivity is of: the raw output, or the net input of its layer.
enum class From { output, net_input };

/// d of every layer: sensitivities of all M outputs.
void sensitivities(const Plan& plan, Block& block, From from = From::output);

/// Threads worth using for this many flops: a region costs microseconds.
/// @param requested  as in resolve_threads, which is asked only where it matters
int threads_for(double flops, std::optional<int> requested);

}  // namespace jacnet
