/// Products with the Hessian of the performance: the R-operator of Pearlmutter (1994), Neural
/// Computation 6, and with its Gauss-Newton part, Schraudolph (2002), Neural Computation 14.
///
/// Forward R{s} and R{a}, then backward, with the loss's curvature Lambda at the output:
///   R{v_l} = sum_s (W_sl' R{g_s} + V_sl' g_s) + Lambda R{y},  R{g_l} = F_l' R{v_l} + K_l R{s_l},
/// and the sums over samples of R{g_l} u_l' + g_l R{u_l}'. Gauss-Newton is the same without V', K
/// and R{u}.

#include <algorithm>

#include "curvature.hpp"
#include "directions.hpp"
#include "output_map.hpp"
#include "products.hpp"
#include "vector_sums.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// R{v_l} from the layers that read this one.
void move_back(const Plan& plan, const Block& block, const PlanLayer& layer, Curvature kind,
               const double* direction, double* const* moved, double* out) {
    const index_t n = block.n;
    back_through(plan, layer, n, out, [&](index_t s) { return moved[s]; });
    if (kind == Curvature::gauss_newton) return;
    for (const Successor& s : layer.successors) {
        const PlanLayer& reader = plan.layers[at(s.layer)];
        if (s.column >= reader.k) continue;  // frozen
        kernel_table().layer_product(n, layer.h, reader.h, block.layers[s.layer].g, n,
                                     direction + reader.offset + s.column * reader.h, reader.h, 1,
                                     out, n, true);
    }
}

/// (d2E/dy2) R{y} of an output, for a loss that is a sum over its elements.
void curve_elements(const Plan& plan, const Block& block, const PlanOutput& output,
                    const Motion* motion, double* curved) {
    const index_t size = block.n * output.rows;
    Workspace work;
    double* first = work.doubles(size);
    double* second = work.doubles(size);
    output_of_layer(output, block.n, motion[output.layer].a, curved);
    loss_output_slopes(plan, Objective::performance, loss_lanes(plan, block, output), first, second,
                       block.n);
    kernel_table().multiply(size, second, curved, curved, false);
}

/// The same for a loss from outside, which may couple all outputs.
void curve_own_loss(const Plan& plan, const Block& block, const PlanOutput& output,
                    const Motion* motion, double* curved) {
    const index_t n = block.n;
    Workspace work;
    double* y = work.doubles(n * plan.n_outputs);
    double* element = work.doubles(n);
    for (const PlanOutput& other : plan.outputs) {
        output_of_layer(other, n, motion[other.layer].a, y + other.first_row * n);
    }
    std::fill_n(curved, n * output.rows, 0.0);
    for (index_t i = 0; i < output.rows; ++i) {
        for (index_t m = 0; m < plan.n_outputs; ++m) {
            if (block.loss->diagonal && m != output.first_row + i) continue;
            load_loss_curvature(block, output.first_row + i, m, element);
            kernel_table().multiply(n, element, y + m * n, curved + i * n, true);
        }
    }
}

/// R{v_l} += D' (d2E/dy2) R{y}.
void add_output_curvature(const Plan& plan, const Block& block, const PlanOutput& output,
                          LossForm form, const Motion* motion, double* out) {
    Workspace work;
    double* curved = work.doubles(block.n * output.rows);
    (form == LossForm::own ? curve_own_loss : curve_elements)(plan, block, output, motion, curved);
    add_to_layer(output, block.n, curved, out);
}

/// sum += R{g_l} u_l' + g_l R{u_l}' over the lanes.
void add_outer_products(const Block& block, const PlanLayer& layer, index_t l, Curvature kind,
                        const double* moved, const Motion* motion, double* sum) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n, h = layer.h;
    kernels.sum_over_lanes(n, h, layer.k, moved, n, block.layers[l].u, n, sum, h);
    for (const Feed& feed : layer.feeds) {
        if (kind == Curvature::gauss_newton || feed.kind != SourceKind::layer) continue;
        if (feed.column >= layer.k) continue;  // frozen
        kernels.sum_over_lanes(n, h, feed.width, block.layers[l].g, n, motion[feed.source].a, n,
                               sum + feed.column * h, h);
    }
}

/// sum += the product with a direction over the samples of a block.
void add_product(const Plan& plan, const Block& block, Curvature kind, const double* direction,
                 double* sum) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    Workspace work;
    const Motion* motion = move_forward(plan, block, direction, work);
    double** moved = work.array<double*>(plan.n_layers());  // R{g}
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        const LayerTape& tape = block.layers[l];
        const Slope slope = slope_of(plan, block, l);
        const PlanOutput* output = layer.output >= 0 ? &plan.outputs[at(layer.output)] : nullptr;
        const LossForm form =
            output ? loss_form(plan, *output, Objective::performance) : LossForm::output;
        moved[l] = work.doubles(n * layer.h);
        move_back(plan, block, layer, kind, direction, moved, moved[l]);
        const bool at_output = splits_at_output(form);
        if (output && at_output) {
            add_output_curvature(plan, block, *output, form, motion, moved[l]);
        }
        kernels.slope_backward(slope, n, layer.h, moved[l], n, moved[l], n);
        if (kind == Curvature::exact) {
            kernels.multiply_curvature(slope, tape.d2, n, layer.h, tape.v, n, motion[l].s, n,
                                       moved[l], n);
        }
        if (output && !at_output) {
            add_net_curvature_product(form, loss_lanes(plan, block, *output), motion[l].s, n,
                                      moved[l], n);
        }
        add_outer_products(block, layer, l, kind, moved[l], motion, sum + layer.offset);
    }
}

}  // namespace

void compute_curvature_product(Tape& tape, Curvature kind, MatrixView<const double> v,
                               MatrixView<double> out, std::optional<int> requested) {
    const Plan& plan = tape.plan();
    const Batch& batch = tape.batch();
    const bool exact = kind == Curvature::exact;
    const double scale = data_scale(plan.performance, batch.counted);
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    const Needs needs{.order = order_for(kind), .gradient = exact};
    const double flops = plan.forward_flops * static_cast<double>(batch.size()) *
                         static_cast<double>(6 * v.cols + 2);
    Workspace work;
    const char* function = exact ? "hvp" : "ggnvp";
    const Directions directions(function, v, work);
    sum_for_vectors(
        function, tape, needs, threads_for(flops, requested), out,
        // Other questions may have left weights of another scale.
        [&](Block& block) { load_targets(plan, batch, block, scale); },
        [&](const Block& block, index_t k, double* sum) {
            add_product(plan, block, kind, directions.column(k), sum);
        },
        [&](index_t i, index_t k, double sum) {
            return penalty == 0.0 ? sum : sum + penalty * directions.column(k)[i];
        });
}

}  // namespace jacnet
