/// The contraction over samples that every curvature matrix is made of.
///
/// A register tile holds two packets of rows by a handful of columns; its operands come packed
/// (pack.cpp), so that the loop over samples is loads, broadcasts and fused multiply-adds alone.
/// The width of the right panels is spread evenly over the columns, which leaves no padding on that
/// side.
///
/// Over floats a tile has twice as many rows, and its sums are carried to doubles every 64
/// lanes: the rounding of a sum does not grow with the number of samples.

#include <utility>

#include "float_packet.hpp"
#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

constexpr index_t tile_columns = contraction_columns;

/// Lanes that are summed in floats before the sums are carried over: equal terms, such as those of
/// two biases, are all rounded to the same side, by up to a quarter of a unit each.
constexpr index_t carried_lanes = 64;

/// Where a tile goes: row r, column c at h[rows[r] + columns[c]].
template <class Result>
struct Destination {
    Result* h;
    const index_t* rows;
    const index_t* columns;
    index_t n_rows;
    bool consecutive;  ///< a full panel of rows, one after the other
    bool accumulate;
};

/// Whether the rows of a tile lie one after the other.
bool consecutive(const index_t* rows, index_t n) {
    for (index_t r = 1; r < n; ++r) {
        if (rows[r] != rows[0] + r) return false;
    }
    return true;
}

template <int columns>
JACNET_INLINE void put(const Packet (&low)[columns], const Packet (&high)[columns],
                       const Destination<double>& to) {
    if (to.consecutive) {
#pragma GCC unroll 16
        for (int c = 0; c < columns; ++c) {
            double* target = to.h + to.rows[0] + to.columns[c];
            const Packet none{};
            store(target, low[c] + (to.accumulate ? load(target) : none));
            double* next = target + packet_size;
            store(next, high[c] + (to.accumulate ? load(next) : none));
        }
        return;
    }
    alignas(64) double staged[columns][tile_rows<double>];
#pragma GCC unroll 16
    for (int c = 0; c < columns; ++c) {
        store(staged[c], low[c]);
        store(staged[c] + packet_size, high[c]);
    }
    for (int c = 0; c < columns; ++c) {
        double* target = to.h + to.columns[c];
        for (index_t r = 0; r < to.n_rows; ++r) {
            double& value = target[to.rows[r]];
            value = to.accumulate ? value + staged[c][r] : staged[c][r];
        }
    }
}

/// Sums of floats, as doubles.
template <int columns, class Result>
void put(const double* sums, const Destination<Result>& to) {
    for (int c = 0; c < columns; ++c) {
        Result* target = to.h + to.columns[c];
        const double* column = sums + c * tile_rows<float>;
        if (to.consecutive) {
            target += to.rows[0];
            for (index_t r = 0; r < tile_rows<float>; r += packet_size) {
                const Packet sum = load(column + r);
                store_as(target + r, to.accumulate ? load_wide(target + r) + sum : sum);
            }
            continue;
        }
        for (index_t r = 0; r < to.n_rows; ++r) {
            Result& value = target[to.rows[r]];
            value = static_cast<Result>(to.accumulate ? static_cast<double>(value) + column[r]
                                                      : column[r]);
        }
    }
}

/// low, high += two packets of rows of the left panel times `columns` columns, lane by lane; the
/// right operand's lanes are `right_step` apart.
template <int columns, class Real>
JACNET_INLINE void add_lanes(index_t n, const Real* left, const Real* right, index_t right_step,
                             PacketOf<Real> (&low)[columns], PacketOf<Real> (&high)[columns]) {
    for (index_t z = 0; z < n; ++z) {
        const PacketOf<Real> a = load(left), b = load(left + size_of_packet<Real>);
#pragma GCC unroll 16
        for (int c = 0; c < columns; ++c) {
            const PacketOf<Real> value = set(right[c]);
            low[c] = mul_add(a, value, low[c]);
            high[c] = mul_add(b, value, high[c]);
        }
        left += tile_rows<Real>;
        right += right_step;
    }
}

template <int columns, class Result>
JACNET_INLINE void prefetch(const Destination<Result>& to) {
    for (int c = 0; c < columns; ++c) {
        const Result* target = to.h + to.rows[0] + to.columns[c];
        __builtin_prefetch(target, 1);
        __builtin_prefetch(target + 64 / sizeof(Result), 1);
    }
}

template <int columns>
void tile(index_t n, const double* left, const double* right, const Destination<double>& to) {
    Packet low[columns] = {}, high[columns] = {};
    prefetch<columns>(to);
    add_lanes<columns>(n, left, right, columns, low, high);
    put<columns>(low, high, to);
}

/// Half a panel of columns from a left operand, which is packed once for both sides.
void symmetric_tile(index_t n, const double* left, const double* right, double* out, index_t ld) {
    Packet low[packet_size] = {}, high[packet_size] = {};
    add_lanes<packet_size>(n, left, right, tile_rows<double>, low, high);
#pragma GCC unroll 8
    for (int c = 0; c < packet_size; ++c) {
        store(out + c * ld, low[c]);
        store(out + c * ld + packet_size, high[c]);
    }
}

/// The square on the diagonal at the upper half of a panel: no rows below it.
void diagonal_tile(index_t n, const double* panel, double* out, index_t ld) {
    Packet sum[packet_size] = {};
    for (index_t z = 0; z < n; ++z, panel += tile_rows<double>) {
        const Packet rows = load(panel);
#pragma GCC unroll 8
        for (int c = 0; c < packet_size; ++c) sum[c] = mul_add(rows, set(panel[c]), sum[c]);
    }
#pragma GCC unroll 8
    for (int c = 0; c < packet_size; ++c) store(out + c * ld, sum[c]);
}

/// out = the products over n lanes, added up in floats. A call of its own, or the compiler keeps
/// the doubles of the caller in the registers that are needed here.
template <int columns>
__attribute__((noinline)) void sum_floats(index_t n, const float* left, const float* right,
                                          float* out) {
    FloatPacket low[columns] = {}, high[columns] = {};
    add_lanes<columns>(n, left, right, columns, low, high);
#pragma GCC unroll 16
    for (int c = 0; c < columns; ++c) {
        store(out + c * tile_rows<float>, low[c]);
        store(out + c * tile_rows<float> + size_of_packet<float>, high[c]);
    }
}

template <int columns, class Result>
void tile(index_t n, const float* left, const float* right, const Destination<Result>& to) {
    constexpr index_t size = columns * tile_rows<float>;
    alignas(64) float run_sums[size];
    alignas(64) double sums[size];
    prefetch<columns>(to);
    for (index_t z = 0; z < n || z == 0; z += carried_lanes) {
        const index_t run = n - z < carried_lanes ? n - z : carried_lanes;
        sum_floats<columns>(run, left + z * tile_rows<float>, right + z * columns, run_sums);
#pragma GCC unroll 4
        for (index_t e = 0; e < size; e += packet_size) {
            const Packet sum = load_wide(run_sums + e);
            store(sums + e, z == 0 ? sum : load(sums + e) + sum);
        }
    }
    put<columns>(sums, to);
}

template <class Real, class Result>
using Tile = void (*)(index_t, const Real*, const Real*, const Destination<Result>&);

template <class Real, class Result, int... width>
Tile<Real, Result> tile_of(index_t columns, std::integer_sequence<int, width...>) {
    static constexpr Tile<Real, Result> tiles[] = {tile<width + 1>...};
    return tiles[columns - 1];
}

template <class Real, class Result>
void contract_panels(index_t n, index_t n_rows, const Real* left, index_t panel_stride,
                     const index_t* rows, index_t n_columns, const Real* right,
                     const index_t* columns, index_t diagonal, Result* h, bool accumulate) {
    constexpr index_t rows_of_tile = tile_rows<Real>;
    const index_t count = right_panels(n_columns);
    for (index_t r = 0; r < n_rows; r += rows_of_tile) {
        const index_t height = n_rows - r < rows_of_tile ? n_rows - r : rows_of_tile;
        const bool whole = height == rows_of_tile && consecutive(rows + r, rows_of_tile);
        for (index_t p = 0; p < count; ++p) {
            const index_t first = n_columns * p / count, last = n_columns * (p + 1) / count;
            if (r >= last + diagonal) continue;
            tile_of<Real, Result>(last - first, std::make_integer_sequence<int, tile_columns>{})(
                n, left, right + first * n,
                {h, rows + r, columns + first, height, whole, accumulate});
        }
        left += panel_stride;
    }
}

}  // namespace

void contract(index_t n, index_t n_rows, const double* left, index_t panel_stride,
              const index_t* rows, index_t n_columns, const double* right, const index_t* columns,
              index_t diagonal, double* h, bool accumulate) {
    contract_panels(n, n_rows, left, panel_stride, rows, n_columns, right, columns, diagonal, h,
                    accumulate);
}

void contract(index_t n, index_t n_rows, const float* left, index_t panel_stride,
              const index_t* rows, index_t n_columns, const float* right, const index_t* columns,
              index_t diagonal, float* h, bool accumulate) {
    contract_panels(n, n_rows, left, panel_stride, rows, n_columns, right, columns, diagonal, h,
                    accumulate);
}

void contract(index_t n, index_t n_rows, const float* left, index_t panel_stride,
              const index_t* rows, index_t n_columns, const float* right, const index_t* columns,
              index_t diagonal, double* h, bool accumulate) {
    contract_panels(n, n_rows, left, panel_stride, rows, n_columns, right, columns, diagonal, h,
                    accumulate);
}

void symmetric_product(index_t n, index_t n_rows, const double* left, index_t panel_stride,
                       double* out, index_t ld) {
    for (index_t c = 0; c < n_rows; c += packet_size) {
        const index_t within = c % tile_rows<double>;
        const double* panel = left + c / tile_rows<double> * panel_stride;
        for (index_t r = 0; r < c; r += tile_rows<double>) {
            symmetric_tile(n, left + r / tile_rows<double> * panel_stride, panel + within,
                           out + r + c * ld, ld);
        }
        if (within == 0) diagonal_tile(n, panel, out + c * (ld + 1), ld);
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
