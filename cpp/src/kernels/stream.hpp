#pragma once
/// Stores past the caches, for results that would only flush them.

#include <cstdint>

#include "float_packet.hpp"

#ifdef __SSE2__
#include <immintrin.h>
#endif

namespace jacnet::kernels::JACNET_ISA {

/// To an address that is a multiple of a packet's size.
JACNET_INLINE void stream_packet(double* to, Packet v) {
#if defined(__AVX512F__)
    _mm512_stream_pd(to, (__m512d)v);
#elif defined(__AVX__)
    _mm256_stream_pd(to, (__m256d)v);
#elif defined(__SSE2__)
    _mm_stream_pd(to, (__m128d)v);
#else
    store(to, v);
#endif
}

JACNET_INLINE void stream_packet(float* to, FloatPacket v) {
#if defined(__AVX512F__)
    _mm512_stream_ps(to, (__m512)v);
#elif defined(__AVX__)
    _mm256_stream_ps(to, (__m256)v);
#elif defined(__SSE2__)
    _mm_stream_ps(to, (__m128)v);
#else
    store(to, v);
#endif
}

/// Values before the next address that is a multiple of a packet's size, of n.
template <class Real>
JACNET_INLINE index_t before_aligned(const Real* to, index_t n) {
    const auto beyond =
        static_cast<index_t>(reinterpret_cast<std::uintptr_t>(to) % sizeof(Packet) / sizeof(Real));
    const index_t first = beyond == 0 ? 0 : size_of_packet<Real> - beyond;
    return first < n ? first : n;
}

/// Copies in packets that cross no line, past the caches or not.
template <bool past, class Real>
JACNET_INLINE void copy_packets(const Real* from, Real* to, index_t n) {
    constexpr index_t step = size_of_packet<Real>;
    const index_t first = before_aligned(to, n);
    index_t i = 0;
    for (; i < first; ++i) to[i] = from[i];
    for (; i + step <= n; i += step) {
        past ? stream_packet(to + i, load(from + i)) : store(to + i, load(from + i));
    }
    for (; i < n; ++i) to[i] = from[i];
}

/// The same with doubles rounded to floats; `stream`: past the caches.
JACNET_INLINE void rounded_copy(const double* from, float* to, index_t n, bool stream) {
    constexpr index_t step = size_of_packet<float>;
    const index_t first = stream ? before_aligned(to, n) : 0;
    index_t i = 0;
    for (; i < first; ++i) to[i] = static_cast<float>(from[i]);
    for (; i + step <= n; i += step) {
        const FloatPacket v = rounded(load(from + i), load(from + i + packet_size));
        if (stream) {
            stream_packet(to + i, v);
        } else {
            store(to + i, v);
        }
    }
    for (; i < n; ++i) to[i] = static_cast<float>(from[i]);
}

JACNET_INLINE void stream_fence() {
#ifdef __SSE2__
    _mm_sfence();
#endif
}

}  // namespace jacnet::kernels::JACNET_ISA
