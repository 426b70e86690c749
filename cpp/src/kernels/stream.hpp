#pragma once
/// Stores past the caches, for results that would only flush them.

#include <cstdint>

#include "packet.hpp"

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

/// Copies past the caches, which a large result would only flush.
JACNET_INLINE void stream_copy(const double* from, double* to, index_t n) {
    index_t i = 0;
    for (; i < n && reinterpret_cast<std::uintptr_t>(to + i) % sizeof(Packet) != 0; ++i) {
        to[i] = from[i];
    }
    for (; i + packet_size <= n; i += packet_size) stream_packet(to + i, load(from + i));
    for (; i < n; ++i) to[i] = from[i];
}

JACNET_INLINE void stream_fence() {
#ifdef __SSE2__
    _mm_sfence();
#endif
}

}  // namespace jacnet::kernels::JACNET_ISA
