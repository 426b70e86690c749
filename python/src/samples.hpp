#pragma once
/// The keyword `samples`: which samples to use.

#include <optional>
#include <vector>

#include "ndarray.hpp"

namespace jacnet::python {

/// Indices, a slice or a boolean mask over `n_samples` samples; negative indices count from the
/// end. None: all of them.
/// @throws TypeError, ValueError, IndexError
std::optional<std::vector<index_t>> sample_indices(py::handle object, index_t n_samples,
                                                   const char* function);

}  // namespace jacnet::python
