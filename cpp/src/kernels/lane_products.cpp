/// Products of small matrices, one pair per lane.

#include "local_kernels.hpp"
#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

constexpr int side = packet_size == 8 ? 4 : 3;

/// A tile: out (i, j) = sum over k of a (c, i) times b (c, j), runs n apart.
template <int rows, int columns>
void lane_tile(index_t n, index_t k, const double* a, const double* b, double* out, index_t ldo,
               bool accumulate) {
    for (index_t z = 0; z < n; z += packet_size) {
        Packet sum[rows][columns];
#pragma GCC unroll 4
        for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
            for (int j = 0; j < columns; ++j) {
                sum[i][j] = accumulate ? load(out + i * n + j * ldo + z) : Packet{};
            }
        }
        for (index_t c = 0; c < k; ++c) {
            Packet x[rows];
#pragma GCC unroll 4
            for (int i = 0; i < rows; ++i) x[i] = load(a + (c + i * k) * n + z);
#pragma GCC unroll 4
            for (int j = 0; j < columns; ++j) {
                const Packet y = load(b + (c + j * k) * n + z);
#pragma GCC unroll 4
                for (int i = 0; i < rows; ++i) sum[i][j] = mul_add(x[i], y, sum[i][j]);
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
            for (int j = 0; j < columns; ++j) store(out + i * n + j * ldo + z, sum[i][j]);
        }
    }
}

using LaneTile = void (*)(index_t, index_t, const double*, const double*, double*, index_t, bool);

template <int... number>
LaneTile lane_tile_of(index_t rows, index_t columns, std::integer_sequence<int, number...>) {
    static constexpr LaneTile tiles[] = {lane_tile<number / side + 1, number % side + 1>...};
    return tiles[(rows - 1) * side + columns - 1];
}

}  // namespace

void lane_products(index_t n, index_t rows, index_t columns, index_t k, const double* a,
                   const double* b, double* out, bool upper, bool accumulate) {
    constexpr std::make_integer_sequence<int, side * side> numbers{};
    for (index_t j = 0; j < columns; j += side) {
        const index_t width = columns - j < side ? columns - j : side;
        const index_t end = upper && j + width < rows ? j + width : rows;
        for (index_t i = 0; i < end; i += side) {
            const index_t height = rows - i < side ? rows - i : side;
            lane_tile_of(height, width, numbers)(n, k, a + i * k * n, b + j * k * n,
                                                 out + (i + j * rows) * n, rows * n, accumulate);
        }
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
