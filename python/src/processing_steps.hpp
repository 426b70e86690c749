#pragma once
/// Process functions as Python writes them: a name and a dict of parameters.

#include <utility>
#include <vector>

#include "ndarray.hpp"

namespace jacnet::python {

using Steps = std::vector<std::pair<py::object, py::dict>>;

/// @param argument  of Network, for messages
/// @throws TypeError, ValueError for a name or parameter that there is not
Processing make_processing(const Steps& steps, const char* argument);

/// One step with its name, parameters and, once fitted, settings.
py::dict step_dict(const ProcessStep& step);

}  // namespace jacnet::python
