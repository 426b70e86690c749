/// Columns of a Jacobian: outer products, written past the caches where the result exceeds them.

#include <cstdint>

#include "local_kernels.hpp"

#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// out (cols x n, feature fastest) from in (n lanes x cols), eight lanes at a time.
void transpose(index_t n, index_t cols, const double* in, index_t ld, double* out) {
    for (index_t first = 0; first < n; first += 8) {
        for (index_t c = 0; c < cols; ++c) {
            for (index_t z = 0; z < 8; ++z) {
                out[(first + z) * cols + c] = in[c * ld + first + z];
            }
        }
    }
}

#if defined(__AVX512F__)
constexpr index_t packet = 8;
inline void stream_packet(double* to, const double* from) {
    _mm512_stream_pd(to, _mm512_loadu_pd(from));
}
#elif defined(__AVX__)
constexpr index_t packet = 4;
inline void stream_packet(double* to, const double* from) {
    _mm256_stream_pd(to, _mm256_loadu_pd(from));
}
#elif defined(__SSE2__)
constexpr index_t packet = 2;
inline void stream_packet(double* to, const double* from) { _mm_stream_pd(to, _mm_loadu_pd(from)); }
#else
constexpr index_t packet = 1;
inline void stream_packet(double* to, const double* from) { *to = *from; }
#endif

/// Copies past the caches, which a large result would only flush.
inline void stream_copy(const double* from, double* to, index_t n) {
    index_t i = 0;
    for (; i < n && reinterpret_cast<std::uintptr_t>(to + i) % (packet * sizeof(double)) != 0;
         ++i) {
        to[i] = from[i];
    }
    for (; i + packet <= n; i += packet) stream_packet(to + i, from + i);
    for (; i < n; ++i) to[i] = from[i];
}

inline void stream_fence() {
#ifdef __SSE2__
    _mm_sfence();
#endif
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

}  // namespace

void jacobian_columns(index_t count, index_t n, index_t h, index_t k, index_t outputs,
                      const double* u, index_t ldu, const double* d, index_t ldd,
                      const double* scale, index_t lds, double* out, index_t col_stride,
                      bool stream, double* work) {
    constexpr index_t piece = 2048;  // doubles staged at once: a part of the first-level cache
    alignas(64) double staged[piece];
    const index_t step = stream && h <= piece ? piece / h : 0;
    double* ut = work;
    double* dt = work + k * n;
    transpose(n, k, u, ldu, ut);
    transpose(n, h * outputs, d, ldd, dt);
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
