#pragma once
/// Arrays into views, and every message about dtype, rank and shape.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "jacnet/jacnet.hpp"

namespace jacnet::python {

namespace py = pybind11;

/// The public function at work and its argument, for messages.
struct Argument {
    const char* function;
    std::string name;
};

/// A float64 array that C++ can view: the caller's own where possible, else a cast copy.
/// @throws TypeError for anything but numbers
py::array doubles(py::handle object, const Argument& argument);

/// Arrays that views look at; keeps them alive.
class Signals {
public:
    Signals() = default;
    /// One array, or a list of one per input or output; `rows` are those expected (0: unknown).
    /// Several signals in a single array are split by rows.
    Signals(py::handle object, const Argument& argument, const std::vector<index_t>& rows);

    const std::vector<MatrixView<const double>>& views() const { return views_; }
    const std::vector<py::array>& arrays() const { return arrays_; }

private:
    std::vector<py::array> arrays_;
    std::vector<MatrixView<const double>> views_;
};

/// Error weights: a number, a row, a column or a matrix.
class Weights {
public:
    Weights(py::handle object, const char* function);
    MatrixView<const double> view() const { return view_; }
    const std::vector<py::array>& arrays() const { return arrays_; }

private:
    std::vector<py::array> arrays_;
    MatrixView<const double> view_{};
};

/// Indices or a boolean mask over `n_samples` samples; negative indices count from the end.
std::optional<std::vector<index_t>> sample_indices(py::handle object, index_t n_samples,
                                                   const char* function);

/// None or a whole number from 0 to 2**32 - 1.
std::optional<std::uint32_t> random_seed(py::handle object, const char* function);

/// None or a whole number of at least 1.
std::optional<int> thread_count(py::handle object, const char* function);

/// What results are made of: float64, or float32 where the caller asks for it.
enum class Real { float64, float32 };

/// None, numpy.float64 or numpy.float32, as NumPy understands them.
/// @throws TypeError for another
Real real_type(py::handle dtype, const char* function);

/// Result arrays: `out` as given and checked, or a new one in Fortran order.
/// @throws TypeError for another type or dtype; ValueError for shape, read-only or overlapping
/// `out`
py::array result(py::handle out, const Argument& argument, const std::vector<index_t>& shape,
                 bool c_order = false, Real real = Real::float64);

/// Refuses a result that shares memory with an input.
void refuse_overlap(const py::array& out, const char* function,
                    const std::vector<py::array>& inputs, const char* name);
void refuse_overlap(const py::array& out, const char* function, const Network& net);

MatrixView<double> matrix(const py::array& array);
VectorView<double> vector(const py::array& array);
/// The same of float32 arrays.
MatrixView<float> float_matrix(const py::array& array);
VectorView<float> float_vector(const py::array& array);

/// A new array of the same elements.
template <class T>
py::array copied(const std::vector<T>& values) {
    return py::array_t<T>(static_cast<py::ssize_t>(values.size()), values.data());
}

/// "(3, 7)"
std::string shape_text(const py::array& array);

/// The name of an object's type, for messages.
std::string type_name(py::handle object);

/// The network itself, or TypeError.
const Network& network(py::handle object, const char* function);

}  // namespace jacnet::python
