#pragma once
/// Process functions as Python writes them: a name and a dict of parameters.

#include <string>
#include <utility>
#include <vector>

#include "ndarray.hpp"

namespace jacnet::python {

using Steps = std::vector<std::pair<std::string, py::dict>>;

/// @throws ValueError for a parameter that the function does not have
Processing make_processing(const Steps& steps);

/// One step with its name, parameters and, once fitted, settings.
py::dict step_dict(const ProcessStep& step);

}  // namespace jacnet::python
