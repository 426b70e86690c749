/// Products of the input derivatives with one direction, or one weighted sum of outputs, per
/// sample: a pass forward, a pass back, and for the second derivatives Pearlmutter's pass back of
/// the direction: Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural
/// Computation 6.

#include <algorithm>

#include "input_passes.hpp"
#include "output_map.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

constexpr Needs slopes{.order = Order::slope, .outputs = false};

double flops(const Plan& plan, const Batch& batch, double passes) {
    return plan.forward_flops * passes * static_cast<double>(batch.size());
}

void put(const Block& block, index_t rows, const double* runs, const MatrixView<double>& out) {
    for (index_t z = 0; z < block.count; ++z) {
        for (index_t i = 0; i < rows; ++i) out(i, block.first + z) = runs[i * block.n + z];
    }
}

/// Moves of the adjoint's d as the inputs move: gdot_l = F' sum W' gdot_s + K_l s_l.
double** carry_back(const Plan& plan, const Block& block, const Adjoint& adjoint,
                    const Tangents& moves, Workspace& work) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    double** moved = work.array<double*>(plan.n_layers());
    for (index_t l = plan.n_layers() - 1; l >= 0; --l) {
        const PlanLayer& layer = plan.layers[at(l)];
        moved[l] = work.doubles(n * layer.h);
        back_through(plan, layer, n, moved[l], [&](index_t s) { return moved[s]; });
        kernels.slope_backward(slope_of(plan, block, l), n, layer.h, moved[l], n, moved[l], n);
        Workspace own;
        double* bent = own.doubles(n * layer.h);
        apply_curvature(plan, block, l, adjoint.v[l], 1, moves.s[l], bent);
        kernels.scale(n * layer.h, bent, 1.0, moved[l], true);
    }
    return moved;
}

}  // namespace

void compute_input_jvp(Tape& tape, const std::vector<MatrixView<const double>>& v,
                       MatrixView<double> out, std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    Workspace shared;
    const InputWeights weights(plan, shared);
    const int threads = threads_for(flops(plan, tape.batch(), 2.0), n_threads);
    tape.for_each_block(slopes, threads, [&](index_t, const Block& block) {
        Workspace work;
        const index_t n = block.n;
        double* direction = work.doubles(n * plan.n_inputs);
        load_lanes(v, block, direction);
        const Tangents moves = carry_direction(plan, weights, block, direction, work);
        double* y = work.doubles(n * plan.n_outputs);
        for (const PlanOutput& output : plan.outputs) {
            output_of_layer(output, n, moves.a[output.layer], y + output.first_row * n);
        }
        put(block, plan.n_outputs, y, out);
    });
}

void compute_input_vjp(Tape& tape, const std::vector<MatrixView<const double>>& u,
                       MatrixView<double> out, std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    Workspace shared;
    const InputWeights weights(plan, shared);
    const int threads = threads_for(flops(plan, tape.batch(), 2.0), n_threads);
    tape.for_each_block(slopes, threads, [&](index_t, const Block& block) {
        Workspace work;
        double* sums = work.doubles(block.n * plan.n_outputs);
        load_lanes(u, block, sums);
        const Adjoint adjoint = reserve_adjoint(plan, block.n, work);
        adjoint_of_sum(plan, block, sums, adjoint);
        double* dx = work.doubles(block.n * plan.n_inputs);
        back_to_inputs(plan, weights, block.n, adjoint.d, dx);
        put(block, plan.n_inputs, dx, out);
    });
}

void compute_input_hvp(const Plan& plan, const Batch& batch,
                       const std::vector<MatrixView<const double>>& u,
                       const std::vector<MatrixView<const double>>& v, MatrixView<double> out,
                       std::optional<int> n_threads) {
    Workspace shared;
    const InputWeights weights(plan, shared);
    const index_t step = curved_block_samples(plan, static_cast<double>(plan.n_inputs));
    const int threads = threads_for(flops(plan, batch, 4.0), n_threads);
    for_each_curved_block(plan, batch, step, threads, [&](const Block& block, Workspace& work) {
        double* sums = work.doubles(block.n * plan.n_outputs);
        double* direction = work.doubles(block.n * plan.n_inputs);
        load_lanes(u, block, sums);
        load_lanes(v, block, direction);
        const Tangents moves = carry_direction(plan, weights, block, direction, work);
        const Adjoint adjoint = reserve_adjoint(plan, block.n, work);
        adjoint_of_sum(plan, block, sums, adjoint);
        double** moved = carry_back(plan, block, adjoint, moves, work);
        double* dx = work.doubles(block.n * plan.n_inputs);
        back_to_inputs(plan, weights, block.n, moved, dx);
        put(block, plan.n_inputs, dx, out);
    });
}

}  // namespace jacnet
