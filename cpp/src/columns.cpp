/// Outer products of every sample, layer by layer, as the columns of a matrix.

#include "columns.hpp"

#include <algorithm>
#include <type_traits>

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// The kernels that write a result.
template <class Real>
const auto& writers() {
    if constexpr (std::is_same_v<Real, float>) {
        return float_kernel_table();
    } else {
        return kernel_table();
    }
}

/// Samples of a block, from `first` (a multiple of 8) on.
struct Part {
    index_t first = 0;
    index_t count = 0;
};

/// Columns of the layers [first, last), which have few neurons: each row is a product of lanes, and
/// is transposed into the columns.
template <class Real>
void write_narrow(const Plan& plan, const Block& block, const Columns& columns, const Part& part,
                  index_t first, index_t last, const double* scales, Real* out,
                  index_t col_stride) {
    const index_t n = block.n;
    Workspace work;
    index_t n_rows = 0, neurons = 0;
    for (index_t l = first; l < last; ++l) {
        n_rows += plan.layers[at(l)].size();
        neurons += plan.layers[at(l)].h;
    }
    Factor* rows = work.array<Factor>(n_rows);
    const index_t n_part = round_up(part.count, lanes);
    double* scaled = work.doubles(neurons * n_part);
    for (index_t m = 0; m < columns.outputs; ++m) {
        Factor* next = rows;
        double* d = scaled;
        for (index_t l = first; l < last; ++l) {
            const PlanLayer& layer = plan.layers[at(l)];
            const double* own = block.layers[l].*columns.side + m * layer.h * n + part.first;
            for (index_t i = 0; i < layer.h; ++i) {
                kernel_table().multiply(n_part, own + i * n, scales + m * n + part.first,
                                        d + i * n_part, false);
            }
            for (index_t p = 0; p < layer.k; ++p) {
                const double* u = block.layers[l].u + p * n + part.first;
                for (index_t i = 0; i < layer.h; ++i) *next++ = {u, d + i * n_part};
            }
            d += layer.h * n_part;
        }
        writers<Real>().columns_by_lanes(part.count, n_rows, rows,
                                         out + m * col_stride + plan.layers[at(first)].offset,
                                         columns.outputs * col_stride);
    }
}

/// Columns of one layer: u and the scaled d of every sample, and their outer products.
template <class Real>
void write_layer(const Plan& plan, const Block& block, const Columns& columns, const Part& part,
                 index_t l, const double* scales, Real* out, index_t col_stride, bool stream) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan.layers[at(l)];
    const LayerTape& tape = block.layers[l];
    const index_t n = block.n, outputs = columns.outputs, wrapped = layer.h + lanes;
    const index_t ldu = round_up(layer.k, lanes), ldd = round_up(wrapped, lanes);
    Workspace work;
    double* u = work.doubles(ldu * part.count);
    double* d = work.doubles(ldd * part.count * outputs);
    Factor* rows = work.array<Factor>(std::max(layer.k, wrapped));
    for (index_t p = 0; p < layer.k; ++p) rows[p] = {tape.u + p * n + part.first, nullptr};
    kernels.columns_by_lanes(part.count, layer.k, rows, u, ldu);
    for (index_t m = 0; m < outputs; ++m) {
        const double* own = tape.*columns.side + m * layer.h * n + part.first;
        for (index_t i = 0; i < wrapped; ++i) {
            rows[i] = {own + i % layer.h * n, scales + m * n + part.first};
        }
        kernels.columns_by_lanes(part.count, wrapped, rows, d + m * ldd, outputs * ldd);
    }
    writers<Real>().jacobian_columns(part.count, outputs, layer.h, layer.k, u, ldu, d, ldd, out,
                                     col_stride, stream);
}

/// Writes the columns of a part where rows are contiguous.
template <class Real>
void write_part(const Plan& plan, const Block& block, const Columns& columns, const Part& part,
                const double* scales, Real* out, index_t col_stride, bool stream) {
    constexpr index_t narrow = 16;  // neurons
    for (index_t l = 0; l < plan.n_layers();) {
        index_t last = l;
        while (!stream && last < plan.n_layers() && plan.layers[at(last)].h < narrow) ++last;
        if (last > l) {
            write_narrow(plan, block, columns, part, l, last, scales, out, col_stride);
            l = last;
            continue;
        }
        const PlanLayer& layer = plan.layers[at(l)];
        if (layer.k > 0) {
            write_layer(plan, block, columns, part, l, scales, out + layer.offset, col_stride,
                        stream);
        }
        ++l;
    }
}

template <class Real>
void write_all(Tape& tape, const Needs& needs, const Columns& columns, MatrixView<Real> j,
               std::optional<int> n_threads, const LoadScales& load_scales) {
    const Plan& plan = tape.plan();
    const Batch& batch = tape.batch();
    const index_t rows = plan.n_parameters, per_sample = rows * columns.outputs;
    const double flops = (3.0 * plan.forward_flops + static_cast<double>(rows)) *
                         static_cast<double>(batch.size() * columns.outputs);
    constexpr index_t cached_bytes = index_t{1} << 21;
    constexpr index_t staged_doubles = index_t{1} << 14;  // well within the second level
    const bool stream =
        per_sample * batch.size() * static_cast<index_t>(sizeof(Real)) > cached_bytes;
    // Columns of small networks are short: some samples of them are staged and streamed together.
    const bool staged = j.row_stride != 1 || (stream && lanes * per_sample <= staged_doubles);
    const index_t step =
        staged ? std::max(staged_doubles / std::max(per_sample, index_t{1}) / lanes * lanes, lanes)
               : (per_sample > 4096 ? index_t{32} : tape.block_samples());
    tape.for_each_block(needs, threads_for(flops, n_threads), [&](index_t, Block& block) {
        Workspace work;
        double* scales = work.doubles(columns.outputs * block.n);
        load_scales(block, scales);
        for (index_t z = 0; z < block.count; z += step) {
            const Part part{z, std::min(step, block.count - z)};
            const index_t first_column = (block.first + z) * columns.outputs;
            const index_t n_columns = part.count * columns.outputs;
            Real* target = j.data + first_column * j.col_stride;
            if (!staged) {
                write_part(plan, block, columns, part, scales, target, j.col_stride, stream);
                continue;
            }
            Workspace own;
            Real* compact = own.array<Real>(rows * n_columns);
            write_part(plan, block, columns, part, scales, compact, rows, false);
            if (j.row_stride == 1 && j.col_stride == rows) {
                writers<Real>().stream(rows * n_columns, compact, target);
                continue;
            }
            for (index_t i = 0; i < rows; ++i) {
                for (index_t c = 0; c < n_columns; ++c) {
                    j(i, first_column + c) = compact[c * rows + i];
                }
            }
        }
    });
}

}  // namespace

void write_columns(Tape& tape, const Needs& needs, const Columns& columns, MatrixView<double> j,
                   std::optional<int> n_threads, const LoadScales& load_scales) {
    write_all(tape, needs, columns, j, n_threads, load_scales);
}

void write_columns(Tape& tape, const Needs& needs, const Columns& columns, MatrixView<float> j,
                   std::optional<int> n_threads, const LoadScales& load_scales) {
    write_all(tape, needs, columns, j, n_threads, load_scales);
}

}  // namespace jacnet
