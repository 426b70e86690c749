#pragma once
/// From lanes to samples: rows of an operand, transposed packet by packet.

#include "kernels.hpp"
#include "packet.hpp"

namespace jacnet::kernels::JACNET_ISA {

/// Rows [first, first + packet_size) of a panel, lanes [z, z + packet_size), zero beyond the last.
JACNET_INLINE void gather(index_t z, index_t first, index_t n_rows, const Factor* rows,
                          Packet (&v)[packet_size]) {
#pragma GCC unroll 8
    for (int r = 0; r < packet_size; ++r) {
        v[r] = Packet{};
        if (first + r >= n_rows) continue;
        const Factor& row = rows[first + r];
        v[r] = load(row.x + z);
        if (row.y) v[r] *= load(row.y + z);
    }
    transpose(v);
}

}  // namespace jacnet::kernels::JACNET_ISA
