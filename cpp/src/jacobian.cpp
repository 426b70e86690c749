/// The dense Jacobian: for every sample and output, kron(u_l, d_l) layer by layer.

#include <algorithm>
#include <cmath>

#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Factor of every column: 1, or -sqrt(EW) norm, zero where the target does not count.
void column_scales(const Plan& plan, const Batch& batch, JacobianScale scale, Block& block,
                   double* scales) {
    const index_t size = plan.n_outputs * block.n;
    if (scale == JacobianScale::outputs) {
        std::fill_n(scales, size, 1.0);
        return;
    }
    if (batch.plain()) {
        for (index_t m = 0; m < plan.n_outputs; ++m) {
            std::fill_n(scales + m * block.n, block.n, -plan.norm()[m]);
        }
        return;
    }
    load_targets(plan, batch, block, 1.0);
    for (index_t m = 0; m < plan.n_outputs; ++m) {
        const double norm = plan.norm()[m];
        for (index_t z = 0; z < block.n; ++z) {
            scales[m * block.n + z] = -std::sqrt(block.w[m * block.n + z]) * norm;
        }
    }
}

/// Columns of the layers [first, last), which have few neurons: each row is a product of lanes, and
/// is transposed into the columns.
void write_narrow(const Plan& plan, const Block& block, index_t first, index_t last,
                  const double* scales, double* out, index_t col_stride) {
    const index_t n = block.n;
    Workspace work;
    index_t n_rows = 0;
    for (index_t l = first; l < last; ++l) n_rows += plan.layers[at(l)].size();
    Factor* rows = work.array<Factor>(n_rows);
    for (index_t m = 0; m < plan.n_outputs; ++m) {
        Factor* next = rows;
        for (index_t l = first; l < last; ++l) {
            const PlanLayer& layer = plan.layers[at(l)];
            double* d = block.layers[l].d + m * layer.h * n;
            for (index_t i = 0; i < layer.h; ++i) {
                kernel_table().multiply(n, d + i * n, scales + m * n, d + i * n, false);
            }
            for (index_t p = 0; p < layer.k; ++p) {
                for (index_t i = 0; i < layer.h; ++i)
                    *next++ = {block.layers[l].u + p * n, d + i * n};
            }
        }
        kernel_table().columns_by_lanes(block.count, n_rows, rows,
                                        out + m * col_stride + plan.layers[at(first)].offset,
                                        plan.n_outputs * col_stride);
    }
}

/// Writes the columns of one block where rows are contiguous.
void write_columns(const Plan& plan, const Block& block, const double* scales, double* out,
                   index_t col_stride, bool stream) {
    constexpr index_t narrow = 16;  // neurons
    for (index_t l = 0; l < plan.n_layers();) {
        index_t last = l;
        while (!stream && last < plan.n_layers() && plan.layers[at(last)].h < narrow) ++last;
        if (last > l) {
            write_narrow(plan, block, l, last, scales, out, col_stride);
            l = last;
            continue;
        }
        const PlanLayer& layer = plan.layers[at(l)];
        Workspace work;
        double* scratch = work.doubles((layer.k + layer.h * plan.n_outputs) * block.n);
        kernel_table().jacobian_columns(block.count, block.n, layer.h, layer.k, plan.n_outputs,
                                        block.layers[l].u, block.n, block.layers[l].d, block.n,
                                        scales, block.n, out + layer.offset, col_stride, stream,
                                        scratch);
        ++l;
    }
}

}  // namespace

void compute_jacobian(const Plan& plan, const Batch& batch, JacobianScale scale,
                      MatrixView<double> j, std::optional<int> n_threads) {
    const index_t rows = plan.n_parameters, per_sample = rows * plan.n_outputs;
    const double flops = (3.0 * plan.forward_flops + static_cast<double>(rows)) *
                         static_cast<double>(batch.size() * plan.n_outputs);
    constexpr index_t cached_doubles = index_t{1} << 18;  // 2 MiB
    constexpr index_t staged_doubles = index_t{1} << 13;  // within the first two levels
    const bool stream = per_sample * batch.size() > cached_doubles;
    // Columns of small networks are short: a few samples of them are staged and streamed together.
    const bool staged = j.row_stride != 1 || (stream && 4 * per_sample <= staged_doubles);
    // Few enough samples that what is transposed and written stays in the caches.
    const index_t block_samples =
        staged || per_sample > 4096
            ? std::clamp(staged_doubles / std::max(per_sample, index_t{1}) / lanes * lanes,
                         index_t{32}, index_t{128})
            : 128;
    const index_t n_blocks = (batch.size() + block_samples - 1) / block_samples;
    parallel_for(n_blocks, threads_for(flops, n_threads), [&](index_t task) {
        Workspace work;
        const index_t first = task * block_samples;
        const index_t count = std::min(block_samples, batch.size() - first);
        Block block = make_block(plan, first, count, Order::slope, work);
        reserve_gradient(plan, block, work);
        reserve_sensitivities(plan, block, work);
        forward(plan, batch, block, Order::slope);
        sensitivities(plan, block);
        double* scales = work.doubles(plan.n_outputs * block.n);
        column_scales(plan, batch, scale, block, scales);

        const index_t first_column = first * plan.n_outputs, columns = count * plan.n_outputs;
        double* target = j.data + first_column * j.col_stride;
        if (!staged) return write_columns(plan, block, scales, target, j.col_stride, stream);
        double* compact = work.doubles(rows * columns);
        write_columns(plan, block, scales, compact, rows, false);
        if (j.row_stride == 1 && j.col_stride == rows) {
            return kernel_table().stream(rows * columns, compact, target);
        }
        for (index_t i = 0; i < rows; ++i) {
            for (index_t c = 0; c < columns; ++c) {
                j(i, first_column + c) = compact[c * rows + i];
            }
        }
    });
}

}  // namespace jacnet
