/// Matrix products, slopes and curvatures over a block of samples.

#include "local_kernels.hpp"
#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

constexpr int tile_columns = contraction_columns;

/// A tile of `layer_product`: b's element (c, j) at b[j * step + c * next].
template <int packets, int columns>
void product_tile(index_t k, const double* a, index_t lda, const double* b, index_t step,
                  index_t next, double* out, index_t ldo, bool accumulate) {
    Packet sum[packets][columns];
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j) {
#pragma GCC unroll 2
        for (int p = 0; p < packets; ++p) {
            sum[p][j] = accumulate ? load(out + j * ldo + p * packet_size) : Packet{};
        }
    }
    for (index_t c = 0; c < k; ++c) {
        Packet x[packets];
#pragma GCC unroll 2
        for (int p = 0; p < packets; ++p) x[p] = load(a + p * packet_size);
#pragma GCC unroll 16
        for (int j = 0; j < columns; ++j) {
            const Packet value = set(b[j * step]);
#pragma GCC unroll 2
            for (int p = 0; p < packets; ++p) sum[p][j] = mul_add(x[p], value, sum[p][j]);
        }
        a += lda;
        b += next;
    }
#pragma GCC unroll 16
    for (int j = 0; j < columns; ++j) {
#pragma GCC unroll 2
        for (int p = 0; p < packets; ++p) store(out + j * ldo + p * packet_size, sum[p][j]);
    }
}

using ProductTile = void (*)(index_t, const double*, index_t, const double*, index_t, index_t,
                             double*, index_t, bool);

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

/// A tile of `sum_over_lanes`: packet_size rows by `columns`.
template <int columns>
void sum_tile(index_t n, const double* x, index_t ldx, index_t rows, const double* y, index_t ldy,
              double* out, index_t ldo) {
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

/// g = a (v - sum_k a_k v_k), the symmetric part of a softmax slope.
void softmax_part(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                  index_t ldg) {
    for (index_t first = 0; first < n; first += 8) {
        double sum[8] = {};
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                sum[z] += f.a[i * f.lda + first + z] * v[i * ldv + first + z];
            }
        }
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                g[i * ldg + first + z] =
                    f.a[i * f.lda + first + z] * (v[i * ldv + first + z] - sum[z]);
            }
        }
    }
}

}  // namespace

void layer_product(index_t n, index_t h, index_t k, const double* a, index_t lda, const double* b,
                   index_t step, index_t next, double* out, index_t ldo, bool accumulate) {
    constexpr std::make_integer_sequence<int, tile_columns> widths{};
    const index_t panels = (h + tile_columns - 1) / tile_columns;
    for (index_t p = 0; p < panels; ++p) {
        const index_t first = h * p / panels, width = h * (p + 1) / panels - first;
        const ProductTile two = product_tile_of<2>(width, widths);
        const ProductTile one = product_tile_of<1>(width, widths);
        for (index_t z = 0; z < n;) {
            const bool wide = z + 2 * packet_size <= n;
            (wide ? two : one)(k, a + z, lda, b + first * step, step, next, out + z + first * ldo,
                               ldo, accumulate);
            z += wide ? 2 * packet_size : packet_size;
        }
    }
}

void sum_over_lanes(index_t n, index_t rows, index_t columns, const double* x, index_t ldx,
                    const double* y, index_t ldy, double* out, index_t ldo) {
    for (index_t i = 0; i < rows; i += packet_size) {
        for (index_t c = 0; c < columns; c += 3) {
            const index_t left = columns - c;
            const auto tile = left >= 3 ? sum_tile<3> : left == 2 ? sum_tile<2> : sum_tile<1>;
            tile(n, x + i * ldx, ldx, rows - i, y + c * ldy, ldy, out + i + c * ldo, ldo);
        }
    }
}

void multiply(index_t n, const double* x, const double* y, double* out, bool accumulate) {
    if (accumulate) {
        for (index_t z = 0; z < n; ++z) out[z] += x[z] * y[z];
    } else {
        for (index_t z = 0; z < n; ++z) out[z] = x[z] * y[z];
    }
}

void scale(index_t n, const double* x, double alpha, double* out, bool accumulate) {
    if (accumulate) {
        for (index_t z = 0; z < n; ++z) out[z] += x[z] * alpha;
    } else {
        for (index_t z = 0; z < n; ++z) out[z] = x[z] * alpha;
    }
}

void slope_backward(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                    index_t ldg) {
    if (f.matrix) {
        softmax_part(f, n, h, v, ldv, g, ldg);
        v = g;
        ldv = ldg;
    }
    for (index_t i = 0; i < h; ++i) multiply(n, f.d1 + i * f.ldd, v + i * ldv, g + i * ldg, false);
}

void slope_forward(const Slope& f, index_t n, index_t h, const double* v, index_t ldv, double* g,
                   index_t ldg) {
    for (index_t i = 0; i < h; ++i) multiply(n, f.d1 + i * f.ldd, v + i * ldv, g + i * ldg, false);
    if (f.matrix) softmax_part(f, n, h, g, ldg, g, ldg);
}

void add_curvature(const Slope& f, const double* d2, index_t n, index_t h, const double* v,
                   index_t ldv, double* b, index_t ldb) {
    if (!f.matrix) {
        for (index_t i = 0; i < h; ++i) {
            multiply(n, d2 + i * f.ldd, v + i * ldv, b + (i + h * i) * ldb, true);
        }
        return;
    }
    for (index_t z = 0; z < n; ++z) {
        const double* a = f.a + z;
        const double* d1 = f.d1 + z;
        double mean = 0.0;
        for (index_t i = 0; i < h; ++i) mean += a[i * f.lda] * v[i * ldv + z];
        const auto w = [&](index_t i) { return a[i * f.lda] * (v[i * ldv + z] - mean); };
        for (index_t j = 0; j < h; ++j) {
            for (index_t i = 0; i < h; ++i) {
                // Multiplied in this order, a vanishing w silences slopes that overflow.
                double value = -(w(i) * d1[i * f.ldd]) * (a[j * f.lda] * d1[j * f.ldd]) -
                               (a[i * f.lda] * d1[i * f.ldd]) * (w(j) * d1[j * f.ldd]);
                if (i == j) {
                    value += (w(i) * d1[i * f.ldd]) * d1[i * f.ldd] + w(i) * d2[i * f.ldd + z];
                }
                b[(i + h * j) * ldb + z] += value;
            }
        }
    }
}

void multiply_curvature(const Slope& f, const double* d2, index_t n, index_t h, const double* v,
                        index_t ldv, const double* r, index_t ldr, double* out, index_t ldo) {
    if (!f.matrix) {
        for (index_t i = 0; i < h; ++i) {
            const double *c = d2 + i * f.ldd, *vi = v + i * ldv, *ri = r + i * ldr;
            double* o = out + i * ldo;
            for (index_t z = 0; z < n; ++z) o[z] += c[z] * vi[z] * ri[z];
        }
        return;
    }
    for (index_t first = 0; first < n; first += 8) {
        double mean[8] = {}, ar[8] = {}, wr[8] = {};  // sums of a v, a d1 r, w d1 r
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                mean[z] += f.a[i * f.lda + first + z] * v[i * ldv + first + z];
            }
        }
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                const double a = f.a[i * f.lda + first + z], d1 = f.d1[i * f.ldd + first + z];
                const double w = a * (v[i * ldv + first + z] - mean[z]);
                ar[z] += (a * d1) * r[i * ldr + first + z];
                wr[z] += (w * d1) * r[i * ldr + first + z];
            }
        }
        for (index_t i = 0; i < h; ++i) {
            for (index_t z = 0; z < 8; ++z) {
                const double a = f.a[i * f.lda + first + z], d1 = f.d1[i * f.ldd + first + z];
                const double w = a * (v[i * ldv + first + z] - mean[z]);
                const double own = (w * d1) * d1 + w * d2[i * f.ldd + first + z];
                out[i * ldo + first + z] +=
                    own * r[i * ldr + first + z] - (w * d1) * ar[z] - (a * d1) * wr[z];
            }
        }
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
