#pragma once
/// Any rows and columns of a Hessian.

#include "hessian_pieces.hpp"

namespace jacnet {

enum class Part { all, upper };

/// h = the rows and columns of these parameters, without regularisation.
/// @param part  upper: what lies in layers below the diagonal is left as it is
void contract_rectangle(const Asker& asker, CurvatureBlocks& curvatures,
                        const std::vector<index_t>& rows, const std::vector<index_t>& cols,
                        Part part, MatrixView<double> h, int n_threads);

/// Threads for so many elements.
int threads_for_elements(const Plan& plan, const Batch& batch, double elements,
                         std::optional<int> n_threads);

}  // namespace jacnet
