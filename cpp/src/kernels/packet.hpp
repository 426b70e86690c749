#pragma once

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#endif

#include <utility>

#include "jacnet/view.hpp"

/// Packets of doubles as wide as the instruction set's registers, in the compilers' vector
/// extensions, and the elementary functions the transfer functions are made of. Everything is
/// inlined and lives in the instruction set's namespace.
///
/// Functions return unrounded pieces (hi + lo, or a factor and a power of two) where a caller can
/// use the extra digits or must scale last to round a subnormal result only once.
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
    return (Packet)(((Mask)x & ~sign) | ((Mask)y & sign));
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

/// An unevaluated sum, |lo| below half a unit in the last place of hi.
struct Pair {
    Packet hi, lo;
};

/// a + b exactly.
JACNET_INLINE Pair two_sum(Packet a, Packet b) {
    const Packet hi = a + b;
    const Packet t = hi - a;
    return {hi, (a - (hi - t)) + (b - t)};
}

/// a + b exactly, for |a| >= |b|.
JACNET_INLINE Pair fast_two_sum(Packet a, Packet b) {
    const Packet hi = a + b;
    return {hi, b - (hi - a)};
}

/// a b exactly, unless it over- or underflows (without fused multiply-add: |a|, |b| < 2^996).
JACNET_INLINE Pair two_prod(Packet a, Packet b) {
    const Packet hi = a * b;
#if defined(__AVX2__) || defined(__AVX512F__)
    return {hi, mul_add(a, b, -hi)};
#else
    const Packet s = 134217729.0 * a;
    const Packet t = 134217729.0 * b;
    const Packet ah = s - (s - a);
    const Packet bh = t - (t - b);
    const Packet al = a - ah;
    const Packet bl = b - bh;
    return {hi, ((ah * bh - hi) + ah * bl + al * bh) + al * bl};
#endif
}

JACNET_INLINE Pair product(Pair a, Pair b) {
    const Pair p = two_prod(a.hi, b.hi);
    return fast_two_sum(p.hi, p.lo + mul_add(a.hi, b.lo, a.lo * b.hi));
}

JACNET_INLINE Pair product(Pair a, Packet b) {
    const Pair p = two_prod(a.hi, b);
    return fast_two_sum(p.hi, mul_add(a.lo, b, p.lo));
}

/// 1 / x to nearly twice the digits.
JACNET_INLINE Pair reciprocal(Pair x) {
    const Packet r = 1.0 / x.hi;
#if defined(__AVX2__) || defined(__AVX512F__)
    return {r, r * mul_add(-r, x.lo, mul_add(-r, x.hi, set(1.0)))};
#else
    const Pair p = two_prod(r, x.hi);
    return {r, r * (((1.0 - p.hi) - p.lo) - r * x.lo)};
#endif
}

/// a / x with little more than one rounding, given r = 1 / x.hi; x in [0.5, 1000].
JACNET_INLINE Packet quotient(Packet a, Pair x, Packet r) {
#if defined(__AVX2__) || defined(__AVX512F__)
    const Packet q = a * r;
    return mul_add(mul_add(-q, x.lo, mul_add(-q, x.hi, a)), r, q);
#else
    const Packet q = a / x.hi;
    const Pair p = two_prod(q, x.hi);
    return q + (((a - p.hi) - p.lo) - q * x.lo) * r;
#endif
}

/// Horner's scheme, the constant coefficient first.
template <int count>
JACNET_INLINE Packet polynomial(const double (&c)[count], Packet x) {
    Packet y = set(c[count - 1]);
    for (int i = count - 2; i >= 0; --i) y = mul_add(y, x, set(c[i]));
    return y;
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

/// exp(x) = (1 + p) 2^k with p = expm1 of the reduced argument, |p| < 0.42.
struct Exponential {
    Packet p, k;

    JACNET_INLINE Packet factor() const { return 1.0 + p; }
    JACNET_INLINE Pair factor_pair() const { return fast_two_sum(set(1.0), p); }
    JACNET_INLINE Packet value() const { return scale(1.0 + p, k); }
    /// exp(x) - 1; x <= 0.
    JACNET_INLINE Packet minus_one() const {
        const Packet s = power_of_two(larger(k, set(-1000.0)));
        return mul_add(s, p, s - 1.0);
    }
    /// The half of it.
    JACNET_INLINE Packet half_minus_one() const {
        const Packet s = power_of_two(larger(k, set(-1000.0)), -1);
        return mul_add(s, p, s - 0.5);
    }
};

/// exp(x + rest) for -1000 <= x <= 700; `with_rest` tells whether there is one.
template <bool with_rest>
JACNET_INLINE Exponential exponential(Packet x, Packet rest) {
    // Minimax for (expm1(r) - r - r^2 / 2) / r^3 on |r| <= log(2) / 2, relative error 2^-59.
    static constexpr double c[] = {0.5,
                                   0.16666666666666677,
                                   0.04166666666666659,
                                   0.008333333333322077,
                                   0.001388888888893562,
                                   0.0001984126988511581,
                                   2.480158721265057e-05,
                                   2.7557245144798886e-06,
                                   2.755737471757825e-07,
                                   2.510873230112045e-08,
                                   2.0882673090068184e-09};
    const Packet k = mul_add(x, set(1.4426950408889634), set(to_integer)) - to_integer;
    const Packet high = mul_add(k, set(-0x1.62e42fefa2000p-1), x);  // exact
    Packet r = mul_add(k, set(-0x1.9ef35793c7673p-41), high);
    if constexpr (with_rest) r += rest;
    // By pairs, not by Horner's scheme: a quarter of the latency, which the scheduler cannot hide.
    const Packet r2 = r * r, r4 = r2 * r2;
    const Packet low =
        mul_add(mul_add(set(c[3]), r, set(c[2])), r2, mul_add(set(c[1]), r, set(c[0])));
    const Packet mid =
        mul_add(mul_add(set(c[7]), r, set(c[6])), r2, mul_add(set(c[5]), r, set(c[4])));
    const Packet top = mul_add(set(c[10]), r2, mul_add(set(c[9]), r, set(c[8])));
    return {mul_add(r2, mul_add(r4, mul_add(r4, top, mid), low), r), k};
}

JACNET_INLINE Exponential exponential(Pair x) { return exponential<true>(x.hi, x.lo); }

/// exp(x.hi + x.lo) for x <= 0 of any size; the low part is dropped where exp is zero.
JACNET_INLINE Exponential decay(Pair x) {
    const Mask vanishes = x.hi < -1000.0;
    return exponential({select(vanishes, set(-1000.0), x.hi), select(vanishes, Packet{}, x.lo)});
}

/// exp(x) for x <= 0 of any size; NaN stays NaN.
JACNET_INLINE Exponential decay(Packet x) {
    return exponential<false>(larger(set(-1000.0), x), Packet{});
}

/// log(1 + x) for 0 <= x <= 1.
JACNET_INLINE Packet log1p(Packet x) {
    // (2 atanh(s) / s - 2) / s^2 in z = s^2 <= 1 / 25, relative error of the logarithm 2^-60.
    static constexpr double c[] = {0.6666666666666666,  0.4000000000000794,  0.28571428567275936,
                                   0.2222222304835159,  0.18181737626302938, 0.15388867805613718,
                                   0.13209708242059462, 0.13609030262858499};
    // 1 + x = (1 + f) 2^(0 or 1), with f exact.
    const Mask large = x > 0.5;
    const Packet f = select(large, 0.5 * (x - 1.0), x);
    const Packet hi = select(large, set(0x1.62e42fefa39efp-1), Packet{});
    const Packet lo = select(large, set(0x1.abc9e3b39803fp-56), Packet{});
    const Packet s = f / (2.0 + f);
    const Packet z = s * s;
    const Packet half_square = 0.5 * f * f;
    const Packet rest = s * mul_add(z, polynomial(c, z), half_square);
    return hi - ((half_square - (rest + lo)) - f);
}

/// (x + 5) exp(x^2 / 2) Phi(-x), Phi the normal distribution function, for 0 <= x <= 39, with
/// w = 1 / (x + 5); the hi part alone is accurate to about a unit in the last place.
JACNET_INLINE Pair mills(Packet x, Packet w) {
    // In t = (x - 5) / (x + 5), relative error 2^-55.
    static constexpr double c[] = {
        -0.6653825028900568,     0.4953056159699761,      -0.31353315667128745,
        0.16502036617040713,     -0.06911863870687814,    0.020795066799260343,
        -0.002993376761868743,   -0.0007978693892958589,  0.0005448989927584027,
        -5.9375807358891235e-05, -4.976245616870157e-05,  1.6681639595174005e-05,
        3.97980489932909e-06,    -2.7707204135122383e-06, -3.345738518771817e-07,
        4.362925568222539e-07,   4.0177962891473734e-08,  -7.014220631960926e-08,
        -8.555696628254633e-09,  1.0797345335746256e-08,  2.220848621773149e-09,
        -1.160886448380309e-09,  -3.81618035300424e-10};
    const Packet t = quotient(x - 5.0, two_sum(x, set(5.0)), w);
    const Pair p = two_prod(t, polynomial(c, t));
    const Pair sum = fast_two_sum(set(0.769193049750063), p.hi);
    return {sum.hi, sum.lo + p.lo};
}

/// Phi(x) - 1/2, Phi the normal distribution function, for |x| <= 1.25, with z = x^2.
JACNET_INLINE Packet central(Packet x, Packet z) {
    // The odd part's coefficients, relative error 2^-57.
    static constexpr double c[] = {
        0.3989422804014327,      -0.06649038006690544,   0.009973557010035815,
        -0.0011873282154804242,  0.00011543468761579367, -9.444656257266003e-06,
        6.659693434535666e-07,   -4.122665517250596e-08, 2.2735007755926715e-09,
        -1.1298194826149623e-10, 5.092162727809105e-12,  -2.033146854232647e-13,
        5.841074907065817e-15};
    return x * polynomial(c, z);
}

/// sin(x) and cos(x).
struct Circular {
    Packet sin, cos;
};

/// For any x: packets with an |x| above 5e5 go to the C library.
JACNET_INLINE Circular circular(Packet x) {
    static constexpr double s[] = {-0.16666666666666666,    0.008333333333333331,
                                   -0.00019841269841265065, 2.7557319219338794e-06,
                                   -2.505210623231864e-08,  1.605853159854918e-10,
                                   -7.586695912998733e-13};
    static constexpr double c[] = {0.041666666666666664,   -0.0013888888888888887,
                                   2.4801587301584645e-05, -2.755731922140262e-07,
                                   2.087675579100874e-09,  -1.1470460876247423e-11,
                                   4.745871232247433e-14};
    const Packet biased = mul_add(x, set(0x1.45f306dc9c883p-1), set(to_integer));
    const Packet k = biased - to_integer;
    // pi / 2 in three pieces of 33 bits, whose products with k are exact, and a rest.
    const Packet a = mul_add(k, set(-0x1.921fb54400000p+0), x);
    const Pair b = two_sum(a, k * -0x1.0b4611a600000p-34);
    const Pair d = two_sum(b.hi, k * -0x1.3198a2e000000p-69);
    const Packet tail = (b.lo + d.lo) + k * -0x1.b839a252049c1p-104;
    const Pair r = fast_two_sum(d.hi, tail);
    const Packet z = r.hi * r.hi;
    const Packet half = 0.5 * z;
    const Packet one = 1.0 - half;
    const Packet sine = r.hi + mul_add(r.hi * z, polynomial(s, z), r.lo * one);
    const Packet rest = mul_add(z * z, polynomial(c, z), -(r.hi * r.lo));
    const Packet cosine = one + (((1.0 - one) - half) + rest);
    const Mask quadrant = (Mask)biased;
    const Mask odd = (quadrant & 1) != 0;
    const Mask sine_sign = (quadrant & 2) << 62;
    const Mask cosine_sign = ((quadrant + 1) & 2) << 62;
    Circular y{(Packet)((Mask)select(odd, cosine, sine) ^ sine_sign),
               (Packet)((Mask)select(odd, sine, cosine) ^ cosine_sign)};
    const Mask huge = abs(x) > 5e5;
    if (any(huge)) {
        for (index_t i = 0; i < packet_size; ++i) {
            if (huge[i]) {
                y.sin[i] = __builtin_sin(x[i]);
                y.cos[i] = __builtin_cos(x[i]);
            }
        }
    }
    return y;
}

}  // namespace jacnet::kernels::JACNET_ISA
