/// Transfer functions outside of a network, through the same kernels.

#include <algorithm>

#include "errors.hpp"
#include "jacnet/transfer.hpp"
#include "kernels/kernels.hpp"
#include "workspace.hpp"

namespace jacnet {

void transfer_values(Transfer f, MatrixView<const double> n, int order, MatrixView<double> out) {
    check_out("transfer", out, n.rows, n.cols);
    if (order < 0 || order > 2 || (order > 0 && has_matrix_slope(f))) {
        refuse("transfer: order ", order, " of ", name(f), " is not to be had");
    }
    constexpr index_t block = 256;
    for (index_t first = 0; first < n.cols; first += block) {
        const index_t count = std::min(block, n.cols - first), lane = round_up(count, lanes);
        Workspace work;
        double* arrays[4];
        for (double*& array : arrays) array = work.doubles(lane * n.rows);
        for (index_t i = 0; i < n.rows; ++i) {
            for (index_t z = 0; z < lane; ++z) {
                arrays[3][i * lane + z] = n(i, first + std::min(z, count - 1));
            }
        }
        kernel_table().transfer(f, lane, n.rows, arrays[3], lane, arrays[0], lane, arrays[1],
                                arrays[2], lane);
        for (index_t i = 0; i < n.rows; ++i) {
            for (index_t z = 0; z < count; ++z) out(i, first + z) = arrays[order][i * lane + z];
        }
    }
}

}  // namespace jacnet
