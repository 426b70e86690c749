#pragma once
/// Packets of floats, twice as many as there are doubles, and the two kinds under one name each.

#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

typedef float FloatPacket __attribute__((vector_size(8 * packet_size)));
/// As many floats as a packet has doubles.
typedef float HalfPacket __attribute__((vector_size(4 * packet_size)));

template <class Real>
struct RealPacket {
    using Type = Packet;
};
template <>
struct RealPacket<float> {
    using Type = FloatPacket;
};
template <class Real>
using PacketOf = typename RealPacket<Real>::Type;

/// Values in a packet.
template <class Real>
constexpr index_t size_of_packet = sizeof(Packet) / sizeof(Real);

/// Rows of a contraction's register tile.
template <class Real>
constexpr index_t tile_rows = 2 * size_of_packet<Real>;
static_assert(tile_rows<double> == contraction_rows);

JACNET_INLINE FloatPacket load(const float* p) {
    FloatPacket x;
    __builtin_memcpy(&x, p, sizeof x);
    return x;
}

JACNET_INLINE void store(float* p, FloatPacket x) { __builtin_memcpy(p, &x, sizeof x); }

JACNET_INLINE FloatPacket set(float x) { return x - FloatPacket{}; }

JACNET_INLINE FloatPacket mul_add(FloatPacket a, FloatPacket b, FloatPacket c) {
#if defined(__AVX512F__)
    return (FloatPacket)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (FloatPacket)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return a * b + c;
#endif
}

/// packet_size values as doubles, and doubles as values of the target's type.
JACNET_INLINE Packet load_wide(const double* p) { return load(p); }
JACNET_INLINE Packet load_wide(const float* p) {
    HalfPacket x;
    __builtin_memcpy(&x, p, sizeof x);
    return __builtin_convertvector(x, Packet);
}
JACNET_INLINE void store_as(double* p, Packet x) { store(p, x); }
JACNET_INLINE void store_as(float* p, Packet x) {
    const HalfPacket rounded = __builtin_convertvector(x, HalfPacket);
    __builtin_memcpy(p, &rounded, sizeof rounded);
}

template <int... lane>
JACNET_INLINE FloatPacket joined(HalfPacket a, HalfPacket b, std::integer_sequence<int, lane...>) {
    return __builtin_shufflevector(a, b, lane...);
}

/// Two packets of doubles in one of floats.
JACNET_INLINE FloatPacket rounded(Packet low, Packet high) {
    return joined(__builtin_convertvector(low, HalfPacket),
                  __builtin_convertvector(high, HalfPacket),
                  std::make_integer_sequence<int, 2 * static_cast<int>(packet_size)>{});
}

/// The first `n` values of a packet, each rounded to a float.
JACNET_INLINE void store_first(float* to, Packet v, index_t n) {
    if (n >= packet_size) return store_as(to, v);
    for (index_t t = 0; t < n; ++t) to[t] = static_cast<float>(v[t]);
}

}  // namespace jacnet::kernels::JACNET_ISA
