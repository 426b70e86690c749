#pragma once

#include <functional>

#include "packet.hpp"

/// Two packets with the operations of one. Every operation is done for both before the next one
/// comes, so that the processor finds work nearby while the long chain of an elementary function
/// waits for its last result.
namespace jacnet::kernels::JACNET_ISA {

constexpr int lanes_packets = 2;
constexpr index_t lanes_size = lanes_packets * packet_size;

struct Lanes {
    Packet v[lanes_packets];

    Lanes() = default;
    JACNET_INLINE Lanes(Packet first, Packet second) : v{first, second} {}
    JACNET_INLINE Lanes(double x) : v{set(x), set(x)} {}  // a constant stands for all lanes

    JACNET_INLINE double operator[](index_t i) const { return v[i / packet_size][i % packet_size]; }
    JACNET_INLINE void put(index_t i, double x) { v[i / packet_size][i % packet_size] = x; }
};

struct LaneMask {
    Mask v[lanes_packets];

    JACNET_INLINE bool operator[](index_t i) const {
        return v[i / packet_size][i % packet_size] != 0;
    }
};

/// f of every packet.
template <class Result = Lanes, class F, class... A>
JACNET_INLINE Result each(F f, A... a) {
    Result y;
#pragma GCC unroll 2
    for (int i = 0; i < lanes_packets; ++i) y.v[i] = f(a.v[i]...);
    return y;
}

JACNET_INLINE Lanes operator-(Lanes a) { return each(std::negate<>{}, a); }
JACNET_INLINE Lanes operator+(Lanes a, Lanes b) { return each(std::plus<>{}, a, b); }
JACNET_INLINE Lanes operator-(Lanes a, Lanes b) { return each(std::minus<>{}, a, b); }
JACNET_INLINE Lanes operator*(Lanes a, Lanes b) { return each(std::multiplies<>{}, a, b); }
JACNET_INLINE Lanes operator/(Lanes a, Lanes b) { return each(std::divides<>{}, a, b); }

JACNET_INLINE LaneMask operator<(Lanes a, Lanes b) {
    return each<LaneMask>([](Packet x, Packet y) -> Mask { return x < y; }, a, b);
}
JACNET_INLINE LaneMask operator<=(Lanes a, Lanes b) {
    return each<LaneMask>([](Packet x, Packet y) -> Mask { return x <= y; }, a, b);
}
JACNET_INLINE LaneMask operator==(Lanes a, Lanes b) {
    return each<LaneMask>([](Packet x, Packet y) -> Mask { return x == y; }, a, b);
}
JACNET_INLINE LaneMask operator>(Lanes a, Lanes b) { return b < a; }
JACNET_INLINE LaneMask operator>=(Lanes a, Lanes b) { return b <= a; }
JACNET_INLINE LaneMask operator~(LaneMask a) { return each<LaneMask>(std::bit_not<>{}, a); }
JACNET_INLINE LaneMask operator&(LaneMask a, LaneMask b) {
    return each<LaneMask>(std::bit_and<>{}, a, b);
}

JACNET_INLINE Lanes select(LaneMask m, Lanes yes, Lanes no) {
    return each([](Mask k, Packet y, Packet n) { return select(k, y, n); }, m, yes, no);
}

JACNET_INLINE bool any(LaneMask m) {
    bool found = false;
    for (const Mask& mask : m.v) found = found || any(mask);
    return found;
}

JACNET_INLINE Lanes mul_add(Lanes a, Lanes b, Lanes c) {
    return each([](Packet x, Packet y, Packet z) { return mul_add(x, y, z); }, a, b, c);
}

/// c - a b, rounded once where the instruction set can.
JACNET_INLINE Lanes mul_subtract_from(Lanes c, Lanes a, Lanes b) {
    return each([](Packet z, Packet x, Packet y) { return mul_subtract_from(z, x, y); }, c, a, b);
}

JACNET_INLINE Lanes larger(Lanes a, Lanes b) {
    return each([](Packet x, Packet y) { return larger(x, y); }, a, b);
}

JACNET_INLINE Lanes smaller(Lanes a, Lanes b) {
    return each([](Packet x, Packet y) { return smaller(x, y); }, a, b);
}

JACNET_INLINE Lanes abs(Lanes a) {
    return each([](Packet x) { return abs(x); }, a);
}

JACNET_INLINE Lanes with_sign(Lanes a, Lanes b) {
    return each([](Packet x, Packet y) { return with_sign(x, y); }, a, b);
}

JACNET_INLINE Lanes scale(Lanes a, Lanes k) {
    return each([](Packet x, Packet y) { return scale(x, y); }, a, k);
}

}  // namespace jacnet::kernels::JACNET_ISA
