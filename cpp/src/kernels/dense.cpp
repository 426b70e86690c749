/// Matrix products over a block of samples.

#include "local_kernels.hpp"
#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

constexpr int tile_columns = contraction_columns;

/// Columns of the left operand at a time: a block of samples then stays in the second-level cache
/// while it meets the weights.
constexpr index_t product_depth = 256;

/// What a tile makes of its output: overwritten, continued (sums start from it), or added to.
enum class Target { fresh, continued, added };

/// Fetches the rows below a tile's, which the next tile reads, into the second-level cache.
template <int packets>
JACNET_INLINE void fetch_below(const double* a) {
    constexpr int line = 64 / sizeof(double), height = packets * packet_size;
#pragma GCC unroll 2
    for (int r = 0; r < height; r += line) __builtin_prefetch(a + height + r, 0, 2);
}

/// Moves from one column of a tile to the next. The compiler must not know by how much: it would
/// keep the addresses of all columns, and spill them, from a tile's first line to its last.
JACNET_INLINE void next_column(double*& column, index_t ld) {
    column += ld;
    asm("" : "+r"(column));
}

/// A tile of `layer_product`: b's element (c, j) at b[j * step + c * next].
template <int packets, int columns>
void product_tile(index_t k, const double* a, index_t lda, const double* b, index_t step,
                  index_t next, double* out, index_t ldo, Target target) {
    Packet sum[packets][columns] = {};
    if (target == Target::continued) {
        double* column = out;
#pragma GCC unroll 16
        for (int j = 0; j < columns; ++j, next_column(column, ldo)) {
#pragma GCC unroll 2
            for (int p = 0; p < packets; ++p) sum[p][j] = load(column + p * packet_size);
        }
    }
    for (index_t c = 0; c < k; ++c) {
        Packet x[packets];
#pragma GCC unroll 2
        for (int p = 0; p < packets; ++p) x[p] = load(a + p * packet_size);
        fetch_below<packets>(a);
#pragma GCC unroll 16
        for (int j = 0; j < columns; ++j) {
            const Packet value = set(b[j * step]);
#pragma GCC unroll 2
            for (int p = 0; p < packets; ++p) sum[p][j] = mul_add(x[p], value, sum[p][j]);
        }
        a += lda;
        b += next;
    }
    if (target == Target::added) {
        double* column = out;
#pragma GCC unroll 16
        for (int j = 0; j < columns; ++j, next_column(column, ldo)) {
#pragma GCC unroll 2
            for (int p = 0; p < packets; ++p) sum[p][j] += load(column + p * packet_size);
        }
    }
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j, next_column(out, ldo)) {
#pragma GCC unroll 2
        for (int p = 0; p < packets; ++p) store(out + p * packet_size, sum[p][j]);
    }
}

using ProductTile = void (*)(index_t, const double*, index_t, const double*, index_t, index_t,
                             double*, index_t, Target);

template <int packets, int... columns>
ProductTile product_tile_of(index_t width, std::integer_sequence<int, columns...>) {
    static constexpr ProductTile tiles[] = {product_tile<packets, columns + 1>...};
    return tiles[width - 1];
}

/// Sums of packet_size packets over their lanes.
JACNET_INLINE Packet lane_sums(Packet (&v)[packet_size]) {
    transpose(v);
    Packet sum = v[0];
#pragma GCC unroll 8
    for (int i = 1; i < packet_size; ++i) sum += v[i];
    return sum;
}

/// A tile of `sum_over_lanes` for few columns: packet_size rows by `columns`, lanes in parallel.
template <int columns>
void narrow_tile(index_t n, const double* x, index_t ldx, index_t rows, const double* y,
                 index_t ldy, double* out, index_t ldo) {
    Packet sum[columns][packet_size] = {};
    const double* row[packet_size];
    for (int i = 0; i < packet_size; ++i) row[i] = x + (i < rows ? i : rows - 1) * ldx;
    for (index_t z = 0; z < n; z += packet_size) {
        Packet value[columns];
#pragma GCC unroll 4
        for (int c = 0; c < columns; ++c) value[c] = load(y + c * ldy + z);
#pragma GCC unroll 8
        for (int i = 0; i < packet_size; ++i) {
            const Packet lane = load(row[i] + z);
#pragma GCC unroll 4
            for (int c = 0; c < columns; ++c) sum[c][i] = mul_add(lane, value[c], sum[c][i]);
        }
    }
#pragma GCC unroll 4
    for (int c = 0; c < columns; ++c) {
        const Packet sums = lane_sums(sum[c]);
        if (rows >= packet_size) {
            store(out + c * ldo, load(out + c * ldo) + sums);
        } else {
            for (index_t i = 0; i < rows; ++i) out[c * ldo + i] += sums[i];
        }
    }
}

constexpr int sum_rows = 2 * packet_size;  ///< of a tile of `sum_over_lanes`
constexpr index_t sum_lanes = 256;         ///< summed at a time
constexpr index_t packed_tiles = 2;        ///< of so many lanes that are packed at a time
constexpr index_t near_doubles = 1 << 15;  ///< that stay in the second-level cache

/// Columns [0, rows) of x, lanes [0, n), lane by lane: sum_rows numbers each, with zeros filled up.
void pack_lanes(index_t n, index_t rows, const double* x, index_t ldx, double* out) {
    for (int p = 0; p * packet_size < (rows < sum_rows ? rows : sum_rows); ++p) {
        for (index_t z = 0; z < n; z += packet_size) {
            Packet v[packet_size];
#pragma GCC unroll 8
            for (int i = 0; i < packet_size; ++i) {
                const index_t row = p * packet_size + i;
                v[i] = row < rows ? load(x + row * ldx + z) : Packet{};
            }
            transpose(v);
#pragma GCC unroll 8
            for (int i = 0; i < packet_size; ++i) {
                store(out + (z + i) * sum_rows + p * packet_size, v[i]);
            }
        }
    }
}

/// out += packed' y for `width` columns; sums start from zero, wherever the rows stand in a tile.
void sum_tile(index_t n, index_t rows, index_t width, const double* packed, const double* y,
              index_t ldy, double* out, index_t ldo) {
    constexpr std::make_integer_sequence<int, tile_columns> widths{};
    for (index_t c = 0; c < width; ++c) {  // will be there when the sums are
        __builtin_prefetch(out + c * ldo, 1);
        __builtin_prefetch(out + c * ldo + packet_size, 1);
    }
    if (rows >= sum_rows) {
        product_tile_of<2>(width, widths)(n, packed, sum_rows, y, ldy, 1, out, ldo, Target::added);
        return;
    }
    alignas(64) double sums[sum_rows * tile_columns];
    const ProductTile tile =
        rows > packet_size ? product_tile_of<2>(width, widths) : product_tile_of<1>(width, widths);
    tile(n, packed, sum_rows, y, ldy, 1, sums, sum_rows, Target::fresh);
    for (index_t c = 0; c < width; ++c) {
        index_t i = 0;
        for (; i + packet_size <= rows; i += packet_size) {
            double* o = out + c * ldo + i;
            store(o, load(o) + load(sums + c * sum_rows + i));
        }
        for (; i < rows; ++i) out[c * ldo + i] += sums[c * sum_rows + i];
    }
}

/// `sum_over_lanes` for few enough rows to be packed: they meet a panel of columns that stays in
/// the first-level cache.
void sum_piece(index_t n, index_t rows, index_t columns, const double* x, index_t ldx,
               const double* y, index_t ldy, double* out, index_t ldo) {
    alignas(64) double packed[packed_tiles * sum_rows * sum_lanes];
    for (index_t i = 0; i < rows; i += sum_rows) {
        pack_lanes(n, rows - i, x + i * ldx, ldx, packed + i * n);
    }
    const index_t panels = (columns + tile_columns - 1) / tile_columns;
    for (index_t p = 0; p < panels; ++p) {
        const index_t c = columns * p / panels, width = columns * (p + 1) / panels - c;
        for (index_t i = 0; i < rows; i += sum_rows) {
            sum_tile(n, rows - i, width, packed + i * n, y + c * ldy, ldy, out + i + c * ldo, ldo);
        }
    }
}

/// `layer_product` for few enough columns of a.
void product_piece(index_t n, index_t h, index_t k, const double* a, index_t lda, const double* b,
                   index_t step, index_t next, double* out, index_t ldo, Target target) {
    constexpr std::make_integer_sequence<int, tile_columns> widths{};
    const index_t panels = (h + tile_columns - 1) / tile_columns;
    for (index_t p = 0; p < panels; ++p) {
        const index_t first = h * p / panels, width = h * (p + 1) / panels - first;
        const ProductTile two = product_tile_of<2>(width, widths);
        const ProductTile one = product_tile_of<1>(width, widths);
        for (index_t z = 0; z < n;) {
            const bool wide = z + 2 * packet_size <= n;
            (wide ? two : one)(k, a + z, lda, b + first * step, step, next, out + z + first * ldo,
                               ldo, target);
            z += wide ? 2 * packet_size : packet_size;
        }
    }
}

}  // namespace

void layer_product(index_t n, index_t h, index_t k, const double* a, index_t lda, const double* b,
                   index_t step, index_t next, double* out, index_t ldo, bool accumulate) {
    const index_t pieces = k <= product_depth ? 1 : (k + product_depth - 1) / product_depth;
    for (index_t piece = 0; piece < pieces; ++piece) {
        const index_t c = k * piece / pieces, depth = k * (piece + 1) / pieces - c;
        product_piece(n, h, depth, a + c * lda, lda, b + c * next, step, next, out, ldo,
                      accumulate || piece > 0 ? Target::continued : Target::fresh);
    }
}

void sum_over_lanes(index_t n, index_t rows, index_t columns, const double* x, index_t ldx,
                    const double* y, index_t ldy, double* out, index_t ldo) {
    constexpr index_t narrow = 8;  // too few columns to hide the latency of sums lane by lane
    for (index_t i = 0; columns < narrow && i < rows; i += packet_size) {
        for (index_t c = 0; c < columns; c += 3) {
            const index_t left = columns - c;
            const auto tile = left >= 3   ? narrow_tile<3>
                              : left == 2 ? narrow_tile<2>
                                          : narrow_tile<1>;
            tile(n, x + i * ldx, ldx, rows - i, y + c * ldy, ldy, out + i + c * ldo, ldo);
        }
    }
    if (columns < narrow) return;
    for (index_t first = 0; first < n; first += sum_lanes) {
        const index_t count = n - first < sum_lanes ? n - first : sum_lanes;
        // Few columns stay near for one tile's rows after the other, which then stay nearer.
        const bool few = columns * count <= near_doubles;
        const index_t height = few ? sum_rows : packed_tiles * sum_lanes / count * sum_rows;
        for (index_t i = 0; i < rows; i += height) {
            sum_piece(count, rows - i < height ? rows - i : height, columns, x + i * ldx + first,
                      ldx, y + first, ldy, out + i, ldo);
        }
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
