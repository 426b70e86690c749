/// Elements one by one: a value for all of them, and products, which may be written in place.

#include "float_packet.hpp"
#include "local_kernels.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

/// out (+)= x times what packet(z) and element(z) say for the elements from z on, or z alone.
template <class Real, class Packets, class Elements>
JACNET_INLINE void multiply_by(index_t n, const Real* x, Packets&& packet, Elements&& element,
                               Real* out, bool accumulate) {
    constexpr index_t step = size_of_packet<Real>;
    index_t z = 0;
    if (accumulate) {
        for (; z + step <= n; z += step) {
            store(out + z, mul_add(load(x + z), packet(z), load(out + z)));
        }
        for (; z < n; ++z) out[z] += x[z] * element(z);
    } else {
        for (; z + step <= n; z += step) store(out + z, load(x + z) * packet(z));
        for (; z < n; ++z) out[z] = x[z] * element(z);
    }
}

template <class Real>
void multiply_elements(index_t n, const Real* x, const Real* y, Real* out, bool accumulate) {
    multiply_by(
        n, x, [y](index_t z) { return load(y + z); }, [y](index_t z) { return y[z]; }, out,
        accumulate);
}

template <class Real>
void scale_elements(index_t n, const Real* x, Real alpha, Real* out, bool accumulate) {
    const auto packet = set(alpha);
    multiply_by(
        n, x, [&](index_t) { return packet; }, [alpha](index_t) { return alpha; }, out, accumulate);
}

}  // namespace

void fill(index_t n, double value, double* out, bool accumulate) {
    const Packet packet = set(value);
    index_t z = 0;
    for (; z + packet_size <= n; z += packet_size) {
        store(out + z, accumulate ? load(out + z) + packet : packet);
    }
    for (; z < n; ++z) out[z] = accumulate ? out[z] + value : value;
}

void multiply(index_t n, const double* x, const double* y, double* out, bool accumulate) {
    multiply_elements(n, x, y, out, accumulate);
}

void multiply(index_t n, const float* x, const float* y, float* out, bool accumulate) {
    multiply_elements(n, x, y, out, accumulate);
}

void scale(index_t n, const double* x, double alpha, double* out, bool accumulate) {
    scale_elements(n, x, alpha, out, accumulate);
}

void scale(index_t n, const float* x, float alpha, float* out, bool accumulate) {
    scale_elements(n, x, alpha, out, accumulate);
}

}  // namespace jacnet::kernels::JACNET_ISA
