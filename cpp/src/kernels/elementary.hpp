#pragma once

#include "lanes.hpp"

/// The elementary functions that the transfer functions are made of.
///
/// Functions return unrounded pieces (hi + lo, or a factor and a power of two) where a caller can
/// use the extra digits or must scale last to round a subnormal result only once.
namespace jacnet::kernels::JACNET_ISA {

/// An unevaluated sum, |lo| below half a unit in the last place of hi.
struct Pair {
    Lanes hi, lo;
};

/// a + b exactly.
JACNET_INLINE Pair two_sum(Lanes a, Lanes b) {
    const Lanes hi = a + b;
    const Lanes t = hi - a;
    return {hi, (a - (hi - t)) + (b - t)};
}

/// a + b exactly, for |a| >= |b|.
JACNET_INLINE Pair fast_two_sum(Lanes a, Lanes b) {
    const Lanes hi = a + b;
    return {hi, b - (hi - a)};
}

/// a b exactly, unless it over- or underflows (without fused multiply-add: |a|, |b| < 2^996).
JACNET_INLINE Pair two_prod(Lanes a, Lanes b) {
    const Lanes hi = a * b;
#if defined(__AVX2__) || defined(__AVX512F__)
    return {hi, mul_add(a, b, -hi)};
#else
    const Lanes s = 134217729.0 * a;
    const Lanes t = 134217729.0 * b;
    const Lanes ah = s - (s - a);
    const Lanes bh = t - (t - b);
    const Lanes al = a - ah;
    const Lanes bl = b - bh;
    return {hi, ((ah * bh - hi) + ah * bl + al * bh) + al * bl};
#endif
}

JACNET_INLINE Pair product(Pair a, Pair b) {
    const Pair p = two_prod(a.hi, b.hi);
    return fast_two_sum(p.hi, p.lo + mul_add(a.hi, b.lo, a.lo * b.hi));
}

JACNET_INLINE Pair product(Pair a, Lanes b) {
    const Pair p = two_prod(a.hi, b);
    return fast_two_sum(p.hi, mul_add(a.lo, b, p.lo));
}

/// 1 / x to nearly twice the digits.
JACNET_INLINE Pair reciprocal(Pair x) {
    const Lanes r = 1.0 / x.hi;
#if defined(__AVX2__) || defined(__AVX512F__)
    return {r, r * mul_subtract_from(mul_subtract_from(1.0, r, x.hi), r, x.lo)};
#else
    const Pair p = two_prod(r, x.hi);
    return {r, r * (((1.0 - p.hi) - p.lo) - r * x.lo)};
#endif
}

/// a / x with little more than one rounding, given r = 1 / x.hi; x in [0.5, 1000].
JACNET_INLINE Lanes quotient(Pair a, Pair x, Lanes r) {
#if defined(__AVX2__) || defined(__AVX512F__)
    const Lanes q = a.hi * r;
    const Lanes rest = mul_subtract_from(mul_subtract_from(a.hi, q, x.hi), q, x.lo);
    return mul_add(rest + a.lo, r, q);
#else
    const Lanes q = a.hi / x.hi;
    const Pair p = two_prod(q, x.hi);
    return q + ((((a.hi - p.hi) - p.lo) - q * x.lo) + a.lo) * r;
#endif
}

/// Horner's scheme, the constant coefficient first.
template <int count>
JACNET_INLINE Lanes polynomial(const double (&c)[count], Lanes x) {
    Lanes y = c[count - 1];
    for (int i = count - 2; i >= 0; --i) y = mul_add(y, x, c[i]);
    return y;
}

/// 2^(k + shift) for an integer k in [-2000, 1023]; k below -1000 may count as -1000.
template <int shift = 0>
JACNET_INLINE Lanes power_of_two(Lanes k) {
    static_assert(shift == 0 || shift == -1);
#if defined(__AVX512F__)
    return scale(shift < 0 ? 0.5 : 1.0, k);
#else
    return each([](Packet x) { return power_of_two(larger(x, set(-1000.0)), shift); }, k);
#endif
}

/// exp(x) = (1 + p) 2^k with p = expm1 of the reduced argument, |p| < 0.42.
struct Exponential {
    Lanes p, k;

    JACNET_INLINE Lanes factor() const { return 1.0 + p; }
    JACNET_INLINE Pair factor_pair() const { return fast_two_sum(1.0, p); }
    JACNET_INLINE Lanes value() const { return scale(1.0 + p, k); }
    /// exp(x) - 1; x <= 0.
    JACNET_INLINE Lanes minus_one() const {
        const Lanes s = power_of_two(k);
        return mul_add(s, p, s - 1.0);
    }
    /// (1 + exp(x)) / 2; x <= 0.
    JACNET_INLINE Pair half_plus_one() const {
        const Lanes s = power_of_two<-1>(k);
        const Pair m = factor_pair();
        const Lanes sum = mul_add(s, m.hi, 0.5);
        return {sum, mul_add(s, m.lo, mul_add(s, m.hi, 0.5 - sum))};
    }
};

/// exp(x + rest) for -1000 <= x <= 700; `with_rest` tells whether there is one.
template <bool with_rest>
JACNET_INLINE Exponential exponential(Lanes x, Lanes rest) {
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
    const Lanes k = mul_add(x, 1.4426950408889634, to_integer) - to_integer;
    const Lanes high = mul_add(k, -0x1.62e42fefa2000p-1, x);  // exact
    Lanes r = mul_add(k, -0x1.9ef35793c7673p-41, high);
    if constexpr (with_rest) r = r + rest;
    // By pairs, not by Horner's scheme: a quarter of the latency, which the scheduler cannot hide.
    const Lanes r2 = r * r, r4 = r2 * r2;
    const Lanes low = mul_add(mul_add(c[3], r, c[2]), r2, mul_add(c[1], r, c[0]));
    const Lanes mid = mul_add(mul_add(c[7], r, c[6]), r2, mul_add(c[5], r, c[4]));
    const Lanes top = mul_add(c[10], r2, mul_add(c[9], r, c[8]));
    return {mul_add(r2, mul_add(r4, mul_add(r4, top, mid), low), r), k};
}

JACNET_INLINE Exponential exponential(Pair x) { return exponential<true>(x.hi, x.lo); }

/// exp(x.hi + x.lo) for x <= 0 of any size; the low part is dropped where exp is zero.
JACNET_INLINE Exponential decay(Pair x) {
    const LaneMask vanishes = x.hi < -1000.0;
    return exponential({select(vanishes, -1000.0, x.hi), select(vanishes, 0.0, x.lo)});
}

/// exp(x) for x <= 0 of any size; NaN stays NaN.
JACNET_INLINE Exponential decay(Lanes x) { return exponential<false>(larger(-1000.0, x), 0.0); }

/// log(1 + x) for 0 <= x <= 1.
JACNET_INLINE Lanes log1p(Lanes x) {
    // (2 atanh(s) / s - 2) / s^2 in z = s^2 <= 1 / 25, relative error of the logarithm 2^-60.
    static constexpr double c[] = {0.6666666666666666,  0.4000000000000794,  0.28571428567275936,
                                   0.2222222304835159,  0.18181737626302938, 0.15388867805613718,
                                   0.13209708242059462, 0.13609030262858499};
    // 1 + x = (1 + f) 2^(0 or 1), with f exact.
    const LaneMask large = x > 0.5;
    const Lanes f = select(large, 0.5 * (x - 1.0), x);
    const Lanes hi = select(large, 0x1.62e42fefa39efp-1, 0.0);
    const Lanes lo = select(large, 0x1.abc9e3b39803fp-56, 0.0);
    const Lanes s = f / (2.0 + f);
    const Lanes z = s * s;
    const Lanes half_square = 0.5 * f * f;
    const Lanes rest = s * mul_add(z, polynomial(c, z), half_square);
    return hi - ((half_square - (rest + lo)) - f);
}

/// (x + 5) exp(x^2 / 2) Phi(-x), Phi the normal distribution function, for 0 <= x <= 39, with
/// w = 1 / (x + 5); the hi part alone is accurate to about a unit in the last place.
JACNET_INLINE Pair mills(Lanes x, Lanes w) {
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
    const Lanes t = quotient({x - 5.0, 0.0}, two_sum(x, 5.0), w);
    const Pair p = two_prod(t, polynomial(c, t));
    const Pair sum = fast_two_sum(0.769193049750063, p.hi);
    return {sum.hi, sum.lo + p.lo};
}

/// Phi(x) - 1/2, Phi the normal distribution function, for |x| <= 1.25, with z = x^2.
JACNET_INLINE Lanes central(Lanes x, Lanes z) {
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
    Lanes sin, cos;
};

/// The sine `turns` quarters of a circle further, from those of what is left of x after `biased`
/// quarters.
template <int turns>
JACNET_INLINE Lanes in_quadrant(Lanes biased, Lanes sine, Lanes cosine) {
    return each(
        [](Packet number, Packet s, Packet c) {
            const Mask quadrant = (Mask)number + turns;
            const Mask odd = (quadrant & 1) != 0;
            return (Packet)((Mask)select(odd, c, s) ^ ((quadrant & 2) << 62));
        },
        biased, sine, cosine);
}

/// For any x: numbers above 5e5 in size go to the C library.
JACNET_INLINE Circular circular(Lanes x) {
    static constexpr double s[] = {-0.16666666666666666,    0.008333333333333331,
                                   -0.00019841269841265065, 2.7557319219338794e-06,
                                   -2.505210623231864e-08,  1.605853159854918e-10,
                                   -7.586695912998733e-13};
    static constexpr double c[] = {0.041666666666666664,   -0.0013888888888888887,
                                   2.4801587301584645e-05, -2.755731922140262e-07,
                                   2.087675579100874e-09,  -1.1470460876247423e-11,
                                   4.745871232247433e-14};
    const Lanes biased = mul_add(x, 0x1.45f306dc9c883p-1, to_integer);
    const Lanes k = biased - to_integer;
    // pi / 2 in three pieces of 33 bits, whose products with k are exact, and a rest.
    const Lanes a = mul_add(k, -0x1.921fb54400000p+0, x);
    const Pair b = two_sum(a, k * -0x1.0b4611a600000p-34);
    const Pair d = two_sum(b.hi, k * -0x1.3198a2e000000p-69);
    const Lanes tail = (b.lo + d.lo) + k * -0x1.b839a252049c1p-104;
    const Pair r = fast_two_sum(d.hi, tail);
    const Lanes z = r.hi * r.hi;
    const Lanes half = 0.5 * z;
    const Lanes one = 1.0 - half;
    const Lanes sine = r.hi + mul_add(r.hi * z, polynomial(s, z), r.lo * one);
    const Lanes rest = mul_add(z * z, polynomial(c, z), -(r.hi * r.lo));
    const Lanes cosine = one + (((1.0 - one) - half) + rest);
    Circular y{in_quadrant<0>(biased, sine, cosine), in_quadrant<1>(biased, sine, cosine)};
    const LaneMask huge = abs(x) > 5e5;
    if (any(huge)) {
        for (index_t i = 0; i < lanes_size; ++i) {
            if (huge[i]) {
                y.sin.put(i, __builtin_sin(x[i]));
                y.cos.put(i, __builtin_cos(x[i]));
            }
        }
    }
    return y;
}

}  // namespace jacnet::kernels::JACNET_ISA
