/// Gradients sample by sample: kron(u_l, g_l), layer by layer, as the columns of a Jacobian.

#include "columns.hpp"
#include "kernels/kernels.hpp"
#include "questions.hpp"

namespace jacnet {

void compute_gradients(Tape& tape, MatrixView<double> g, std::optional<int> n_threads) {
    write_columns(tape, {.order = Order::slope, .gradient = true}, {&LayerTape::g, 1}, g, n_threads,
                  [](Block& block, double* scales) {
                      kernel_table().fill(block.n, 1.0, scales, false);
                      return true;
                  });
}

}  // namespace jacnet
