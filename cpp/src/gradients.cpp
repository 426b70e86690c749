/// Gradients sample by sample: kron(u_l, g_l), layer by layer, as the columns of a Jacobian.

#include <algorithm>

#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

/// Columns of a part of a block, of contiguous rows.
void write_columns(const Plan& plan, const Block& block, index_t first, index_t count, double* out,
                   index_t col_stride, bool stream) {
    constexpr index_t narrow = 16;  // neurons
    const index_t n = round_up(count, lanes);
    Workspace work;
    double* ones = work.doubles(n);
    std::fill_n(ones, n, 1.0);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[static_cast<std::size_t>(l)];
        const double* u = block.layers[l].u + first;
        const double* g = block.layers[l].g + first;
        Workspace scratch;
        if (layer.h >= narrow || stream) {
            double* own = scratch.doubles((layer.k + layer.h) * n);
            kernel_table().jacobian_columns(count, n, layer.h, layer.k, 1, u, block.n, g, block.n,
                                            ones, n, out + layer.offset, col_stride, stream, own);
            continue;
        }
        Factor* rows = scratch.array<Factor>(layer.size());
        for (index_t p = 0; p < layer.k; ++p) {
            for (index_t i = 0; i < layer.h; ++i) {
                rows[p * layer.h + i] = {u + p * block.n, g + i * block.n};
            }
        }
        kernel_table().columns_by_lanes(count, layer.size(), rows, out + layer.offset, col_stride);
    }
}

}  // namespace

void compute_gradients(Tape& tape, MatrixView<double> g, std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    const index_t p = plan.n_parameters;
    const double flops = (3.0 * plan.forward_flops + static_cast<double>(p)) *
                         static_cast<double>(tape.batch().size());
    constexpr index_t cached_doubles = index_t{1} << 18, staged_doubles = index_t{1} << 14;
    const bool direct = g.row_stride == 1;
    const bool stream = direct && p * tape.batch().size() > cached_doubles && p >= 256;
    const index_t step =
        direct ? tape.block_samples()
               : std::max(staged_doubles / std::max(p, index_t{1}) / lanes * lanes, lanes);
    const Needs needs{.order = Order::slope, .gradient = true};
    tape.for_each_block(needs, threads_for(flops, n_threads), [&](index_t, Block& block) {
        for (index_t z = 0; z < block.count; z += step) {
            const index_t count = std::min(step, block.count - z), column = block.first + z;
            if (direct) {
                write_columns(plan, block, z, count, g.data + column * g.col_stride, g.col_stride,
                              stream);
                continue;
            }
            Workspace work;
            double* compact = work.doubles(p * count);
            write_columns(plan, block, z, count, compact, p, false);
            for (index_t i = 0; i < p; ++i) {
                for (index_t c = 0; c < count; ++c) g(i, column + c) = compact[c * p + i];
            }
        }
    });
}

}  // namespace jacnet
