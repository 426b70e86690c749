/// Columns of a Jacobian: outer products, written past the caches where the result exceeds them.

#include <cstdint>

#include "gather.hpp"
#include "local_kernels.hpp"
#include "stream.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// Which lanes come before lane n.
JACNET_INLINE Mask first_lanes(index_t n) {
    constexpr long long lane[] = {0, 1, 2, 3, 4, 5, 6, 7};
    Mask lanes;
    __builtin_memcpy(&lanes, lane, sizeof lanes);
    return lanes < Mask{} + n;
}

/// The first `n` values of a packet.
JACNET_INLINE void store_first(double* to, Packet v, index_t n) {
    if (n >= packet_size) return store(to, v);
#if defined(__AVX512F__)
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1u), (__m512d)v);
#elif defined(__AVX2__)
    _mm256_maskstore_pd(to, (__m256i)first_lanes(n), (__m256d)v);
#else
    for (index_t t = 0; t < n; ++t) to[t] = v[t];
#endif
}

JACNET_INLINE void store_first(float* to, Packet v, index_t n) {
    if (n >= packet_size) return store_as(to, v);
    for (index_t t = 0; t < n; ++t) to[t] = static_cast<float>(v[t]);
}

/// kron(u, d), rows p * h + i; d is followed by at least packet_size values of no matter.
void outer(index_t h, index_t k, const double* u, const double* d, double* out) {
    for (index_t p = 0; p < k; ++p) {
        const Packet factor = set(u[p]);
        double* rows = out + p * h;
        index_t i = 0;
        for (; i + packet_size <= h; i += packet_size) store(rows + i, factor * load(d + i));
        if (i == h) continue;
        // Ascending: what is too much is overwritten, but at the column's end.
        const index_t left = (k - p) * h - i;
        store_first(rows + i, factor * load(d + i), left < packet_size ? h - i : packet_size);
    }
}

/// The same past the caches, for h >= packet_size; d is followed by its own first packet_size
/// values, so that a packet may begin with one u and end with the next.
void outer_past_caches(index_t h, index_t k, const double* u, const double* d, double* out) {
    constexpr index_t alignment = packet_size * sizeof(double);
    const index_t beyond = static_cast<index_t>(reinterpret_cast<std::uintptr_t>(out) % alignment) /
                           static_cast<index_t>(sizeof(double));
    index_t i = beyond == 0 ? 0 : packet_size - beyond;
    for (index_t e = 0; e < i; ++e) out[e] = u[0] * d[e];
    for (index_t p = 0; p < k; ++p) {
        const Packet factor = set(u[p]);
        double* rows = out + p * h;
        for (; i + packet_size <= h; i += packet_size) {
            stream_packet(rows + i, factor * load(d + i));
        }
        if (p + 1 == k) break;
        if (i < h) {
            const Packet mixed = select(first_lanes(h - i), factor, set(u[p + 1]));
            stream_packet(rows + i, mixed * load(d + i));
            i += packet_size;
        }
        i -= h;
    }
    for (; i < h; ++i) out[(k - 1) * h + i] = u[k - 1] * d[i];
}

/// The same for few neurons, by way of the first-level cache.
void outer_staged(index_t h, index_t k, const double* u, const double* d, double* out) {
    constexpr index_t piece = 1024;
    alignas(64) double staged[piece];
    const index_t step = piece / h;
    for (index_t p = 0; p < k; p += step) {
        const index_t n = k - p < step ? k - p : step;
        outer(h, n, u + p, d, staged);
        stream_copy(staged, out + p * h, n * h);
    }
}

/// The same in floats, products of doubles rounded once, by way of the first-level cache.
void outer_rounded(index_t h, index_t k, const double* u, const double* d, float* out,
                   bool stream) {
    constexpr index_t piece = 1024;
    alignas(64) double staged[piece];
    if (h > piece) {
        for (index_t p = 0; p < k; ++p) {
            for (index_t i = 0; i < h; i += piece) {
                const index_t n = h - i < piece ? h - i : piece;
                outer(n, 1, u + p, d + i, staged);
                rounded_copy(staged, out + p * h + i, n, stream);
            }
        }
        return;
    }
    const index_t step = piece / h;
    for (index_t p = 0; p < k; p += step) {
        const index_t n = k - p < step ? k - p : step;
        outer(h, n, u + p, d, staged);
        rounded_copy(staged, out + p * h, n * h, stream);
    }
}

template <class Real>
void transposed_lanes(index_t count, index_t n_rows, const Factor* rows, Real* out,
                      index_t col_stride) {
    for (index_t z = 0; z < count; z += packet_size) {
        const index_t samples = count - z < packet_size ? count - z : packet_size;
        for (index_t row = 0; row < n_rows; row += packet_size) {
            Packet v[packet_size];
            gather(z, row, n_rows, rows, v);
            Real* to = out + z * col_stride + row;
            if (samples == packet_size && row + packet_size <= n_rows) {
#pragma GCC unroll 8
                for (int t = 0; t < packet_size; ++t) store_as(to + t * col_stride, v[t]);
                continue;
            }
            for (index_t t = 0; t < samples; ++t) {
                store_first(to + t * col_stride, v[t], n_rows - row);
            }
        }
    }
}

}  // namespace

void stream(index_t n, const double* from, double* to) {
    stream_copy(from, to, n);
    stream_fence();
}

void stream(index_t n, const float* from, float* to) {
    stream_copy(from, to, n);
    stream_fence();
}

void round(index_t n, const double* from, float* to, bool stream) {
    rounded_copy(from, to, n, stream);
    if (stream) stream_fence();
}

void columns_by_lanes(index_t count, index_t n_rows, const Factor* rows, double* out,
                      index_t col_stride) {
    transposed_lanes(count, n_rows, rows, out, col_stride);
}

void columns_by_lanes(index_t count, index_t n_rows, const Factor* rows, float* out,
                      index_t col_stride) {
    transposed_lanes(count, n_rows, rows, out, col_stride);
}

void jacobian_columns(index_t count, index_t outputs, index_t h, index_t k, const double* u,
                      index_t ldu, const double* d, index_t ldd, double* out, index_t col_stride,
                      bool stream) {
    const auto column = !stream ? outer : h >= packet_size ? outer_past_caches : outer_staged;
    for (index_t c = 0; c < count * outputs; ++c) {
        column(h, k, u + c / outputs * ldu, d + c * ldd, out + c * col_stride);
    }
    if (stream) stream_fence();
}

void jacobian_columns(index_t count, index_t outputs, index_t h, index_t k, const double* u,
                      index_t ldu, const double* d, index_t ldd, float* out, index_t col_stride,
                      bool stream) {
    for (index_t c = 0; c < count * outputs; ++c) {
        outer_rounded(h, k, u + c / outputs * ldu, d + c * ldd, out + c * col_stride, stream);
    }
    if (stream) stream_fence();
}

}  // namespace jacnet::kernels::JACNET_ISA
