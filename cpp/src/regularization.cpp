/// What large weights and biases cost.

#include <cmath>

#include "loss.hpp"

namespace jacnet {

namespace {

bool absolute(const PerformanceSettings& settings) {
    return settings.function == Performance::mae || settings.function == Performance::sae;
}

double penalty_scale(const PerformanceSettings& settings, index_t n_parameters) {
    if (n_parameters == 0) return 0.0;
    return is_mean(settings.function) ? settings.regularization / static_cast<double>(n_parameters)
                                      : settings.regularization;
}

}  // namespace

double weight_penalty(const PerformanceSettings& settings, const double* wb, index_t n_parameters) {
    if (settings.regularization == 0.0) return 0.0;
    double sum = 0.0;
    for (index_t i = 0; i < n_parameters; ++i) {
        sum += absolute(settings) ? std::fabs(wb[i]) : wb[i] * wb[i];
    }
    return penalty_scale(settings, n_parameters) * sum;
}

double weight_penalty_slope(const PerformanceSettings& settings, double w, index_t n_parameters) {
    return penalty_scale(settings, n_parameters) * (absolute(settings) ? sign(w) : 2.0 * w);
}

double weight_penalty_curvature(const PerformanceSettings& settings, index_t n_parameters) {
    return absolute(settings) ? 0.0 : 2.0 * penalty_scale(settings, n_parameters);
}

}  // namespace jacnet
