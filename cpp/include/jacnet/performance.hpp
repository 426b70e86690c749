#pragma once
/// Performance functions: what a network's errors cost, and how that cost is scaled.

#include <string_view>
#include <vector>

#include "jacnet/view.hpp"

namespace jacnet {

/// Sums run over output elements whose target is not NaN (Ne of them); e = norm * (t - y),
/// EW is the error weight.
enum class Performance {
    mse,           ///< sum(EW e^2) / Ne
    sse,           ///< sum(EW e^2)
    mae,           ///< sum(EW |e|) / Ne
    sae,           ///< sum(EW |e|)
    crossentropy,  ///< sum(-EW t log y) / Ne; an output of one row: sum(-EW (t log y + (1-t)
                   ///< log(1-y))) / Ne
};

/// The factor `norm` of an output element, from the range [lo, hi] of its training targets.
enum class Normalization {
    none,      ///< 1
    standard,  ///< 2 / (hi - lo)
    percent,   ///< 1 / (hi - lo)
};
inline constexpr std::size_t n_normalizations = 3;

std::string_view name(Performance function);
std::string_view name(Normalization normalization);
/// @throws std::invalid_argument for an unknown name; the message suggests the nearest one.
Performance performance_from_name(std::string_view name);
Normalization normalization_from_name(std::string_view name);
const std::vector<Performance>& performance_functions();

/// perf = (1 - r) * perf_data + r * perf_weights; perf_weights is sum(w^2) for mse, sse and
/// crossentropy and sum(|w|) for mae and sae, divided by the number of parameters for mean types.
struct PerformanceSettings {
    Performance function = Performance::mse;
    double regularization = 0.0;  ///< r, in [0, 1]
    Normalization normalization = Normalization::none;
};

/// mse, mae and crossentropy divide by the number of target elements that count.
bool is_mean(Performance function);

}  // namespace jacnet
