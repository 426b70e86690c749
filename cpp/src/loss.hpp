#pragma once
/// Performance functions on a block of samples: value, slope and curvature.

#include "plan.hpp"

namespace jacnet {

/// -1, 0 or 1.
inline double sign(double v) { return v > 0.0 ? 1.0 : v < 0.0 ? -1.0 : 0.0; }

/// What is differentiated: the performance (data part), or half the squared scaled errors, whose
/// curvature is J J' and whose gradient is J e.
enum class Objective { performance, half_sse };

/// How an output enters the loss.
enum class LossForm {
    output,           ///< through its raw values y
    softmax_entropy,  ///< crossentropy of softmax, from the net input
    logsig_entropy,   ///< crossentropy of logsig, from the net input
    own,              ///< through the raw values, by derivatives that came from outside
};

/// Whether a loss of that form is split at the raw output, not at the net input of its layer.
inline bool splits_at_output(LossForm form) {
    return form == LossForm::output || form == LossForm::own;
}

LossForm loss_form(const Plan& plan, const PlanOutput& output, Objective objective);

/// One output over n lanes: every matrix is n x rows, ld apart. Weights are zero for lanes and
/// elements that do not count, and otherwise carry EW and the scale of the performance.
struct LossLanes {
    index_t n = 0;
    index_t rows = 0;
    index_t ld = 0;
    const double* y = nullptr;  ///< raw outputs
    const double* s = nullptr;  ///< net inputs of the output layer
    const double* a = nullptr;  ///< its outputs
    const double* t = nullptr;
    const double* w = nullptr;
    index_t ldtw = 0;
    const double* norm = nullptr;
    bool binary = false;  ///< crossentropy of a single row
};

/// Weighted sum over the lanes, in order.
double loss_value(Performance function, LossForm form, const LossLanes& lanes);

/// First and second derivative of the objective with respect to y, elementwise; `second` may be
/// null, and is not written for LossForm::own, whose slopes stand in place of the targets.
void loss_output_slopes(const Plan& plan, Objective objective, const LossLanes& lanes,
                        double* first, double* second, index_t ld);

/// First derivative with respect to the net input; curvature n x (rows x rows), may be null.
void loss_net_slopes(LossForm form, const LossLanes& lanes, double* first, index_t ld,
                     double* curvature, index_t ldc);

/// out += the curvature of loss_net_slopes times r, n x rows each, without forming it.
void add_net_curvature_product(LossForm form, const LossLanes& lanes, const double* r, index_t ldr,
                               double* out, index_t ldo);

/// The scale of the data part: (1 - r) / Ne for means, else 1 - r.
double data_scale(const PerformanceSettings& settings, index_t counted);

/// Regularisation: value, and in place r-terms of gradient and Hessian diagonal.
double weight_penalty(const PerformanceSettings& settings, const double* wb, index_t n_parameters);
double weight_penalty_slope(const PerformanceSettings& settings, double w, index_t n_parameters);
double weight_penalty_curvature(const PerformanceSettings& settings, index_t n_parameters);

}  // namespace jacnet
