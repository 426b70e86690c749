#pragma once
/// The samples of a call: checked once, never copied.

#include <optional>
#include <span>
#include <vector>

#include "jacnet/linearization.hpp"
#include "plan.hpp"

namespace jacnet {

/// Samples, checked, with what must be known of all of them beforehand. They are borrowed.
struct Batch {
    /// Unknown inputs are don't care where there are targets; without, a matter of policy.
    enum class UnknownInputs { refused, allowed };

    /// @param name  what messages call the inputs
    Batch(const Plan& plan, const Samples& samples, const char* function,
          UnknownInputs policy = UnknownInputs::refused, const char* name = "x");

    /// Takes over a loss for the samples, once they are there.
    void take(const OutputLoss& given, const char* function);

    index_t size() const { return size_; }
    index_t column(index_t position) const {
        return indices.empty() ? position : indices[static_cast<std::size_t>(position)];
    }
    bool has_targets() const { return !t.empty(); }
    bool has_unknown() const { return has_unknown_; }
    /// The first sample, as the caller counts, with an output that unknown inputs make unknown.
    std::optional<index_t> first_unknown() const;
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
    OutputLoss loss;                   ///< by position, where the plan has a loss of its own
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

/// Refuses an array of samples of another shape.
void check_shape(const char* function, const char* what, const MatrixView<const double>& data,
                 index_t rows, index_t cols);

/// Refuses error weights of a shape that does not spread over rows x cols, or negative ones.
void check_error_weights(const char* function, const MatrixView<const double>& ew, index_t rows,
                         index_t cols);

/// The weight that spreads to an element; 1 without error weights.
inline double error_weight(const MatrixView<const double>& ew, index_t row, index_t col) {
    return ew.data ? ew(ew.rows == 1 ? 0 : row, ew.cols == 1 ? 0 : col) : 1.0;
}

}  // namespace jacnet
