#pragma once

#include "elementary.hpp"

/// The transfer functions that take a feature at a time, each a struct with
/// `template <int order> static Jet at(Lanes n)`, which fills the members up to `order`. A function
/// in two stages has `begin(n)`, and `at` takes what that returns: the caller begins the next one
/// before it ends the last. NaN is seen to by the caller, unless the function keeps it by itself
/// (`keeps_nan`).
namespace jacnet::kernels::JACNET_ISA {

constexpr double largest = 1.7976931348623157e308;

/// Value, slope and curvature; members beyond the order asked for stay unset.
struct Jet {
    Lanes a, d1, d2;
};

/// The logistic function's pieces for x = |n|: e = exp(-x), 1 / (1 + e), tanh(x / 2). Both tails
/// stay exact to the last digits because neither 1 - a nor 1 - a^2 is ever formed.
struct Logistic {
    Exponential exp;
    Lanes e, r, tanh;

    Pair inverse;

    JACNET_INLINE explicit Logistic(Exponential of_minus_x) : exp(of_minus_x) {
        e = exp.value();
        inverse = reciprocal(fast_two_sum(1.0, e));
        r = inverse.hi + inverse.lo;
        tanh = -exp.minus_one() * r;
    }
};

/// With e = exp(-2 |n|) and d = (1 + e) / 2: |a| = (1 - d) / d and f' = e (1 + |a|)^2.
struct Tansig {
    static constexpr bool keeps_nan = true;
    struct Begun {
        Lanes n;
        Exponential exp;
    };
    static JACNET_INLINE Begun begin(Lanes n) {
        const Lanes x = -abs(n);
        return {n, decay(x + x)};
    }
    template <int order>
    static JACNET_INLINE Jet at(const Begun& begun) {
        Jet y;
        const Exponential& exp = begun.exp;
        const Pair d = exp.half_plus_one();
        const Lanes a = quotient({d.hi - 1.0, d.lo}, d, 1.0 / d.hi);  // -|a|; d - 1 is exact
        y.a = with_sign(a, begun.n);
        if constexpr (order > 0) y.d1 = scale(exp.factor() * mul_add(a, a - 2.0, 1.0), exp.k);
        if constexpr (order > 1) y.d2 = -2.0 * y.a * y.d1;
        return y;
    }
};

struct Logsig {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        Jet y;
        const Logistic l(decay(-abs(n)));
        const Lanes small = scale(l.exp.factor() * l.r, l.exp.k);
        y.a = select(n < 0.0, small, l.r);
        if constexpr (order > 0) y.d1 = scale(l.exp.factor() * l.r * l.r, l.exp.k);
        if constexpr (order > 1) y.d2 = y.d1 * with_sign(l.tanh, -n);
        return y;
    }
};

struct Softplus {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        Jet y;
        const Exponential exp = decay(-abs(n));
        y.a = larger(n, 0.0) + log1p(exp.value());
        if constexpr (order > 0) {
            const Jet slope = Logsig::at<order - 1>(n);
            y.d1 = slope.a;
            if constexpr (order > 1) y.d2 = slope.d1;
        }
        return y;
    }
};

/// n times the logistic function of v, whose derivatives are v1 and v2; v has n's sign. Beyond
/// |n| = `limit` the function is straight to the last digit.
template <int order>
JACNET_INLINE Jet gated(Lanes n, double limit, Pair v, Lanes v1, Lanes v2) {
    Jet y;
    const LaneMask negative = n < 0.0;
    const Lanes x = select(negative, larger(n, -limit), n);
    const Logistic l(decay(Pair{select(negative, v.hi, -v.hi), select(negative, v.lo, -v.lo)}));
    // The factor 2^k goes in last, so that a subnormal result is rounded once.
    const Lanes k = select(negative, l.exp.k, 0.0);
    const Pair m = l.exp.factor_pair();
    const Pair small = product(product(l.inverse, m), x);
    y.a = select(negative, scale(small.hi + small.lo, k), x * l.r);
    if constexpr (order > 0) {
        const Lanes c = select(negative, larger(n, -limit), smaller(n, limit));
        const Lanes rising = c * v1 * select(negative, l.r, l.e * l.r);
        y.d1 = scale(select(negative, m.hi, 1.0) * l.r * (1.0 + rising), k);
        if constexpr (order > 1) {
            const Lanes t = with_sign(l.tanh, n);
            const Lanes bend = 2.0 * v1 + c * (v2 - v1 * v1 * t);
            y.d2 = scale(m.hi * l.r * l.r * bend, l.exp.k);
        }
    }
    return y;
}

struct Silu {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        return gated<order>(n, 1000.0, {n, 0.0}, 1.0, 0.0);
    }
};

struct GeluTanh {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        // v = 2 sqrt(2 / pi) (n + 0.044715 n^3), to twice the digits since it goes into exp.
        constexpr double limit = 24.0;
        const Lanes x = larger(smaller(n, limit), -limit);
        const Pair square = two_prod(x, x);
        const Pair cubic = product(Pair{0x1.2444f2a4d8b4bp-4, -0x1.6c843a29d1c70p-61}, square);
        const Pair linear{0x1.9884533d43651p+0, -0x1.cbc0d30ebfd15p-54};
        const Pair sum = fast_two_sum(linear.hi, cubic.hi);
        // The linear term need not be the larger one, so the sum's error is formed both ways round.
        const Lanes error = select(linear.hi > cubic.hi, sum.lo, linear.hi - (sum.hi - cubic.hi));
        const Pair v = product(Pair{sum.hi, error + (linear.lo + cubic.lo)}, x);
        const Lanes v1 = mul_add(square.hi, 0x1.b6676bf7450f0p-3, linear.hi);
        return gated<order>(n, limit, v, v1, x * 0x1.b6676bf7450f0p-2);
    }
};

struct Gelu {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        Jet y;
        constexpr double inverse_root = 0.3989422804014327;  // 1 / sqrt(2 pi)
        const Lanes x = smaller(abs(n), 39.0);
        const Pair square = two_prod(x, x);
        const Exponential exp = exponential({-0.5 * square.hi, -0.5 * square.lo});
        const Pair m = exp.factor_pair();
        const Pair w = reciprocal(two_sum(x, 5.0));
        const Pair ratio = product(mills(x, w.hi), w);  // Phi(-x) exp(x^2 / 2)
        const Pair tail = product(ratio, m);
        const LaneMask near = x < 0.625;
        const Lanes middle = 0.5 + central(n, square.hi);
        const Lanes above = select(near, middle, 1.0 - scale(tail.hi, exp.k));
        const LaneMask below = (n < 0.0) & ~near;
        const Pair small = product(tail, -x);
        y.a = select(below, scale(small.hi + small.lo, exp.k), n * above);
        if constexpr (order > 0) {
            const Lanes density = m.hi * inverse_root;  // lacks 2^k
            y.d1 = select(below, scale(m.hi * ((ratio.hi - x * inverse_root) + ratio.lo), exp.k),
                          above + scale(with_sign(x, n) * density, exp.k));
            if constexpr (order > 1) y.d2 = scale(density * ((2.0 - square.hi) - square.lo), exp.k);
        }
        return y;
    }
};

struct Mish {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        // With e = exp(-|n|): tanh(softplus(n)) = 1 - 2 e^2 / d or e (2 + e) / d.
        Jet y;
        const LaneMask negative = n < 0.0;
        const Exponential exp = decay(-abs(n));
        const Lanes e = exp.value();
        const Lanes k = select(negative, exp.k, 0.0);
        const Pair plus_two = fast_two_sum(2.0, e);
        const Pair part = product(plus_two, e);
        const Lanes steep = 2.0 * e * e;
        const Pair d = negative_or(negative, fast_two_sum(2.0, part.hi), part.lo,
                                   two_sum(1.0 + 2.0 * e, steep));
        const Pair inverse = reciprocal(d);
        const Lanes r = inverse.hi;
        const Lanes x = select(negative, larger(n, -1000.0), n);
        const Pair small = product(product(product(inverse, plus_two), exp.factor_pair()), x);
        const Pair gate = fast_two_sum(1.0, -quotient({steep, 0.0}, d, r));
        const Lanes above = gate.hi;
        y.a = select(negative, scale(small.hi + small.lo, k), mul_add(x, gate.hi, x * gate.lo));
        if constexpr (order > 0) {
            const Lanes c = select(negative, x, smaller(n, 1000.0));
            const Lanes m = select(negative, exp.factor(), 1.0);
            const Lanes own = select(negative, m * plus_two.hi * r, above);
            const Lanes change = 4.0 * (1.0 + e) * r * r * select(negative, m, e * e);
            y.d1 = scale(mul_add(c, change, own), k);
            if constexpr (order > 1) {
                const Lanes below = mul_add(e, mul_add(e, mul_add(e, -2.0, -3.0), 2.0), 2.0);
                const Lanes over = mul_add(e, mul_add(e, mul_add(e, 2.0, 2.0), -3.0), -2.0);
                const Lanes bend =
                    mul_add(c, select(negative, below, over), 2.0 * (1.0 + e) * d.hi);
                const Lanes whole = 4.0 * r * r * r * bend;
                y.d2 = select(negative, scale(m * whole, k), e * whole * e);
            }
        }
        return y;
    }

private:
    static JACNET_INLINE Pair negative_or(LaneMask negative, Pair below, Lanes rest, Pair above) {
        return {select(negative, below.hi, above.hi), select(negative, below.lo + rest, above.lo)};
    }
};

struct Purelin {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        return {n, 1.0, 0.0};
    }
};

/// n between two ends, flat outside; the ends belong to the slope.
JACNET_INLINE Jet clipped(Lanes n, double lo, double hi) {
    const Lanes a = larger(smaller(n, hi), lo);
    return {a, select(a == n, 1.0, 0.0), 0.0};
}

struct Poslin {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        return {larger(n, 0.0), select(n >= 0.0, 1.0, 0.0), 0.0};
    }
};

struct Satlin {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        return clipped(n, 0.0, 1.0);
    }
};

struct Satlins {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        return clipped(n, -1.0, 1.0);
    }
};

struct Hardlim {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        return {select(n >= 0.0, 1.0, 0.0), 0.0, 0.0};
    }
};

struct Hardlims {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        return {select(n >= 0.0, 1.0, -1.0), 0.0, 0.0};
    }
};

struct Relu {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        return {larger(n, 0.0), select(n > 0.0, 1.0, 0.0), 0.0};
    }
};

struct LeakyRelu {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        const Lanes slope = select(n > 0.0, 1.0, 0.01);
        return {slope * n, slope, 0.0};
    }
};

struct Tribas {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        const Lanes x = abs(n);
        const Lanes slope = select((x <= 1.0) & (x > 0.0), 1.0, 0.0);
        return {larger(1.0 - x, 0.0), with_sign(slope, -n), 0.0};
    }
};

struct Elu {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        Jet y;
        const Exponential exp = decay(smaller(n, 0.0));
        y.a = select(n > 0.0, n, select(n == 0.0, n, exp.minus_one()));
        if constexpr (order > 0) y.d1 = exp.value();
        if constexpr (order > 1) y.d2 = select(n < 0.0, y.d1, 0.0);
        return y;
    }
};

struct Selu {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        Jet y;
        constexpr double lambda = 0x1.0cfabd6a91132p+0;
        constexpr double lambda_alpha = 0x1.c212cc640f031p+0;
        constexpr double lambda_alpha_rest = 0x1.05161b045a1fep-56;
        const Exponential exp = decay(smaller(n, 0.0));
        const Lanes less = exp.minus_one();
        const Lanes below = mul_add(less, lambda_alpha, less * lambda_alpha_rest);
        const Lanes slope = scale(lambda_alpha * exp.factor(), exp.k);
        // The largest net inputs end at the largest number.
        y.a = select(n > 0.0, smaller(n * lambda, largest), below);
        if constexpr (order > 0) y.d1 = select(n > 0.0, lambda, slope);
        if constexpr (order > 1) y.d2 = select(n < 0.0, slope, 0.0);
        return y;
    }
};

struct Radbas {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        Jet y;
        const Lanes x = larger(smaller(n, 30.0), -30.0);
        const Pair square = two_prod(x, x);
        const Exponential exp = exponential({-square.hi, -square.lo});
        const Lanes m = exp.factor();
        y.a = scale(m, exp.k);
        if constexpr (order > 0) y.d1 = scale(-2.0 * x * m, exp.k);
        if constexpr (order > 1) {
            y.d2 = scale(4.0 * ((square.hi - 0.5) + square.lo) * m, exp.k);
        }
        return y;
    }
};

struct Elliotsig {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        Jet y;
        const Lanes r = 1.0 / (1.0 + abs(n));
        y.a = n / (1.0 + abs(n));
        if constexpr (order > 0) y.d1 = r * r;
        if constexpr (order > 1) {
            y.d2 = select(n == 0.0, 0.0, with_sign(2.0 * r * r * r, -n));
        }
        return y;
    }
};

struct Elliot2sig {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        // In q = min(|n|, 1 / |n|), so that no power overflows.
        Jet y;
        const Lanes x = abs(n);
        const LaneMask outside = x > 1.0;
        const Lanes q = select(outside, 1.0 / x, x);
        const Lanes w = q * q;
        const Lanes d = 1.0 + w;
        y.a = with_sign(select(outside, 1.0, w) / d, n);
        if constexpr (order > 0) {
            const Lanes r = 1.0 / d;
            y.d1 = 2.0 * q * select(outside, w, 1.0) * r * r;
            if constexpr (order > 1) {
                const Lanes bend = select(outside, (w - 3.0) * w * w, 1.0 - 3.0 * w);
                const Lanes sign = select(n == 0.0, 0.0, with_sign(2.0, n));
                y.d2 = sign * bend * r * r * r;
            }
        }
        return y;
    }
};

struct Netinv {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        Jet y;
        const LaneMask near = abs(n) <= 1e-30;
        const Lanes r = 1.0 / select(near, 1.0, n);
        const Lanes twice = select(n < 0.0, -2e30, 2e30);
        y.a = select(near, mul_add(n, -1e60, twice), r);
        if constexpr (order > 0) y.d1 = select(near, -1e60, -r * r);
        if constexpr (order > 1) y.d2 = select(near, 0.0, 2.0 * r * r * r);
        return y;
    }
};

struct Sin {
    template <int order>
    static JACNET_INLINE Jet at(Lanes n) {
        const Circular y = circular(n);
        return {y.sin, y.cos, -y.sin};
    }
};

}  // namespace jacnet::kernels::JACNET_ISA
