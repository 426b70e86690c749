/// The cheaper way to a curvature matrix.

#include <algorithm>

#include "contraction.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Whether layers that read others are read by none and add no curvature of their own, so that a
/// hidden neuron bends in its own weights alone and moves no other hidden layer.
bool shallow(const Plan& plan, Objective objective) {
    return std::all_of(plan.layers.begin(), plan.layers.end(), [&](const PlanLayer& layer) {
        if (layer.matrix_slope) return false;
        if (!layer.reads_layers()) return true;
        if (!layer.successors.empty()) return false;
        return !bends(layer.transfer) ||
               (layer.output >= 0 &&
                loss_form(plan, plan.outputs[at(layer.output)], objective) != LossForm::output);
    });
}

}  // namespace

Route Contraction::choose(const Plan& plan, Curvature kind, Objective objective) {
    const bool exact = kind == Curvature::exact;
    if (exact && (plan.n_outputs > 1 || !shallow(plan, objective))) return Route::curvature;
    for (const PlanOutput& output :
         plan.outputs) {  // its second derivative has no root by elements
        const LossForm form = loss_form(plan, output, objective);
        if (form == LossForm::softmax_entropy || form == LossForm::own) return Route::curvature;
    }
    // Multiply-adds per sample; what is made and packed per lane weighs more than what is summed.
    constexpr double making = 12.0;
    const double panel = static_cast<double>(kernel_table().panel_rows);
    const double p = static_cast<double>(plan.n_parameters);
    double curvature = 0.0, columns = 0.5 * p * (p + panel);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& a = plan.layers[at(l)];
        for (index_t k = l; k < plan.n_layers(); ++k) {
            const PlanLayer& b = plan.layers[at(k)];
            const auto size = static_cast<double>(a.size() * b.size());
            const auto made = static_cast<double>(a.h * b.h);
            // Few columns starve the products: a packed row is then read for little work.
            const double sources = static_cast<double>(k == l ? pairs(a.k) : a.k * b.k);
            const double starved = 1.0 + 0.5 * panel / (panel + sources);
            curvature += (k == l ? 0.25 : 1.0) * size * starved + making * made +
                         static_cast<double>(a.h) * made;
        }
        columns += making * static_cast<double>(a.size());
        if (exact) columns += static_cast<double>(a.h * pairs(a.k));
    }
    return columns * static_cast<double>(plan.n_outputs) < curvature ? Route::columns
                                                                     : Route::curvature;
}

}  // namespace jacnet
