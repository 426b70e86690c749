#pragma once
/// What the arguments of a question must be. Each check names the function that was called.

#include <vector>

#include "batch.hpp"
#include "errors.hpp"
#include "products.hpp"

namespace jacnet {

/// Finite directions in the parameters.
void check_directions(const char* function, const MatrixView<const double>& v,
                      index_t n_parameters);

/// Finite directions in the samples, one array per input or output.
void check_directions(const char* function, const char* what,
                      const std::vector<MatrixView<const double>>& arrays,
                      const std::vector<index_t>& rows, index_t samples);

/// Finite vectors of outputs.
void check_vectors(const char* function, const OutputVectors<const double>& u, index_t n_outputs,
                   index_t n_samples);

/// Refuses questions about outputs that unknown inputs make unknown.
void need_inputs(const char* function, const Batch& batch);
void need_targets(const char* function, const Batch& batch);

/// Targets, or a loss of one's own.
void need_loss(const char* function, const Plan& plan, const Batch& batch);

/// The same, with second derivatives.
void need_curvature(const char* function, const Plan& plan, const Batch& batch);

}  // namespace jacnet
