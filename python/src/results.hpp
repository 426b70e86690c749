#pragma once
/// Arrays that receive results: new ones, or the caller's `out`, checked.

#include <string>
#include <vector>

#include "ndarray.hpp"
#include "remedies.hpp"

namespace jacnet::python {

/// The array that a question is answered in.
struct ResultForm {
    std::vector<index_t> shape;
    const char* instead;  ///< what to ask for where memory cannot hold it
    bool c_order = false;
    Real real = Real::float64;

    double elements() const;
};

/// `out` as given and checked, or a new array, in Fortran order unless told otherwise.
/// @throws TypeError for another type or dtype; ValueError for shape, read-only or overlapping
/// `out`; MemoryError
py::array result(py::handle out, const Argument& argument, const ResultForm& form);

/// Refuses a result that shares memory with an input.
void refuse_overlap(const py::array& out, const char* function,
                    const std::vector<py::array>& inputs, const char* name);
void refuse_overlap(const py::array& out, const char* function, const Network& net);

/// Refuses what memory cannot hold, before anything is computed. @throws MemoryError
void need_room(const Argument& out, const std::string& what, double bytes, const char* instead);

}  // namespace jacnet::python
