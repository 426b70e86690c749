/// Second derivatives of the outputs with respect to the inputs.
///
/// Only the layers bend: d2y_m/dx2 is the sum over layers of S_l' K_l S_l, with S_l = ds_l/dx and
/// K_l = diag(f'' v_l), v_l = dy_m/da_l (a full matrix for softmax and radbasn). This is B_00 of
/// stagewise second-order backpropagation (Mizutani and Dreyfus 2008) with the sums exchanged: S
/// serves all outputs, and no product of three layer widths is left. Where a layer reads inputs
/// only, S_l is the same for every sample.

#include <algorithm>

#include "input_passes.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// All g_r g_r' of a layer whose net input moves alike for all samples, pairs r <= r' fastest.
class Squares {
public:
    Squares(const Plan& plan, const InputWeights& weights, const Bends& bends, Workspace& work)
        : plan_(plan),
          turned_(work.array<const double*>(plan.n_layers())),
          whole_(work.array<const double*>(plan.n_layers())) {
        const index_t pairs = plan.n_inputs * (plan.n_inputs + 1) / 2;
        for (index_t l = 0; l < plan.n_layers(); ++l) {
            const index_t h = plan.layers[at(l)].h;
            turned_[l] = whole_[l] = nullptr;
            const double* g = weights.of(l);
            if (!alike(l) || !bends.own[at(l)] || !g) continue;
            double* turned = work.doubles(h * plan.n_inputs);
            for (index_t r = 0; r < plan.n_inputs; ++r) {
                for (index_t i = 0; i < h; ++i) turned[r + i * plan.n_inputs] = g[i + r * h];
            }
            turned_[l] = turned;
            if (pairs > most / h) continue;
            double* all = work.doubles(pairs * h);
            for (index_t c = 0; c < plan.n_inputs; ++c) fill(l, c, all + c * (c + 1) / 2, pairs);
            whole_[l] = all;
        }
    }

    bool alike(index_t l) const {
        return !plan_.layers[at(l)].reads_layers() && !plan_.layers[at(l)].matrix_slope;
    }

    /// hessian (upper triangle, runs of n) += the layer's part under `weight` = f'' v, n x h.
    void add(index_t l, index_t n, const double* weight, double* hessian) const {
        const Kernels& kernels = kernel_table();
        const index_t h = plan_.layers[at(l)].h, count = plan_.n_inputs;
        if (!turned_[l]) return;
        Workspace work;
        if (const double* all = whole_[l]) {
            const index_t pairs = count * (count + 1) / 2;
            double* packed = work.doubles(n * pairs);
            kernels.layer_product(n, pairs, h, weight, n, all, 1, pairs, packed, n, false);
            for (index_t c = 0; c < count; ++c) {
                kernels.scale(n * (c + 1), packed + c * (c + 1) / 2 * n, 1.0,
                              hessian + c * count * n, true);
            }
            return;
        }
        double* column = work.doubles(h * count);
        for (index_t c = 0; c < count; ++c) {
            fill(l, c, column, c + 1);
            kernels.layer_product(n, c + 1, h, weight, n, column, 1, c + 1, hessian + c * count * n,
                                  n, true);
        }
    }

private:
    static constexpr index_t most = index_t{1} << 16;  // doubles
    static constexpr index_t few = 16;                 // not worth a call

    /// out[r + i * ld] = g[i, r] g[i, c] for r <= c.
    void fill(index_t l, index_t c, double* out, index_t ld) const {
        for (index_t i = 0; i < plan_.layers[at(l)].h; ++i) {
            const double* g = turned_[l] + i * plan_.n_inputs;
            if (c < few) {
                for (index_t r = 0; r <= c; ++r) out[r + i * ld] = g[r] * g[c];
            } else {
                kernel_table().scale(c + 1, g, g[c], out + i * ld, false);
            }
        }
    }

    const Plan& plan_;
    const double** turned_;  ///< g', inputs fastest
    const double** whole_;
};

/// d2y_m/dx2 over a block, upper triangle of n x (R x R), under the adjoint of output m.
void hessian_of_output(const Plan& plan, const Bends& bends, const Squares& squares,
                       const Block& block, const Tangents& moves, const Adjoint& adjoint,
                       double* hessian) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n, count = plan.n_inputs;
    std::fill_n(hessian, n * count * count, 0.0);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        if (!bends.own[at(l)]) continue;
        const index_t h = plan.layers[at(l)].h;
        Workspace work;
        if (squares.alike(l)) {
            double* weight = work.doubles(n * h);
            kernels.multiply(n * h, block.layers[l].d2, adjoint.v[l], weight, false);
            squares.add(l, n, weight, hessian);
        } else {
            double* bent = work.doubles(n * h * count);
            apply_curvature(plan, block, l, adjoint.v[l], count, moves.s[l], bent);
            kernels.lane_products(n, count, count, h, moves.s[l], bent, hessian, true, true);
        }
    }
}

}  // namespace

void compute_input_hessian(const Plan& plan, const Batch& batch, double* data,
                           const index_t strides[4], std::optional<int> n_threads) {
    const Bends bends = bends_of(plan);
    const index_t count = plan.n_inputs, outputs = plan.n_outputs;
    const double pairs = static_cast<double>(count * count);
    const double per_sample = 2.0 * unit_doubles(plan, bends) + pairs;
    const index_t step = curved_block_samples(plan, per_sample);
    double bent = 0.0;
    for (const PlanLayer& layer : plan.layers) bent += static_cast<double>(layer.h);
    const double flops = static_cast<double>(batch.size()) *
                         (plan.forward_flops * static_cast<double>(1 + count + outputs) +
                          pairs * static_cast<double>(outputs) * bent);
    Workspace shared;
    const InputWeights weights(plan, shared);
    const Squares squares(plan, weights, bends, shared);
    const int threads = threads_for(flops, n_threads);
    for_each_curved_block(plan, batch, step, threads, [&](const Block& block, Workspace& work) {
        const Tangents moves = carry_units(plan, weights, bends, block, work);
        const Adjoint adjoint = reserve_adjoint(plan, block.n, work);
        double* hessian = work.doubles(block.n * count * count);
        Factor* runs = work.array<Factor>(count);
        for (index_t m = 0; m < outputs; ++m) {
            adjoint_of_output(plan, block, m, adjoint);
            hessian_of_output(plan, bends, squares, block, moves, adjoint, hessian);
            for (index_t r = 0; r < count; ++r) {
                for (index_t c = 0; c < count; ++c) {
                    const index_t pair = std::min(r, c) + std::max(r, c) * count;
                    runs[c] = {hessian + pair * block.n, nullptr};
                }
                put_by_sample(block.count, count, runs,
                              data + block.first * strides[0] + m * strides[1] + r * strides[2],
                              strides[0], strides[3]);
            }
        }
    });
}

}  // namespace jacnet
