/// Parts of a sum, put together.

#include "local_kernels.hpp"
#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

namespace {

constexpr index_t line = 8;  ///< doubles of a cache line

}  // namespace

void add_parts(index_t n_parts, index_t p, double* parts, index_t stride) {
    for (index_t first = 0; first < p; first += line) {
        Packet sum[line / packet_size];
#pragma GCC unroll 4
        for (int i = 0; i < line / packet_size; ++i) sum[i] = load(parts + first + i * packet_size);
        for (index_t part = 1; part < n_parts; ++part) {
            double* more = parts + part * stride + first;
#pragma GCC unroll 4
            for (int i = 0; i < line / packet_size; ++i) sum[i] += load(more + i * packet_size);
            // A line that this core has only read is slow to be written by another one, which must
            // first be told that the copy here is given up: ten times slower than a written line.
            more[0] = 0.0;
        }
#pragma GCC unroll 4
        for (int i = 0; i < line / packet_size; ++i) store(parts + first + i * packet_size, sum[i]);
    }
}

}  // namespace jacnet::kernels::JACNET_ISA
