#include "arguments.hpp"

#include <cmath>
#include <optional>

#include "parallel.hpp"

namespace jacnet {

namespace {

struct Place {
    index_t row, column;
};

/// The first value that is not finite, column by column.
std::optional<Place> first_not_finite(const MatrixView<const double>& values) {
    constexpr index_t together = index_t{1} << 16;  // elements between interrupt checks
    const index_t columns = std::max(together / std::max(values.rows, index_t{1}), index_t{1});
    for (index_t c = 0; c < values.cols; ++c) {
        if (c % columns == 0) detail::poll_interrupt();
        for (index_t r = 0; r < values.rows; ++r) {
            if (!std::isfinite(values(r, c))) return Place{r, c};
        }
    }
    return std::nullopt;
}

}  // namespace

void check_directions(const char* function, const MatrixView<const double>& v,
                      index_t n_parameters) {
    if (v.rows != n_parameters) {
        refuse(function, ": v has ", v.rows, " rows, expected ", n_parameters,
               ", one per parameter, in the order of the layout");
    }
    const auto found = first_not_finite(v);
    if (!found) return;
    refuse(function, ": v[", found->row, v.cols > 1 ? text(", ", found->column) : std::string(),
           "] is ", v(found->row, found->column), "; directions must be finite");
}

void check_directions(const char* function, const char* what,
                      const std::vector<MatrixView<const double>>& arrays,
                      const std::vector<index_t>& rows, index_t samples) {
    if (arrays.size() != rows.size()) {
        refuse(function, ": ", what, " has ", arrays.size(), " arrays, expected ", rows.size());
    }
    for (std::size_t j = 0; j < rows.size(); ++j) {
        const std::string name = rows.size() > 1 ? text(what, "[", j, "]") : std::string(what);
        check_shape(function, name.c_str(), arrays[j], rows[j], samples);
        const auto found = first_not_finite(arrays[j]);
        if (!found) continue;
        refuse(function, ": ", name, "[", found->row, ", ", found->column, "] is ",
               arrays[j](found->row, found->column), "; directions must be finite");
    }
}

void check_vectors(const char* function, const OutputVectors<const double>& u, index_t n_outputs,
                   index_t n_samples) {
    for (index_t k = 0; k < u.count; ++k) {
        const auto found = first_not_finite(
            {u.data + k * u.stride[2], n_outputs, n_samples, u.stride[0], u.stride[1]});
        if (!found) continue;
        refuse(function, ": u[", found->row, ", ", found->column,
               u.count > 1 ? text(", ", k) : std::string(), "] is ",
               u(found->row, found->column, k), "; weights of outputs must be finite");
    }
}

void need_inputs(const char* function, const Batch& batch) {
    const auto unknown = batch.first_unknown();
    if (!unknown) return;
    refuse(function, ": x has a NaN in sample ", *unknown,
           ", whose outputs are unknown; leave it out by samples, or ask for the performance's "
           "derivatives, where it does not count");
}

void need_targets(const char* function, const Batch& batch) {
    if (batch.loss.slope.data) {
        refuse(function,
               ": cannot be asked of a loss that is given by its derivatives; ask the "
               "linearization that with_loss was called on");
    }
    if (!batch.has_targets()) {
        refuse(function,
               ": needs targets, but the linearization was made without t; pass t to linearize");
    }
}

void need_loss(const char* function, const Plan& plan, const Batch& batch) {
    if (!plan.own_loss) need_targets(function, batch);
}

void need_curvature(const char* function, const Plan& plan, const Batch& batch) {
    need_loss(function, plan, batch);
    if (plan.own_loss && !batch.loss.curvature) {
        refuse(function, ": needs the second derivatives of the loss; pass d2loss to with_loss");
    }
}

}  // namespace jacnet
