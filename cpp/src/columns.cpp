/// Outer products of every sample, layer by layer, as the columns of a matrix.

#include "columns.hpp"

#include <algorithm>
#include <utility>

#include "caches.hpp"
#include "kernels/kernels.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Samples of a block, from `first` (a multiple of 8) on.
struct Part {
    index_t first = 0;
    index_t count = 0;
};

/// Of the columns of a block, n per output.
struct Scales {
    const double* values = nullptr;
    bool signs = false;  ///< each is 1 or -1
};

/// Rows of lanes.
struct Rows {
    const double* data = nullptr;
    index_t stride = 0;
    index_t count = 0;
};

/// Columns of the layers [first, last) alone, which have few neurons: each row is a product of
/// lanes, and is transposed into the columns.
template <class Real>
void write_narrow(const Plan& plan, const Block& block, const Columns& columns, const Part& part,
                  index_t first, index_t last, const Scales& scales, Real* out,
                  index_t col_stride) {
    const index_t n = block.n, n_part = round_up(part.count, lanes);
    Workspace work;
    index_t n_rows = 0, n_scaled = 0;
    for (index_t l = first; l < last; ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        n_rows += layer.size();
        n_scaled += scales.signs ? std::min(layer.h, layer.k) : layer.h;
    }
    Factor* factors = work.array<Factor>(n_rows);
    double* scaled = work.doubles(n_scaled * n_part);
    for (index_t m = 0; m < columns.outputs; ++m) {
        Factor* next = factors;
        double* place = scaled;
        const auto scale = [&](Rows& rows) {
            for (index_t i = 0; i < rows.count; ++i) {
                kernel_table().multiply(n_part, rows.data + i * rows.stride,
                                        scales.values + m * n + part.first, place + i * n_part,
                                        false);
            }
            rows = {place, n_part, rows.count};
            place += rows.count * n_part;
        };
        for (index_t l = first; l < last; ++l) {
            const PlanLayer& layer = plan.layers[at(l)];
            const LayerTape& tape = block.layers[l];
            Rows u{tape.u + part.first, n, layer.k};
            Rows d{tape.*columns.side + m * layer.h * n + part.first, n, layer.h};
            scale(scales.signs && u.count < d.count ? u : d);
            for (index_t p = 0; p < u.count; ++p) {
                for (index_t i = 0; i < d.count; ++i) {
                    *next++ = {u.data + p * u.stride, d.data + i * d.stride};
                }
            }
        }
        kernels_of<Real>().columns_by_lanes(part.count, n_rows, factors, out + m * col_stride,
                                            columns.outputs * col_stride);
    }
}

/// u and the scaled d of every sample of a part, for one layer.
OuterProducts packed_layer(const Plan& plan, const Block& block, const Columns& columns,
                           const Part& part, index_t l, const Scales& scales, Workspace& work) {
    const Kernels& kernels = kernel_table();
    const PlanLayer& layer = plan.layers[at(l)];
    const LayerTape& tape = block.layers[l];
    const index_t n = block.n, outputs = columns.outputs, wrapped = layer.h + lanes;
    const index_t ldu = round_up(layer.k, lanes), ldd = round_up(wrapped, lanes);
    double* u = work.doubles(ldu * part.count);
    double* d = work.doubles(lanes + ldd * part.count * outputs) + lanes;
    Factor* rows = work.array<Factor>(std::max(layer.k, wrapped));
    for (index_t p = 0; p < layer.k; ++p) rows[p] = {tape.u + p * n + part.first, nullptr};
    kernels.columns_by_lanes(part.count, layer.k, rows, u, ldu);
    for (index_t m = 0; m < outputs; ++m) {
        const double* own = tape.*columns.side + m * layer.h * n + part.first;
        for (index_t i = 0; i < wrapped; ++i) {
            rows[i] = {own + i % layer.h * n, scales.values + m * n + part.first};
        }
        kernels.columns_by_lanes(part.count, wrapped, rows, d + m * ldd, outputs * ldd);
    }
    return {layer.offset, layer.h, layer.k, u, ldu, d, ldd};
}

/// The same for a layer of few neurons, multiplied out: its products are one run, times one.
OuterProducts multiplied_layer(const Plan& plan, const Block& block, const Columns& columns,
                               const Part& part, index_t l, const Scales& scales, Workspace& work) {
    static constexpr double one = 1.0;
    const PlanLayer& layer = plan.layers[at(l)];
    const index_t ldd = round_up(layer.size(), lanes) + lanes;
    double* d = work.doubles(lanes + ldd * part.count * columns.outputs) + lanes;
    write_narrow(plan, block, columns, part, l, l + 1, scales, d, ldd);
    return {layer.offset, layer.size(), 1, &one, 0, d, ldd};
}

/// How a result is written.
struct Writing {
    bool large = false;   ///< leaves the second-level cache: column by column, ...
    bool stream = false;  ///< ... and past the caches if they hold too little of it
    bool staged = false;  ///< some samples of it are put together first
    index_t step = 0;     ///< samples of a part
    int n_threads = 1;    ///< for blocks, ...
    index_t shares = 1;   ///< ... or, where these are too few, for shares of a part's columns
    int share_threads = 1;
};

/// Columns of the layers [first, last), each written from its first row to its last: the caches
/// follow that best.
template <class Real>
void write_wide(const Plan& plan, const Block& block, const Columns& columns, const Part& part,
                index_t first, index_t last, const Scales& scales, Real* out, index_t col_stride,
                const Writing& to) {
    Workspace work;
    auto* packed = work.array<OuterProducts>(last - first);
    index_t n = 0;
    for (index_t l = first; l < last; ++l) {
        if (plan.layers[at(l)].k == 0) continue;
        const auto pack = plan.layers[at(l)].h < lanes ? multiplied_layer : packed_layer;
        packed[n++] = pack(plan, block, columns, part, l, scales, work);
    }
    const index_t n_columns = part.count * columns.outputs;
    parallel_for(to.shares, to.share_threads, [&](index_t share) {
        kernels_of<Real>().jacobian_columns(n_columns * share / to.shares,
                                            n_columns * (share + 1) / to.shares, columns.outputs, n,
                                            packed, out, col_stride, to.stream);
    });
}

/// Writes the columns of a part where rows are contiguous.
template <class Real>
void write_part(const Plan& plan, const Block& block, const Columns& columns, const Part& part,
                const Scales& scales, Real* out, index_t col_stride, const Writing& to) {
    constexpr index_t narrow = 16;  // neurons
    const auto by_lanes = [&](index_t l) { return !to.large && plan.layers[at(l)].h < narrow; };
    for (index_t first = 0, last = 0; first < plan.n_layers(); first = last) {
        const bool lanewise = by_lanes(first);
        while (last < plan.n_layers() && by_lanes(last) == lanewise) ++last;
        if (lanewise) {
            write_narrow(plan, block, columns, part, first, last, scales,
                         out + plan.layers[at(first)].offset, col_stride);
        } else {
            write_wide(plan, block, columns, part, first, last, scales, out, col_stride, to);
        }
    }
}

/// Samples that are packed at once, a multiple of `lanes`: few enough for the second-level cache.
index_t packed_samples(const Plan& plan, index_t outputs) {
    constexpr index_t most = index_t{1} << 15;
    index_t size = 1;
    for (const PlanLayer& layer : plan.layers) {
        size +=
            layer.h < lanes ? outputs * layer.size() : layer.k + outputs * (layer.h + 2 * lanes);
    }
    return std::clamp(most / size / lanes * lanes, lanes, 4 * lanes);
}

/// Whether the columns of one block after the other are better shared among threads than blocks
/// are: then the passes, a fifth of the work, are one thread's.
bool sharing_pays(index_t n_blocks, index_t n_threads) {
    constexpr double passes = 0.2;
    const double rounds = static_cast<double>((n_blocks + n_threads - 1) / n_threads);
    return passes + (1.0 - passes) / static_cast<double>(n_threads) <
           rounds / static_cast<double>(n_blocks);
}

template <class Real>
Writing plan_writing(const Tape& tape, const Columns& columns, const MatrixView<Real>& j,
                     std::optional<int> n_threads) {
    constexpr double near = 1 << 21;
    constexpr index_t staged_doubles = index_t{1} << 14;  // well within the second level
    const Plan& plan = tape.plan();
    const index_t per_sample = plan.n_parameters * columns.outputs;
    const auto n_columns = static_cast<double>(tape.batch().size() * columns.outputs);
    const auto n_rows = static_cast<double>(plan.n_parameters);
    const double bytes = n_rows * n_columns * sizeof(Real);
    Writing to{
        .large = bytes > near,
        .n_threads = threads_for((3.0 * plan.forward_flops + n_rows) * n_columns, n_threads)};
    // Columns of small networks are short: they are put together in the caches, while the last ones
    // are on their way.
    to.staged = j.row_stride != 1 || (to.large && lanes * per_sample <= staged_doubles);
    to.stream = past_caches(bytes, to.staged ? 1 : to.n_threads);
    const bool few_blocks =
        to.large && !to.staged && sharing_pays(tape.n_blocks(), static_cast<index_t>(to.n_threads));
    if (to.staged) {
        to.step =
            std::max(staged_doubles / std::max(per_sample, index_t{1}) / lanes * lanes, lanes);
    } else if (per_sample <= 4096 || few_blocks) {
        to.step = tape.block_samples();
    } else {
        to.step = packed_samples(plan, columns.outputs);
    }
    if (few_blocks) {
        to.shares = 4 * to.n_threads;
        to.share_threads = std::exchange(to.n_threads, 1);
    }
    return to;
}

/// Writes a part by way of `compact`, where its columns lie end to end.
template <class Real>
void write_staged(const Plan& plan, const Block& block, const Columns& columns, const Part& part,
                  const Scales& scales, MatrixView<Real> j, bool stream) {
    const index_t rows = plan.n_parameters, n_columns = part.count * columns.outputs;
    Workspace own;
    Real* compact = own.array<Real>(rows * n_columns);
    write_part(plan, block, columns, part, scales, compact, rows, {});
    if (j.row_stride == 1 && j.col_stride == rows) {
        kernels_of<Real>().copy(rows * n_columns, compact, j.data, stream);
        return;
    }
    for (index_t i = 0; i < rows; ++i) {
        for (index_t c = 0; c < n_columns; ++c) j(i, c) = compact[c * rows + i];
    }
}

template <class Real>
void write_all(Tape& tape, const Needs& needs, const Columns& columns, MatrixView<Real> j,
               std::optional<int> n_threads, const LoadScales& load_scales) {
    const Plan& plan = tape.plan();
    const Writing to = plan_writing(tape, columns, j, n_threads);
    tape.for_each_block(needs, to.n_threads, [&](index_t, Block& block) {
        Workspace work;
        double* values = work.doubles(columns.outputs * block.n);
        const Scales scales{values, load_scales(block, values)};
        for (index_t z = 0; z < block.count; z += to.step) {
            const Part part{z, std::min(to.step, block.count - z)};
            const index_t first_column = (block.first + z) * columns.outputs;
            MatrixView<Real> own = j;
            own.data += first_column * j.col_stride;
            if (to.staged) {
                write_staged(plan, block, columns, part, scales, own, to.stream);
            } else {
                write_part(plan, block, columns, part, scales, own.data, j.col_stride, to);
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
