/// The tables of one instruction set.

#include "kernels.hpp"

#include "local_kernels.hpp"
#include "packet.hpp"
#include "transfer_kernel.hpp"

namespace jacnet::kernels::JACNET_ISA {

const Kernels& table() {
    static constexpr Kernels kernels{
        all_finite,        transfer,
        layer_product,     sum_over_lanes,
        slope_backward,    slope_forward,
        take_over,         fill,
        multiply,          scale,
        add_curvature,     multiply_curvature,
        contraction_rows,  pack_left,
        pack_right,        contract,
        symmetric_product, jacobian_columns,
        columns_by_lanes,  copy,
        transpose,         copy_symmetric,
        mirror_squares,    mirror,
        pack_rows,         pack_columns,
        cholesky_block,    solve_rows,
        solve_lower,       solve_lower_transposed,
        vector_product,    transposed_products,
        lane_products,
    };
    return kernels;
}

const FloatKernels& float_table() {
    static constexpr FloatKernels kernels{
        multiply,     scale,    2 * contraction_rows, pack_left,        pack_right,
        contract,     contract, jacobian_columns,     columns_by_lanes, copy,
        transpose,    round,    mirror_squares,       mirror,           pack_rows,
        pack_columns,
    };
    return kernels;
}

}  // namespace jacnet::kernels::JACNET_ISA
