#pragma once

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <utility>

#include "jacnet/view.hpp"

/// Packets of doubles as wide as the instruction set's registers, in the compilers' vector
/// extensions. Everything is inlined and lives in the instruction set's namespace.
namespace jacnet::kernels::JACNET_ISA {

#define JACNET_INLINE inline __attribute__((always_inline))

#if defined(__AVX512F__)
constexpr index_t packet_size = 8;
#elif defined(__AVX2__)
constexpr index_t packet_size = 4;
#else
constexpr index_t packet_size = 2;
#endif

/// Rows of a contraction's register tile: two packets.
constexpr index_t contraction_rows = 2 * packet_size;
/// Its columns: two accumulators each, within the registers that there are.
constexpr int contraction_columns = packet_size == 8 ? 12 : packet_size == 4 ? 6 : 4;

/// Panels that the columns of a right operand are spread over, as evenly as they can be.
inline index_t right_panels(index_t columns) {
    return (columns + contraction_columns - 1) / contraction_columns;
}

typedef double Packet __attribute__((vector_size(8 * packet_size)));
typedef long long Mask __attribute__((vector_size(8 * packet_size)));

JACNET_INLINE Packet load(const double* p) {
    Packet x;
    __builtin_memcpy(&x, p, sizeof x);
    return x;
}

JACNET_INLINE void store(double* p, Packet x) { __builtin_memcpy(p, &x, sizeof x); }

JACNET_INLINE Packet set(double x) { return x - Packet{}; }

JACNET_INLINE Packet select(Mask m, Packet yes, Packet no) { return m ? yes : no; }

/// The larger one; b where one of them is NaN.
JACNET_INLINE Packet larger(Packet a, Packet b) {
#if defined(__AVX512F__)
    return (Packet)_mm512_maskz_max_pd(0xff, (__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
    return (Packet)_mm256_max_pd((__m256d)a, (__m256d)b);
#else
    return select(a > b, a, b);
#endif
}

/// The smaller one; b where one of them is NaN.
JACNET_INLINE Packet smaller(Packet a, Packet b) {
#if defined(__AVX512F__)
    return (Packet)_mm512_maskz_min_pd(0xff, (__m512d)a, (__m512d)b);
#elif defined(__AVX2__)
    return (Packet)_mm256_min_pd((__m256d)a, (__m256d)b);
#else
    return select(a < b, a, b);
#endif
}

JACNET_INLINE Packet abs(Packet x) { return (Packet)((Mask)x & 0x7fffffffffffffffLL); }

/// |x| with the sign of y.
JACNET_INLINE Packet with_sign(Packet x, Packet y) {
    const Mask sign = Mask{} + (-0x7fffffffffffffffLL - 1);
#if defined(__AVX512F__)
    constexpr int choose = 0xca;  // the second's bits where the first's are set, else the third's
    return (Packet)_mm512_ternarylogic_epi64((__m512i)sign, (__m512i)y, (__m512i)x, choose);
#else
    return (Packet)(((Mask)x & ~sign) | ((Mask)y & sign));
#endif
}

JACNET_INLINE bool any(Mask m) {
    long long found = 0;
    for (index_t i = 0; i < packet_size; ++i) found |= m[i];
    return found != 0;
}

/// a b + c, rounded once where the instruction set can.
JACNET_INLINE Packet mul_add(Packet a, Packet b, Packet c) {
#if defined(__AVX512F__)
    return (Packet)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__)
    return (Packet)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return a * b + c;
#endif
}

/// c - a b, rounded once where the instruction set can.
JACNET_INLINE Packet mul_subtract_from(Packet c, Packet a, Packet b) {
#if defined(__AVX512F__)
    return (Packet)_mm512_fnmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__AVX2__)
    return (Packet)_mm256_fnmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#else
    return c - a * b;
#endif
}

/// Which lanes come before lane n.
JACNET_INLINE Mask first_lanes(index_t n) {
    constexpr long long lane[] = {0, 1, 2, 3, 4, 5, 6, 7};
    Mask lanes;
    __builtin_memcpy(&lanes, lane, sizeof lanes);
    return lanes < Mask{} + n;
}

/// The first `n` values, n > 0, then zeros; nothing beyond them is read.
JACNET_INLINE Packet load_first(const double* p, index_t n) {
    if (n >= packet_size) return load(p);
#if defined(__AVX512F__)
    return (Packet)_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1u), p);
#elif defined(__AVX2__)
    return (Packet)_mm256_maskload_pd(p, (__m256i)first_lanes(n));
#else
    return Packet{p[0]};
#endif
}

/// Stores lanes [first, last) of a packet.
JACNET_INLINE void store_lanes(double* to, Packet v, index_t first, index_t last) {
#if defined(__AVX512F__)
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << last) - (1u << first)), (__m512d)v);
#elif defined(__AVX2__)
    _mm256_maskstore_pd(to, (__m256i)(first_lanes(last) & ~first_lanes(first)), (__m256d)v);
#else
    for (index_t t = first; t < last; ++t) to[t] = v[t];
#endif
}

/// The first `n` values of a packet.
JACNET_INLINE void store_first(double* to, Packet v, index_t n) {
    n >= packet_size ? store(to, v) : store_lanes(to, v, 0, n);
}

constexpr double to_integer = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to integers

/// 2^(k + shift) for an integer k + shift in [-1022, 1023].
JACNET_INLINE Packet power_of_two(Packet k, int shift = 0) {
    return (Packet)((Mask)(k + (to_integer + 1023.0 + shift)) << 52);
}

/// x 2^k for an integer k in [-2000, 1023], rounded once.
JACNET_INLINE Packet scale(Packet x, Packet k) {
#if defined(__AVX512F__)
    // The form with a mask, since GCC 12 warns of its own header in the plain one.
    return (Packet)_mm512_maskz_scalef_pd(0xff, (__m512d)x, (__m512d)k);
#else
    const Packet first = larger(k, set(-1000.0));
    return x * power_of_two(first) * power_of_two(k - first);
#endif
}

/// The sum over the lanes, in pairs.
JACNET_INLINE double lane_sum(Packet x) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_pd((__m512d)x);
#elif defined(__AVX2__)
    return (x[0] + x[2]) + (x[1] + x[3]);
#else
    return x[0] + x[1];
#endif
}

/// Transposes a square of packets, step by step.
template <int step, class P, int size, int... lane>
JACNET_INLINE void exchange(P (&v)[size], std::integer_sequence<int, lane...>) {
#pragma GCC unroll 16
    for (int i = 0; i < size; ++i) {
        if (i & step) continue;
        const P a = v[i], b = v[i + step];
        v[i] = __builtin_shufflevector(a, b, ((lane & step) ? size + lane - step : lane)...);
        v[i + step] = __builtin_shufflevector(a, b, ((lane & step) ? size + lane : lane + step)...);
    }
}

template <class P, int size>
JACNET_INLINE void transpose(P (&v)[size]) {
    constexpr std::make_integer_sequence<int, size> lanes{};
    exchange<1>(v, lanes);
    if constexpr (size > 2) exchange<2>(v, lanes);
    if constexpr (size > 4) exchange<4>(v, lanes);
    if constexpr (size > 8) exchange<8>(v, lanes);
}

}  // namespace jacnet::kernels::JACNET_ISA
