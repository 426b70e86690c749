#pragma once
/// Keywords that are one number or a dtype: `seed`, `n_threads`, `dtype`.

#include <cstdint>
#include <optional>

#include "ndarray.hpp"

namespace jacnet::python {

/// Through __index__; nothing for what is no whole number, as True is none, the largest for what
/// does not fit.
std::optional<long long> whole_number(py::handle object);

/// None or a whole number from 0 to 2**32 - 1.
std::optional<std::uint32_t> random_seed(py::handle object, const char* function);

/// None or a whole number of at least 1.
std::optional<int> thread_count(py::handle object, const char* function);

/// None, numpy.float64 or numpy.float32, as NumPy understands them.
/// @throws TypeError for another
Real real_type(py::handle dtype, const char* function);

}  // namespace jacnet::python
