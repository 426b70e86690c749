/// The table of one instruction set.

#include "kernels.hpp"

#include "local_kernels.hpp"
#include "transfer_kernel.hpp"

namespace jacnet::kernels::JACNET_ISA {

const Kernels& table() {
    static constexpr Kernels kernels{
        transfer,      gemm,    slope_backward,   slope_forward, multiply,      scale,
        add_curvature, bracket, jacobian_columns, mirror,        solve_shifted,
    };
    return kernels;
}

}  // namespace jacnet::kernels::JACNET_ISA
