/// Passes back: from the loss, or from every output.

#include <algorithm>

#include "output_map.hpp"
#include "passes.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// v += D' dE/dy of an output that enters the loss through its raw values.
void add_output_slope(const Plan& plan, const Block& block, const PlanOutput& output,
                      Objective objective, double* v) {
    Workspace work;
    double* slope = work.doubles(block.n * output.rows);
    const LossLanes loss = loss_lanes(plan, block, output);
    loss_output_slopes(plan, objective, loss, slope, nullptr, block.n);
    add_to_layer(output, block.n, slope, v);
}

}  // namespace

void backward(const Plan& plan, Block& block, Objective objective) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const LayerTape& tape = block.layers[l];
        back_through(plan, layer, n, tape.v, [&](index_t s) { return block.layers[s].g; });
        const PlanOutput* output = layer.output >= 0 ? &plan.outputs[at(layer.output)] : nullptr;
        const LossForm form = output ? loss_form(plan, *output, objective) : LossForm::output;
        const bool at_output = splits_at_output(form);
        if (output && at_output) {
            add_output_slope(plan, block, *output, objective, tape.v);
        }
        kernels.slope_backward(slope_of(plan, block, l), n, layer.h, tape.v, n, tape.g, n);
        if (output && !at_output) {
            Workspace work;
            double* direct = work.doubles(n * layer.h);
            loss_net_slopes(form, loss_lanes(plan, block, *output), direct, n, nullptr, 0);
            kernels.scale(n * layer.h, direct, 1.0, tape.g, true);
        }
    }
}

namespace {

/// d += row `m` of the output's linear part, or the unit vector.
void add_output(const Plan& plan, const PlanLayer& layer, index_t m, index_t n, From from,
                double* d) {
    if (layer.output < 0) return;
    const PlanOutput& output = plan.outputs[at(layer.output)];
    const index_t row = m - output.first_row;
    if (row < 0 || row >= output.rows) return;
    if (from == From::output) {
        add_gains(output, row, n, d);
    } else {
        kernel_table().fill(n, 1.0, d + row * n, true);
    }
}

}  // namespace

void sensitivities(const Plan& plan, Block& block, const From* from) {
    const index_t n = block.n;
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const Slope slope = slope_of(plan, block, l);
        for (index_t m = 0; m < plan.n_outputs; ++m) {
            double* d = block.layers[l].d + m * layer.h * n;
            back_through(plan, layer, n, d, [&](index_t s) {
                return block.layers[s].d + m * plan.layers[at(s)].h * n;
            });
            const From own = from ? from[m] : From::output;
            if (own == From::output) add_output(plan, layer, m, n, own, d);
            kernel_table().slope_backward(slope, n, layer.h, d, n, d, n);
            if (own == From::net_input) add_output(plan, layer, m, n, own, d);
        }
    }
}

From second_derivatives(const Plan& plan, const Block& block, const PlanOutput& output,
                        Objective objective, double* second) {
    const index_t n = block.n;
    const LossLanes loss = loss_lanes(plan, block, output);
    const LossForm form = loss_form(plan, output, objective);
    Workspace work;
    double* slope = work.doubles(n * output.rows);
    if (form != LossForm::output) {
        loss_net_slopes(form, loss, slope, n, second, n);
        return From::net_input;
    }
    double* elements = work.doubles(n * output.rows);
    loss_output_slopes(plan, objective, loss, slope, elements, n);
    for (index_t m = 0; m < output.rows; ++m) {
        std::copy_n(elements + m * n, n, second + m * (output.rows + 1) * n);
    }
    return From::output;
}

}  // namespace jacnet
