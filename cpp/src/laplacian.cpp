/// Sum of the second derivatives of the outputs with respect to the raw inputs, forward only: with
/// every net input go its moves S_l = ds_l/dx and its own Laplacian, and a layer makes of them
/// F_l Lap(s_l) + sum_r f_l''[s_r, s_r]. That is one more column than the R of S_l, where the trace
/// of the Hessian would need M sensitivities back: Li et al. (2024), "A computational framework for
/// neural network-based variational Monte Carlo with Forward Laplacian", Nature Machine
/// Intelligence 6. Layers behind which nothing bends need no moves, and those that read inputs only
/// have the same ones for every sample.

#include <algorithm>

#include "input_passes.hpp"
#include "output_map.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// out += sum over directions of f''[s_r, s_r], where the slope is elementwise.
void add_bending(const Plan& plan, const InputWeights& weights, const Block& block, index_t l,
                 const Tangents& moves, double* out) {
    const Kernels& kernels = kernel_table();
    const index_t h = plan.layers[at(l)].h, n = block.n;
    Workspace work;
    double* squares = work.doubles(n * h);
    std::fill_n(squares, n * h, 0.0);
    if (const double* s = moves.s[l]) {
        for (index_t r = 0; r < moves.count; ++r) {
            const double* own = s + r * h * n;
            kernels.multiply(n * h, own, own, squares, true);
        }
    } else if (const double* g = weights.of(l)) {
        for (index_t i = 0; i < h; ++i) {
            double sum = 0.0;
            for (index_t r = 0; r < moves.count; ++r) sum += g[i + r * h] * g[i + r * h];
            std::fill_n(squares + i * n, n, sum);
        }
    }
    kernels.multiply(n * h, block.layers[l].d2, squares, out, true);
}

/// The same for a = softmax(z(s)), one lane at a time: with dz = z' s_r and m = a'dz, it is
/// a (dz - m)^2 - a sum a (dz - m)^2, plus the slope of softmax times z'' s_r^2.
void add_matrix_bending(const Block& block, index_t l, index_t h, const Tangents& moves,
                        double* out) {
    const LayerTape& tape = block.layers[l];
    const index_t n = block.n;
    Workspace work;
    double* bent = work.doubles(h);
    const auto weighted = [](double a, double value) { return a == 0.0 ? 0.0 : a * value; };
    for (index_t z = 0; z < n; ++z) {
        for (index_t r = 0; r < moves.count; ++r) {
            const double* s = moves.s[l] + r * h * n + z;
            const auto dz = [&](index_t i) { return tape.d1[i * n + z] * s[i * n]; };
            double mean = 0.0, spread = 0.0;
            for (index_t i = 0; i < h; ++i) mean += weighted(tape.a[i * n + z], dz(i));
            for (index_t i = 0; i < h; ++i) {
                const double off = dz(i) - mean;
                bent[i] = off * off + tape.d2[i * n + z] * s[i * n] * s[i * n];
                spread += weighted(tape.a[i * n + z], bent[i]);
            }
            for (index_t i = 0; i < h; ++i) {
                out[i * n + z] += weighted(tape.a[i * n + z], bent[i] - spread);
            }
        }
    }
}

/// Laplacian of every layer's output over a block; null where it vanishes.
double** carry_laplacians(const Plan& plan, const InputWeights& weights, const Bends& bends,
                          const Block& block, const Tangents& moves, Workspace& work) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    double** a = work.array<double*>(plan.n_layers());
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        a[l] = nullptr;
        bool moved = false;
        for (const Feed& feed : layer.feeds) {
            if (feed.kind != SourceKind::layer || !a[feed.source]) continue;
            if (!moved) a[l] = work.doubles(n * layer.h);
            kernels.layer_product(n, layer.h, feed.width, a[feed.source], n,
                                  plan.theta(l) + feed.column * layer.h, 1, layer.h, a[l], n,
                                  moved);
            moved = true;
        }
        if (moved) {
            kernels.slope_forward(slope_of(plan, block, l), n, layer.h, a[l], n, a[l], n);
        }
        if (!bends.own[at(l)]) continue;
        if (!moved) {
            a[l] = work.doubles(n * layer.h);
            std::fill_n(a[l], n * layer.h, 0.0);
        }
        if (layer.matrix_slope) {
            add_matrix_bending(block, l, layer.h, moves, a[l]);
        } else {
            add_bending(plan, weights, block, l, moves, a[l]);
        }
    }
    return a;
}

}  // namespace

void compute_laplacian(const Plan& plan, const Batch& batch, MatrixView<double> out,
                       std::optional<int> n_threads) {
    const Bends bends = bends_of(plan);
    const index_t step = curved_block_samples(plan, unit_doubles(plan, bends));
    const double flops =
        plan.forward_flops * static_cast<double>(batch.size() * (2 + plan.n_inputs));
    Workspace shared;
    const InputWeights weights(plan, shared);
    const int threads = threads_for(flops, n_threads);
    for_each_curved_block(plan, batch, step, threads, [&](const Block& block, Workspace& work) {
        const Tangents moves = carry_units(plan, weights, bends, block, work);
        double** laplacians = carry_laplacians(plan, weights, bends, block, moves, work);
        double* y = work.doubles(block.n);
        for (const PlanOutput& output : plan.outputs) {
            const double* a = laplacians[output.layer];
            for (index_t i = 0; i < output.rows; ++i) {
                std::fill_n(y, block.n, 0.0);
                if (a) add_output_row(output, i, block.n, a, y);
                for (index_t z = 0; z < block.count; ++z)
                    out(block.first + z, output.first_row + i) = y[z];
            }
        }
    });
}

}  // namespace jacnet
