/// Columns of a Jacobian: outer products, written past the caches where the result exceeds them.

#include "gather.hpp"
#include "local_kernels.hpp"
#include "stream.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// out (cols x n, feature fastest) from in (n lanes x cols), eight lanes at a time.
void by_sample(index_t n, index_t cols, const double* in, index_t ld, double* out) {
    for (index_t first = 0; first < n; first += 8) {
        for (index_t c = 0; c < cols; ++c) {
            for (index_t z = 0; z < 8; ++z) {
                out[(first + z) * cols + c] = in[c * ld + first + z];
            }
        }
    }
}

/// factor * kron(u, d): rows p * h + i.
inline void outer(index_t first, index_t last, index_t h, const double* u, double factor,
                  const double* d, double* out) {
    for (index_t p = first; p < last; ++p) {
        const double up = u[p] * factor;
        double* rows = out + (p - first) * h;
        for (index_t i = 0; i < h; ++i) rows[i] = up * d[i];
    }
}

/// The first `n` values of a packet.
JACNET_INLINE void store_first(double* to, Packet v, index_t n) {
    if (n >= packet_size) return store(to, v);
#if defined(__AVX512F__)
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1u), (__m512d)v);
#elif defined(__AVX2__)
    const Mask kept = Mask{0, 1, 2, 3} < Mask{n, n, n, n};
    _mm256_maskstore_pd(to, (__m256i)kept, (__m256d)v);
#else
    for (index_t t = 0; t < n; ++t) to[t] = v[t];
#endif
}

}  // namespace

void stream(index_t n, const double* from, double* to) {
    stream_copy(from, to, n);
    stream_fence();
}

void columns_by_lanes(index_t count, index_t n_rows, const Factor* rows, double* out,
                      index_t col_stride) {
    for (index_t z = 0; z < count; z += packet_size) {
        const index_t samples = count - z < packet_size ? count - z : packet_size;
        for (index_t row = 0; row < n_rows; row += packet_size) {
            Packet v[packet_size];
            gather(z, row, n_rows, rows, v);
            double* to = out + z * col_stride + row;
            if (samples == packet_size && row + packet_size <= n_rows) {
#pragma GCC unroll 8
                for (int t = 0; t < packet_size; ++t) store(to + t * col_stride, v[t]);
                continue;
            }
            for (index_t t = 0; t < samples; ++t) {
                store_first(to + t * col_stride, v[t], n_rows - row);
            }
        }
    }
}

void jacobian_columns(index_t count, index_t n, index_t h, index_t k, index_t outputs,
                      const double* u, index_t ldu, const double* d, index_t ldd,
                      const double* scale, index_t lds, double* out, index_t col_stride,
                      bool stream, double* work) {
    constexpr index_t piece = 2048;  // doubles staged at once: a part of the first-level cache
    alignas(64) double staged[piece];
    const index_t step = stream && h <= piece ? piece / h : 0;
    double* ut = work;
    double* dt = work + k * n;
    by_sample(n, k, u, ldu, ut);
    by_sample(n, h * outputs, d, ldd, dt);
    for (index_t sample = 0; sample < count; ++sample) {
        const double* us = ut + sample * k;
        for (index_t m = 0; m < outputs; ++m) {
            const double* ds = dt + sample * h * outputs + m * h;
            const double factor = scale[m * lds + sample];
            double* column = out + (sample * outputs + m) * col_stride;
            if (step == 0) outer(0, k, h, us, factor, ds, column);
            for (index_t p = 0; step > 0 && p < k; p += step) {
                const index_t last = p + step < k ? p + step : k;
                outer(p, last, h, us, factor, ds, staged);
                stream_copy(staged, column + p * h, (last - p) * h);
            }
        }
    }
    if (step > 0) stream_fence();
}

}  // namespace jacnet::kernels::JACNET_ISA
