/// The contraction over samples that every curvature matrix is made of.
///
/// A register tile holds two packets of rows by a handful of columns; its operands come packed, so
/// that the loop over samples is loads, broadcasts and fused multiply-adds alone. The width of the
/// right panels is spread evenly over the columns, which leaves no padding on that side.

#include <utility>

#include "gather.hpp"
#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

constexpr index_t tile_rows = contraction_rows;
constexpr index_t tile_columns = contraction_columns;

/// Where a tile goes: row r, column c at h[rows[r] + columns[c]].
struct Destination {
    double* h;
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
                       const Destination& to) {
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
    alignas(64) double staged[columns][tile_rows];
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

/// low, high += two packets of rows of the left panel times `columns` columns, lane by lane; the
/// right operand's lanes are `right_step` apart.
template <int columns>
JACNET_INLINE void multiply_lanes(index_t n, const double* left, const double* right,
                                  index_t right_step, Packet (&low)[columns],
                                  Packet (&high)[columns]) {
    for (index_t z = 0; z < n; ++z) {
        const Packet a = load(left), b = load(left + packet_size);
#pragma GCC unroll 16
        for (int c = 0; c < columns; ++c) {
            const Packet value = set(right[c]);
            low[c] = mul_add(a, value, low[c]);
            high[c] = mul_add(b, value, high[c]);
        }
        left += tile_rows;
        right += right_step;
    }
}

template <int columns>
void tile(index_t n, const double* left, const double* right, const Destination& to) {
    Packet low[columns] = {}, high[columns] = {};
    if (to.accumulate) {
        for (int c = 0; c < columns; ++c) {
            __builtin_prefetch(to.h + to.rows[0] + to.columns[c], 1);
            __builtin_prefetch(to.h + to.rows[0] + to.columns[c] + 8, 1);
        }
    }
    multiply_lanes(n, left, right, columns, low, high);
    put<columns>(low, high, to);
}

/// Half a panel of columns from a left operand, which is packed once for both sides.
void symmetric_tile(index_t n, const double* left, const double* right, double* out, index_t ld) {
    Packet low[packet_size] = {}, high[packet_size] = {};
    multiply_lanes(n, left, right, tile_rows, low, high);
#pragma GCC unroll 8
    for (int c = 0; c < packet_size; ++c) {
        store(out + c * ld, low[c]);
        store(out + c * ld + packet_size, high[c]);
    }
}

using Tile = void (*)(index_t, const double*, const double*, const Destination&);

template <int... width>
Tile tile_of(index_t columns, std::integer_sequence<int, width...>) {
    static constexpr Tile tiles[] = {tile<width + 1>...};
    return tiles[columns - 1];
}

/// One panel: `width` values per lane. Writes up to a packet beyond its end.
void pack_panel(index_t n, index_t n_rows, const Factor* rows, index_t width, double* out) {
    Packet low[packet_size], high[packet_size];
    for (index_t z = 0; z < n; z += packet_size) {
        gather(z, 0, n_rows, rows, low);
        if (width > packet_size) gather(z, packet_size, n_rows, rows, high);
#pragma GCC unroll 8
        for (int t = 0; t < packet_size; ++t) {  // ascending: what is too much is overwritten
            store(out + (z + t) * width, low[t]);
            if (width > packet_size) store(out + (z + t) * width + packet_size, high[t]);
        }
    }
}

}  // namespace

void pack_left(index_t n, index_t n_rows, const Factor* rows, double* out, index_t panel_stride) {
    for (index_t r = 0; r < n_rows; r += tile_rows) {
        pack_panel(n, n_rows - r, rows + r, tile_rows, out);
        out += panel_stride;
    }
}

void pack_right(index_t n, index_t n_columns, const Factor* columns, double* out) {
    const index_t count = right_panels(n_columns);
    for (index_t p = 0; p < count; ++p) {
        const index_t first = n_columns * p / count, last = n_columns * (p + 1) / count;
        pack_panel(n, last - first, columns + first, last - first, out + first * n);
    }
}

void contract(index_t n, index_t n_rows, const double* left, index_t panel_stride,
              const index_t* rows, index_t n_columns, const double* right, const index_t* columns,
              index_t diagonal, double* h, bool accumulate) {
    const index_t count = right_panels(n_columns);
    for (index_t r = 0; r < n_rows; r += tile_rows) {
        const index_t height = n_rows - r < tile_rows ? n_rows - r : tile_rows;
        const bool whole = height == tile_rows && consecutive(rows + r, tile_rows);
        for (index_t p = 0; p < count; ++p) {
            const index_t first = n_columns * p / count, last = n_columns * (p + 1) / count;
            if (r >= last + diagonal) continue;
            tile_of(last - first, std::make_integer_sequence<int, tile_columns>{})(
                n, left, right + first * n,
                {h, rows + r, columns + first, height, whole, accumulate});
        }
        left += panel_stride;
    }
}

void symmetric_product(index_t n, index_t n_rows, const double* left, index_t panel_stride,
                       double* out, index_t ld) {
    for (index_t c = 0; c < n_rows; c += packet_size) {
        const double* right = left + c / tile_rows * panel_stride + c % tile_rows;
        for (index_t r = 0; r < c + packet_size; r += tile_rows) {
            symmetric_tile(n, left + r / tile_rows * panel_stride, right, out + r + c * ld, ld);
        }
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
