#include "transfer_jets.hpp"
#include "transfer_kernel.hpp"

namespace jacnet::kernels::JACNET_ISA {
namespace {

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
JACNET_INLINE Lanes keep_nan(Lanes n, Lanes y) { return select(n == n, y, n); }

/// The same, where the function does not see to it.
template <class Function>
JACNET_INLINE Lanes keep_nan_of(Lanes n, Lanes y) {
    if constexpr (requires { Function::keeps_nan; }) return y;
    return keep_nan(n, y);
}

/// A packet of a block.
struct Place {
    index_t i, j;

    JACNET_INLINE Place next(index_t n) const {
        return i + packet_size < n ? Place{i + packet_size, j} : Place{0, j + 1};
    }
};

/// Two of them; a last one without a partner is its own.
struct Places {
    Place first, second;
};

JACNET_INLINE Lanes load_at(const double* p, index_t ld, Places at) {
    return {load(p + at.first.i + at.first.j * ld), load(p + at.second.i + at.second.j * ld)};
}

JACNET_INLINE void store_at(double* p, index_t ld, Places at, Lanes y) {
    store(p + at.first.i + at.first.j * ld, y.v[0]);
    store(p + at.second.i + at.second.j * ld, y.v[1]);
}

/// All packets of a block, two by two.
class Walk {
public:
    JACNET_INLINE explicit Walk(const Block& b)
        : n_(b.n), left_(b.n / packet_size * b.h), next_{0, 0} {}

    JACNET_INLINE bool ended() const { return left_ <= 0; }
    JACNET_INLINE Places next() {
        const Place first = next_, second = first.next(n_);
        next_ = second.next(n_);
        left_ -= lanes_packets;
        return {first, left_ >= 0 ? second : first};
    }

private:
    index_t n_, left_;
    Place next_;
};

template <class Function, int order>
JACNET_INLINE void store_jet(const Block& b, Places at, Lanes n, const Jet& y) {
    store_at(b.a, b.lda, at, keep_nan_of<Function>(n, y.a));
    if constexpr (order > 0) store_at(b.d1, b.ldd, at, keep_nan_of<Function>(n, y.d1));
    if constexpr (order > 1) store_at(b.d2, b.ldd, at, keep_nan_of<Function>(n, y.d2));
}

template <class Function, int order>
void map(const Block b) {
    for (Walk walk(b); !walk.ended();) {
        const Places at = walk.next();
        const Lanes n = load_at(b.s, b.lds, at);
        store_jet<Function, order>(b, at, n, Function::template at<order>(n));
    }
}

/// The same in two stages: the next packets begin before the last ones end, since the whole chain
/// is longer than the processor looks ahead.
template <class Function, int order>
    requires requires { typename Function::Begun; }
void map(const Block b) {
    Walk walk(b);
    if (walk.ended()) return;
    Places at = walk.next();
    auto begun = Function::begin(load_at(b.s, b.lds, at));
    for (bool last = false; !last;) {
        const Places now = at;
        const auto first_half = begun;
        last = walk.ended();
        if (!last) {
            at = walk.next();
            begun = Function::begin(load_at(b.s, b.lds, at));
        }
        store_jet<Function, order>(b, now, first_half.n, Function::template at<order>(first_half));
    }
}

template <class Function>
void map(const Block& b) {
    if (b.d2) return map<Function, 2>(b);
    if (b.d1) return map<Function, 1>(b);
    map<Function, 0>(b);
}

/// Calls f(at) for the samples of two packets at a time, where at(j) are their places in feature j.
template <class F>
JACNET_INLINE void for_samples(const Block b, F f) {
    for (index_t i = 0; i < b.n; i += lanes_size) {
        const index_t second = i + packet_size < b.n ? i + packet_size : i;
        f([=](index_t j) { return Places{{i, j}, {second, j}}; });
    }
}

/// One-hot of the first largest feature; a sample with a NaN becomes NaN.
void compete(const Block b) {
    for_samples(b, [&](auto at) {
        Lanes most = load_at(b.s, b.lds, at(0));
        Lanes sick = 0.0;  // 0, or NaN where a feature is
        for (index_t j = 0; j < b.h; ++j) {
            const Lanes n = load_at(b.s, b.lds, at(j));
            most = larger(n, most);
            sick = keep_nan(n, sick);
        }
        LaneMask open = sick == sick;
        for (index_t j = 0; j < b.h; ++j) {
            const LaneMask wins = open & (load_at(b.s, b.lds, at(j)) == most);
            open = open & ~wins;
            store_at(b.a, b.lda, at(j), select(wins, 1.0, 0.0) + sick);
            if (b.d1) store_at(b.d1, b.ldd, at(j), sick);
            if (b.d2) store_at(b.d2, b.ldd, at(j), sick);
        }
    });
}

/// The logit of softmax, less its largest value in the sample.
struct Softmax {
    static JACNET_INLINE Lanes rank(Lanes n) { return n; }

    static JACNET_INLINE Pair below(Lanes n, Lanes most) { return two_sum(n, -most); }

    static JACNET_INLINE Jet at(Lanes n) { return {n, 1.0, 0.0}; }
};

/// The logit of radbasn: -n^2 = -(m^2) - (|n| - m)(|n| + m), m the smallest |n|.
struct Radbasn {
    static JACNET_INLINE Lanes rank(Lanes n) { return -abs(n); }

    static JACNET_INLINE Pair below(Lanes n, Lanes most) {
        const Pair difference = two_sum(-most, -abs(n));
        const Pair half_sum = two_sum(-0.5 * most, 0.5 * abs(n));
        const LaneMask vanishes = difference.hi * half_sum.hi < -1000.0;
        // Where the sum is beyond 1e200, the difference is zero or the exponential vanishes.
        const Pair p = product(difference, {smaller(half_sum.hi, 1e200), half_sum.lo});
        return {select(vanishes, -2000.0, 2.0 * p.hi), 2.0 * p.lo};
    }

    static JACNET_INLINE Jet at(Lanes n) {
        const Lanes slope = larger(smaller(-2.0 * n, largest), -largest);
        return {n, slope, -2.0};
    }
};

template <class Logit>
void normalise(const Block b) {
    for_samples(b, [&](auto at) {
        Lanes most = Logit::rank(load_at(b.s, b.lds, at(0)));
        for (index_t j = 1; j < b.h; ++j) {
            most = larger(Logit::rank(load_at(b.s, b.lds, at(j))), most);
        }
        Lanes sum = 0.0, rest = 0.0;
        for (index_t j = 0; j < b.h; ++j) {
            const Lanes n = load_at(b.s, b.lds, at(j));
            const Lanes e = decay(Logit::below(n, most)).value();
            const Pair next = two_sum(sum, e);
            sum = next.hi;
            rest = rest + next.lo;
            store_at(b.a, b.lda, at(j), keep_nan(n, e));
            const Jet z = Logit::at(n);
            if (b.d1) store_at(b.d1, b.ldd, at(j), keep_nan(n, z.d1));
            if (b.d2) store_at(b.d2, b.ldd, at(j), keep_nan(n, z.d2));
        }
        const Pair inverse = reciprocal(fast_two_sum(sum, rest));
        const Lanes r = inverse.hi + inverse.lo;
        for (index_t j = 0; j < b.h; ++j) {
            store_at(b.a, b.lda, at(j), load_at(b.a, b.lda, at(j)) * r);
        }
    });
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
