#include "packet.hpp"
#include "transfer_kernel.hpp"

namespace jacnet::kernels::JACNET_ISA {
namespace {

constexpr double largest = 1.7976931348623157e308;

/// Value, slope and curvature; members beyond the order asked for stay unset.
struct Jet {
    Packet a, d1, d2;
};

// Every function is a struct with `template <int order> static Jet at(Packet n)`, which fills the
// members up to `order`. NaN is seen to by the caller, unless the function keeps it by itself.

/// The logistic function's pieces for x = |n|: e = exp(-x), 1 / (1 + e), tanh(x / 2). Both tails
/// stay exact to the last digits because neither 1 - a nor 1 - a^2 is ever formed.
struct Logistic {
    Exponential exp;
    Packet e, r, tanh;

    Pair inverse;

    JACNET_INLINE explicit Logistic(Exponential of_minus_x) : exp(of_minus_x) {
        e = exp.value();
        inverse = reciprocal(fast_two_sum(set(1.0), e));
        r = inverse.hi + inverse.lo;
        tanh = -exp.minus_one() * r;
    }
};

/// With e = exp(-2 |n|): |a| = (1 - e) / (1 + e) and f' = 4 e / (1 + e)^2, both by d = (1 + e) / 2.
struct Tansig {
    static constexpr bool keeps_nan = true;
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        const Exponential exp = decay(-2.0 * abs(n));
        const Packet less = exp.half_minus_one();
        const Pair d = fast_two_sum(set(1.0), less);
        const Pair inverse = reciprocal(d);
        y.a = with_sign(quotient(less, d, inverse.hi), n);
        if constexpr (order > 0) {
            const Packet r = inverse.hi + inverse.lo;
            y.d1 = scale(exp.factor() * (r * r), exp.k);
        }
        if constexpr (order > 1) y.d2 = -2.0 * y.a * y.d1;
        return y;
    }
};

struct Logsig {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        const Logistic l(decay(-abs(n)));
        const Packet small = scale(l.exp.factor() * l.r, l.exp.k);
        y.a = select(n < 0.0, small, l.r);
        if constexpr (order > 0) y.d1 = scale(l.exp.factor() * l.r * l.r, l.exp.k);
        if constexpr (order > 1) y.d2 = y.d1 * with_sign(l.tanh, -n);
        return y;
    }
};

struct Softplus {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        const Exponential exp = decay(-abs(n));
        y.a = larger(n, Packet{}) + log1p(exp.value());
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
JACNET_INLINE Jet gated(Packet n, double limit, Pair v, Packet v1, Packet v2) {
    Jet y;
    const Mask negative = n < 0.0;
    const Packet x = select(negative, larger(n, set(-limit)), n);
    const Logistic l(decay(Pair{select(negative, v.hi, -v.hi), select(negative, v.lo, -v.lo)}));
    // The factor 2^k goes in last, so that a subnormal result is rounded once.
    const Packet k = select(negative, l.exp.k, Packet{});
    const Pair m = l.exp.factor_pair();
    const Pair small = product(product(l.inverse, m), x);
    y.a = select(negative, scale(small.hi + small.lo, k), x * l.r);
    if constexpr (order > 0) {
        const Packet c = select(negative, larger(n, set(-limit)), smaller(n, set(limit)));
        const Packet rising = c * v1 * select(negative, l.r, l.e * l.r);
        y.d1 = scale(select(negative, m.hi, set(1.0)) * l.r * (1.0 + rising), k);
        if constexpr (order > 1) {
            const Packet t = with_sign(l.tanh, n);
            const Packet bend = 2.0 * v1 + c * (v2 - v1 * v1 * t);
            y.d2 = scale(m.hi * l.r * l.r * bend, l.exp.k);
        }
    }
    return y;
}

struct Silu {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        return gated<order>(n, 1000.0, {n, Packet{}}, set(1.0), Packet{});
    }
};

struct GeluTanh {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        // v = 2 sqrt(2 / pi) (n + 0.044715 n^3), to twice the digits since it goes into exp.
        constexpr double limit = 24.0;
        const Packet x = larger(smaller(n, set(limit)), set(-limit));
        const Pair square = two_prod(x, x);
        const Pair cubic =
            product(Pair{set(0x1.2444f2a4d8b4bp-4), set(-0x1.6c843a29d1c70p-61)}, square);
        const Pair linear{set(0x1.9884533d43651p+0), set(-0x1.cbc0d30ebfd15p-54)};
        const Pair sum = fast_two_sum(linear.hi, cubic.hi);
        // The linear term need not be the larger one, so the sum's error is formed both ways round.
        const Packet error = select(linear.hi > cubic.hi, sum.lo, linear.hi - (sum.hi - cubic.hi));
        const Pair v = product(Pair{sum.hi, error + (linear.lo + cubic.lo)}, x);
        const Packet v1 = mul_add(square.hi, set(0x1.b6676bf7450f0p-3), linear.hi);
        return gated<order>(n, limit, v, v1, x * 0x1.b6676bf7450f0p-2);
    }
};

struct Gelu {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        constexpr double inverse_root = 0.3989422804014327;  // 1 / sqrt(2 pi)
        const Packet x = smaller(abs(n), set(39.0));
        const Pair square = two_prod(x, x);
        const Exponential exp = exponential({-0.5 * square.hi, -0.5 * square.lo});
        const Pair m = exp.factor_pair();
        const Pair w = reciprocal(two_sum(x, set(5.0)));
        const Pair ratio = product(mills(x, w.hi), w);  // Phi(-x) exp(x^2 / 2)
        const Pair tail = product(ratio, m);
        const Mask near = x < 0.625;
        const Packet middle = 0.5 + central(n, square.hi);
        const Packet above = select(near, middle, 1.0 - scale(tail.hi, exp.k));
        const Mask below = (n < 0.0) & ~near;
        const Pair small = product(tail, -x);
        y.a = select(below, scale(small.hi + small.lo, exp.k), n * above);
        if constexpr (order > 0) {
            const Packet density = m.hi * inverse_root;  // lacks 2^k
            y.d1 = select(below, scale(m.hi * ((ratio.hi - x * inverse_root) + ratio.lo), exp.k),
                          above + scale(with_sign(x, n) * density, exp.k));
            if constexpr (order > 1) y.d2 = scale(density * ((2.0 - square.hi) - square.lo), exp.k);
        }
        return y;
    }
};

struct Mish {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        // With e = exp(-|n|): tanh(softplus(n)) = 1 - 2 e^2 / d or e (2 + e) / d.
        Jet y;
        const Mask negative = n < 0.0;
        const Exponential exp = decay(-abs(n));
        const Packet e = exp.value();
        const Packet k = select(negative, exp.k, Packet{});
        const Pair plus_two = fast_two_sum(set(2.0), e);
        const Pair part = product(plus_two, e);
        const Packet steep = 2.0 * e * e;
        const Pair d = negative_or(negative, fast_two_sum(set(2.0), part.hi), part.lo,
                                   two_sum(1.0 + 2.0 * e, steep));
        const Pair inverse = reciprocal(d);
        const Packet r = inverse.hi;
        const Packet x = select(negative, larger(n, set(-1000.0)), n);
        const Pair small = product(product(product(inverse, plus_two), exp.factor_pair()), x);
        const Pair gate = fast_two_sum(set(1.0), -quotient(steep, d, r));
        const Packet above = gate.hi;
        y.a = select(negative, scale(small.hi + small.lo, k), mul_add(x, gate.hi, x * gate.lo));
        if constexpr (order > 0) {
            const Packet c = select(negative, x, smaller(n, set(1000.0)));
            const Packet m = select(negative, exp.factor(), set(1.0));
            const Packet own = select(negative, m * plus_two.hi * r, above);
            const Packet change = 4.0 * (1.0 + e) * r * r * select(negative, m, e * e);
            y.d1 = scale(mul_add(c, change, own), k);
            if constexpr (order > 1) {
                const Packet below =
                    mul_add(e, mul_add(e, mul_add(e, set(-2.0), set(-3.0)), set(2.0)), set(2.0));
                const Packet over =
                    mul_add(e, mul_add(e, mul_add(e, set(2.0), set(2.0)), set(-3.0)), set(-2.0));
                const Packet bend =
                    mul_add(c, select(negative, below, over), 2.0 * (1.0 + e) * d.hi);
                const Packet whole = 4.0 * r * r * r * bend;
                y.d2 = select(negative, scale(m * whole, k), e * whole * e);
            }
        }
        return y;
    }

private:
    static JACNET_INLINE Pair negative_or(Mask negative, Pair below, Packet rest, Pair above) {
        return {select(negative, below.hi, above.hi), select(negative, below.lo + rest, above.lo)};
    }
};

struct Purelin {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        return {n, set(1.0), Packet{}};
    }
};

/// n between two ends, flat outside; the ends belong to the slope.
JACNET_INLINE Jet clipped(Packet n, double lo, double hi) {
    const Packet a = larger(smaller(n, set(hi)), set(lo));
    return {a, select(a == n, set(1.0), Packet{}), Packet{}};
}

struct Poslin {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        return {larger(n, Packet{}), select(n >= 0.0, set(1.0), Packet{}), Packet{}};
    }
};

struct Satlin {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        return clipped(n, 0.0, 1.0);
    }
};

struct Satlins {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        return clipped(n, -1.0, 1.0);
    }
};

struct Hardlim {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        return {select(n >= 0.0, set(1.0), Packet{}), Packet{}, Packet{}};
    }
};

struct Hardlims {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        return {select(n >= 0.0, set(1.0), set(-1.0)), Packet{}, Packet{}};
    }
};

struct Relu {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        return {larger(n, Packet{}), select(n > 0.0, set(1.0), Packet{}), Packet{}};
    }
};

struct LeakyRelu {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        const Packet slope = select(n > 0.0, set(1.0), set(0.01));
        return {slope * n, slope, Packet{}};
    }
};

struct Tribas {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        const Packet x = abs(n);
        const Packet slope = select((x <= 1.0) & (x > 0.0), set(1.0), Packet{});
        return {larger(1.0 - x, Packet{}), with_sign(slope, -n), Packet{}};
    }
};

struct Elu {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        const Exponential exp = decay(smaller(n, Packet{}));
        y.a = select(n > 0.0, n, select(n == 0.0, n, exp.minus_one()));
        if constexpr (order > 0) y.d1 = exp.value();
        if constexpr (order > 1) y.d2 = select(n < 0.0, y.d1, Packet{});
        return y;
    }
};

struct Selu {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        constexpr double lambda = 0x1.0cfabd6a91132p+0;
        constexpr double lambda_alpha = 0x1.c212cc640f031p+0;
        constexpr double lambda_alpha_rest = 0x1.05161b045a1fep-56;
        const Exponential exp = decay(smaller(n, Packet{}));
        const Packet less = exp.minus_one();
        const Packet below = mul_add(less, set(lambda_alpha), less * lambda_alpha_rest);
        const Packet slope = scale(lambda_alpha * exp.factor(), exp.k);
        // The largest net inputs end at the largest number.
        y.a = select(n > 0.0, smaller(n * lambda, set(largest)), below);
        if constexpr (order > 0) y.d1 = select(n > 0.0, set(lambda), slope);
        if constexpr (order > 1) y.d2 = select(n < 0.0, slope, Packet{});
        return y;
    }
};

struct Radbas {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        const Packet x = larger(smaller(n, set(30.0)), set(-30.0));
        const Pair square = two_prod(x, x);
        const Exponential exp = exponential({-square.hi, -square.lo});
        const Packet m = exp.factor();
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
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        const Packet r = 1.0 / (1.0 + abs(n));
        y.a = n / (1.0 + abs(n));
        if constexpr (order > 0) y.d1 = r * r;
        if constexpr (order > 1) {
            y.d2 = select(n == 0.0, Packet{}, with_sign(2.0 * r * r * r, -n));
        }
        return y;
    }
};

struct Elliot2sig {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        // In q = min(|n|, 1 / |n|), so that no power overflows.
        Jet y;
        const Packet x = abs(n);
        const Mask outside = x > 1.0;
        const Packet q = select(outside, 1.0 / x, x);
        const Packet w = q * q;
        const Packet d = 1.0 + w;
        y.a = with_sign(select(outside, set(1.0), w) / d, n);
        if constexpr (order > 0) {
            const Packet r = 1.0 / d;
            y.d1 = 2.0 * q * select(outside, w, set(1.0)) * r * r;
            if constexpr (order > 1) {
                const Packet bend = select(outside, (w - 3.0) * w * w, 1.0 - 3.0 * w);
                const Packet sign = select(n == 0.0, Packet{}, with_sign(set(2.0), n));
                y.d2 = sign * bend * r * r * r;
            }
        }
        return y;
    }
};

struct Netinv {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        Jet y;
        const Mask near = abs(n) <= 1e-30;
        const Packet r = 1.0 / select(near, set(1.0), n);
        const Packet twice = select(n < 0.0, set(-2e30), set(2e30));
        y.a = select(near, mul_add(n, set(-1e60), twice), r);
        if constexpr (order > 0) y.d1 = select(near, set(-1e60), -r * r);
        if constexpr (order > 1) y.d2 = select(near, Packet{}, 2.0 * r * r * r);
        return y;
    }
};

struct Sin {
    template <int order>
    static JACNET_INLINE Jet at(Packet n) {
        const Circular y = circular(n);
        return {y.sin, y.cos, -y.sin};
    }
};

/// A block to be mapped: n samples of h features.
struct Block {
    index_t n, h;
    const double* s;
    index_t lds;
    double* a;
    index_t lda;
    double* d1;
    double* d2;
    index_t ldd;
};

/// NaN net inputs give NaN in value, slope and curvature.
JACNET_INLINE Packet keep_nan(Packet n, Packet y) { return select(n == n, y, n); }

/// The same, where the function does not see to it.
template <class Function>
JACNET_INLINE Packet keep_nan_of(Packet n, Packet y) {
    if constexpr (requires { Function::keeps_nan; }) return y;
    return keep_nan(n, y);
}

template <class Function, int order>
void map(const Block& b) {
    for (index_t j = 0; j < b.h; ++j) {
        for (index_t i = 0; i < b.n; i += packet_size) {
            const Packet n = load(b.s + i + j * b.lds);
            const Jet y = Function::template at<order>(n);
            store(b.a + i + j * b.lda, keep_nan_of<Function>(n, y.a));
            if constexpr (order > 0) store(b.d1 + i + j * b.ldd, keep_nan_of<Function>(n, y.d1));
            if constexpr (order > 1) store(b.d2 + i + j * b.ldd, keep_nan_of<Function>(n, y.d2));
        }
    }
}

template <class Function>
void map(const Block& b) {
    if (b.d2) return map<Function, 2>(b);
    if (b.d1) return map<Function, 1>(b);
    map<Function, 0>(b);
}

/// One-hot of the first largest feature; a sample with a NaN becomes NaN.
void compete(const Block& b) {
    for (index_t i = 0; i < b.n; i += packet_size) {
        Packet most = load(b.s + i);
        Packet sick = Packet{};  // 0, or NaN where a feature is
        for (index_t j = 0; j < b.h; ++j) {
            const Packet n = load(b.s + i + j * b.lds);
            most = larger(n, most);
            sick = keep_nan(n, sick);
        }
        Mask open = sick == sick;
        for (index_t j = 0; j < b.h; ++j) {
            const Mask wins = open & (load(b.s + i + j * b.lds) == most);
            open &= ~wins;
            store(b.a + i + j * b.lda, select(wins, set(1.0), Packet{}) + sick);
            if (b.d1) store(b.d1 + i + j * b.ldd, sick);
            if (b.d2) store(b.d2 + i + j * b.ldd, sick);
        }
    }
}

/// The logit of softmax, less its largest value in the sample.
struct Softmax {
    static JACNET_INLINE Packet rank(Packet n) { return n; }

    static JACNET_INLINE Pair below(Packet n, Packet most) { return two_sum(n, -most); }

    static JACNET_INLINE Jet at(Packet n) { return {n, set(1.0), Packet{}}; }
};

/// The logit of radbasn: -n^2 = -(m^2) - (|n| - m)(|n| + m), m the smallest |n|.
struct Radbasn {
    static JACNET_INLINE Packet rank(Packet n) { return -abs(n); }

    static JACNET_INLINE Pair below(Packet n, Packet most) {
        const Pair difference = two_sum(-most, -abs(n));
        const Pair half_sum = two_sum(-0.5 * most, 0.5 * abs(n));
        const Mask vanishes = difference.hi * half_sum.hi < -1000.0;
        // Where the sum is beyond 1e200, the difference is zero or the exponential vanishes.
        const Pair p = product(difference, {smaller(half_sum.hi, set(1e200)), half_sum.lo});
        return {select(vanishes, set(-2000.0), 2.0 * p.hi), 2.0 * p.lo};
    }

    static JACNET_INLINE Jet at(Packet n) {
        const Packet slope = larger(smaller(-2.0 * n, set(largest)), set(-largest));
        return {n, slope, set(-2.0)};
    }
};

template <class Logit>
void normalise(const Block& b) {
    for (index_t i = 0; i < b.n; i += packet_size) {
        Packet most = Logit::rank(load(b.s + i));
        for (index_t j = 1; j < b.h; ++j) {
            most = larger(Logit::rank(load(b.s + i + j * b.lds)), most);
        }
        Pair sum{Packet{}, Packet{}};
        for (index_t j = 0; j < b.h; ++j) {
            const Packet n = load(b.s + i + j * b.lds);
            const Packet e = decay(Logit::below(n, most)).value();
            const Pair next = two_sum(sum.hi, e);
            sum = {next.hi, sum.lo + next.lo};
            store(b.a + i + j * b.lda, keep_nan(n, e));
            const Jet z = Logit::at(n);
            if (b.d1) store(b.d1 + i + j * b.ldd, keep_nan(n, z.d1));
            if (b.d2) store(b.d2 + i + j * b.ldd, keep_nan(n, z.d2));
        }
        const Pair inverse = reciprocal(fast_two_sum(sum.hi, sum.lo));
        const Packet r = inverse.hi + inverse.lo;
        for (index_t j = 0; j < b.h; ++j) {
            double* a = b.a + i + j * b.lda;
            store(a, load(a) * r);
        }
    }
}

}  // namespace

void transfer(Transfer f, index_t n, index_t h, const double* s, index_t lds, double* a,
              index_t lda, double* d1, double* d2, index_t ldd) {
    if (h == 0) return;
    const Block b{n, h, s, lds, a, lda, d1, d2, ldd};
    switch (f) {
        case Transfer::tansig:
            return map<Tansig>(b);
        case Transfer::logsig:
            return map<Logsig>(b);
        case Transfer::purelin:
            return map<Purelin>(b);
        case Transfer::poslin:
            return map<Poslin>(b);
        case Transfer::satlin:
            return map<Satlin>(b);
        case Transfer::satlins:
            return map<Satlins>(b);
        case Transfer::hardlim:
            return map<Hardlim>(b);
        case Transfer::hardlims:
            return map<Hardlims>(b);
        case Transfer::radbas:
            return map<Radbas>(b);
        case Transfer::radbasn:
            return normalise<Radbasn>(b);
        case Transfer::tribas:
            return map<Tribas>(b);
        case Transfer::elliotsig:
            return map<Elliotsig>(b);
        case Transfer::elliot2sig:
            return map<Elliot2sig>(b);
        case Transfer::softmax:
            return normalise<Softmax>(b);
        case Transfer::netinv:
            return map<Netinv>(b);
        case Transfer::compet:
            return compete(b);
        case Transfer::relu:
            return map<Relu>(b);
        case Transfer::leaky_relu:
            return map<LeakyRelu>(b);
        case Transfer::elu:
            return map<Elu>(b);
        case Transfer::selu:
            return map<Selu>(b);
        case Transfer::gelu:
            return map<Gelu>(b);
        case Transfer::gelu_tanh:
            return map<GeluTanh>(b);
        case Transfer::silu:
            return map<Silu>(b);
        case Transfer::softplus:
            return map<Softplus>(b);
        case Transfer::mish:
            return map<Mish>(b);
        case Transfer::sin:
            return map<Sin>(b);
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
