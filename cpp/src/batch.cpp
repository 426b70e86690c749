#include "batch.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "errors.hpp"
#include "kernels/kernels.hpp"
#include "parallel.hpp"
#include "process_steps.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Refuses the first infinite value of a run of columns.
[[noreturn]] void refuse_infinite(const MatrixView<const double>& data, index_t first_column,
                                  const char* function, const char* what) {
    for (index_t q = first_column; q < data.cols; ++q) {
        for (index_t i = 0; i < data.rows; ++i) {
            if (std::isinf(data(i, q))) {
                refuse(function, ": ", what, "[", i, ", ", q, "] is ", data(i, q),
                       "; values must be finite (NaN means unknown)");
            }
        }
    }
    throw std::logic_error("jacnet: an infinite value is lost; please report this as a bug");
}

/// Number of NaN in columns [first, last); nothing when a value is infinite.
std::optional<index_t> count_nan(const MatrixView<const double>& data, index_t first,
                                 index_t last) {
    const Kernels& kernels = kernel_table();
    const bool compact = data.row_stride == 1 && data.col_stride == data.rows;
    const bool by_rows = data.col_stride == 1;
    if (compact && kernels.all_finite(data.rows * (last - first), &data(0, first))) return 0;
    index_t found = 0;
    for (index_t i = 0; by_rows && i < data.rows; ++i) {
        found += kernels.all_finite(last - first, &data(i, first)) ? 0 : 1;
    }
    if (by_rows && found == 0) return 0;
    found = 0;
    for (index_t q = first; q < last; ++q) {
        for (index_t i = 0; i < data.rows; ++i) {
            if (std::isinf(data(i, q))) return std::nullopt;
            found += std::isnan(data(i, q)) ? 1 : 0;
        }
    }
    return found;
}

/// Number of NaN in an array, which may hold no infinite value.
index_t count_nan(const MatrixView<const double>& data, const char* function, const char* what) {
    if (data.rows == 0) return 0;
    constexpr index_t together = index_t{1} << 16;  // elements between interrupt checks
    const index_t columns = std::max(together / data.rows, index_t{1});
    index_t found = 0;
    for (index_t first = 0; first < data.cols; first += columns) {
        if (first > 0) detail::poll_interrupt();
        const auto count = count_nan(data, first, std::min(first + columns, data.cols));
        if (!count) refuse_infinite(data, first, function, what);
        found += *count;
    }
    return found;
}

/// Whether they are all samples, one after the other.
bool in_order(std::span<const index_t> indices, index_t total) {
    if (static_cast<index_t>(indices.size()) != total) return false;
    for (index_t q = 0; q < total; ++q) {
        if (indices[at(q)] != q) return false;
    }
    return true;
}

}  // namespace

void check_shape(const char* function, const char* what, const MatrixView<const double>& data,
                 index_t rows, index_t cols) {
    if (data.rows == rows && data.cols == cols) return;
    const bool turned = data.rows == cols && data.cols == rows;
    refuse(function, ": ", what, " has shape (", data.rows, ", ", data.cols, "), expected (", rows,
           ", ", cols, ")", turned ? text("; samples are columns: pass ", what, ".T") : "");
}

void check_error_weights(const char* function, const MatrixView<const double>& ew, index_t rows,
                         index_t cols) {
    if (!ew.data) return;
    if ((ew.rows != 1 && ew.rows != rows) || (ew.cols != 1 && ew.cols != cols)) {
        refuse(function, ": ew has shape (", ew.rows, ", ", ew.cols, "), expected one weight, (1, ",
               cols, "), (", rows, ", 1) or (", rows, ", ", cols, ")",
               ew.rows == cols && ew.cols == rows ? "; samples are columns: pass ew.T" : "");
    }
    for (index_t q = 0; q < ew.cols; ++q) {
        if (q % 4096 == 0) detail::poll_interrupt();
        for (index_t i = 0; i < ew.rows; ++i) {
            if (!std::isfinite(ew(i, q)) || ew(i, q) < 0.0) {
                refuse(function, ": ew[", i, ", ", q, "] is ", ew(i, q),
                       "; error weights must be finite and not negative");
            }
        }
    }
}

Batch::Batch(const Plan& plan, const Samples& samples, const char* function, UnknownInputs policy,
             const char* name)
    : x(samples.x),
      t(samples.t),
      ew(samples.ew),
      n_outputs_(static_cast<index_t>(plan.outputs.size())),
      n_rows_(plan.n_outputs) {
    if (x.size() != plan.inputs.size()) {
        refuse(function, ": ", name, " has ", x.size(), " arrays, but the network has ",
               plan.inputs.size(), " inputs");
    }
    const auto input_name = [&](std::size_t j) {
        return x.size() > 1 ? text(name, "[", j, "]") : std::string(name);
    };
    const index_t total = !x.empty() ? x[0].cols : !t.empty() ? t[0].cols : 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
        const std::string what = input_name(j);
        const index_t rows = plan.inputs[j].size;
        if (x[j].rows != rows) {
            refuse(function, ": ", what, " has shape (", x[j].rows, ", ", x[j].cols, "), expected ",
                   rows, " rows (the network's inputs)",
                   x[j].cols == rows ? text("; samples are columns: pass ", what, ".T") : "");
        }
        check_shape(function, what.c_str(), x[j], rows, total);
    }
    if (!t.empty()) {
        if (t.size() != plan.outputs.size()) {
            refuse(function, ": t has ", t.size(), " arrays, but the network has ",
                   plan.outputs.size(), " outputs");
        }
        for (std::size_t o = 0; o < t.size(); ++o) {
            check_shape(function, "t", t[o], plan.outputs[o].rows, total);
        }
    }
    check_error_weights(function, ew, plan.n_outputs, total);
    for (std::size_t j = 0; j < x.size(); ++j) {  // values after shapes, which cost nothing
        if (count_nan(x[j], function, input_name(j).c_str()) > 0) has_unknown_ = true;
    }
    index_t unknown_targets = 0;
    for (const auto& targets : t) unknown_targets += count_nan(targets, function, "t");
    size_ = total;
    if (samples.indices) {
        indices = *samples.indices;
        size_ = static_cast<index_t>(indices.size());
        for (const index_t index : indices) {
            if (index < 0 || index >= total) {
                throw std::out_of_range(text(function, ": samples holds the index ", index,
                                             ", but x has ", total, " samples"));
            }
        }
        if (in_order(indices, total)) indices = {};
    }
    if (has_unknown_) find_unknown(plan);
    const auto unknown = first_unknown();
    if (policy == UnknownInputs::refused && t.empty() && unknown) {
        refuse(function, ": ", name, " has a NaN in sample ", *unknown,
               "; only functions with targets accept unknown inputs (as don't care)");
    }
    counted = t.empty() ? 0 : size_ * plan.n_outputs;
    if (unknown_targets > 0 || (has_unknown_ && !t.empty())) count_targets(plan);
}

void Batch::take(const OutputLoss& given, const char* function) {
    check_shape(function, "dloss", given.slope, n_rows_, size_);
    if (count_nan(given.slope, function, "dloss") > 0) {
        refuse(function, ": dloss has a NaN; a sample that should not count has slope 0");
    }
    for (index_t q = 0; given.curvature && q < size_; ++q) {
        const double* own = given.curvature + q * given.strides[0];
        const MatrixView<const double> square =
            given.diagonal ? MatrixView<const double>{own, n_rows_, 1, given.strides[1], 0}
                           : MatrixView<const double>{own, n_rows_, n_rows_, given.strides[1],
                                                      given.strides[2]};
        if (q % 4096 == 0) detail::poll_interrupt();
        for (index_t j = 0; j < square.cols; ++j) {
            for (index_t i = 0; i < square.rows; ++i) {
                if (!std::isfinite(square(i, j))) {
                    refuse(function, ": d2loss of sample ", q, " holds ", square(i, j),
                           "; values must be finite");
                }
            }
        }
    }
    loss = given;
}

std::optional<index_t> Batch::first_unknown() const {
    const auto first = std::find(unknown_.begin(), unknown_.end(), char{1});
    if (first == unknown_.end()) return std::nullopt;
    return column((first - unknown_.begin()) / n_outputs_);
}

void Batch::find_unknown(const Plan& plan) {
    unknown_.assign(at(size_ * n_outputs_), 0);
    for (std::size_t j = 0; j < x.size(); ++j) {
        for (index_t position = 0; position < size_; ++position) {
            if (position % 4096 == 0) detail::poll_interrupt();
            const index_t q = column(position);
            bool nan = false;
            for (index_t i = 0; i < x[j].rows; ++i) nan = nan || std::isnan(x[j](i, q));
            if (!nan) continue;
            Workspace work;  // processing may know what to do with unknown values
            LaneMatrix sample{work.doubles(x[j].rows * lanes), lanes, x[j].rows, lanes};
            for (index_t i = 0; i < x[j].rows; ++i) {
                std::fill_n(sample.row(i), lanes, x[j](i, q));
            }
            sample = apply(plan.inputs[j].processing, sample, work);
            nan = false;
            for (index_t i = 0; i < sample.rows; ++i) nan = nan || std::isnan(sample.row(i)[0]);
            for (index_t o = 0; nan && o < n_outputs_; ++o) {
                if (plan.graph().reaches(static_cast<index_t>(j), o))
                    unknown_[at(position * n_outputs_ + o)] = 1;
            }
        }
    }
}

void Batch::count_targets(const Plan& plan) {
    counted = 0;
    for (index_t o = 0; o < n_outputs_; ++o) {
        const auto& targets = t[at(o)];
        for (index_t position = 0; position < size_; ++position) {
            if (position % 4096 == 0) detail::poll_interrupt();
            if (unknown(position, o)) continue;
            const index_t q = column(position);
            for (index_t i = 0; i < plan.outputs[at(o)].rows; ++i) {
                if (!std::isnan(targets(i, q))) ++counted;
            }
        }
    }
}

}  // namespace jacnet
