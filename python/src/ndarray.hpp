#pragma once
/// Arrays into views, and every message about what an array must be.

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "jacnet/jacnet.hpp"

namespace jacnet::python {

namespace py = pybind11;

/// The public function at work and its argument, for messages.
struct Argument {
    const char* function;
    std::string name;
    bool is_vector = false;  ///< a direction or weights: booleans are then taken for a mask
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
    Signals(py::handle object, const Argument& argument, std::span<const index_t> rows);

    const std::vector<MatrixView<const double>>& views() const { return views_; }
    std::vector<MatrixView<const double>> take_views() { return std::move(views_); }
    std::span<const py::array> arrays() const {
        return array_ ? std::span(&*array_, 1) : std::span(arrays_);
    }

private:
    std::optional<py::array> array_;  ///< where there is but one, which needs no list, ...
    std::vector<py::array> arrays_;   ///< ... or one per signal
    std::vector<MatrixView<const double>> views_;
};

/// Error weights: a number, a row, a column or a matrix.
class Weights {
public:
    /// @param rows, cols  outputs and samples; one row of weights may be a vector
    Weights(py::handle object, const char* function, index_t rows, index_t cols);
    MatrixView<const double> view() const { return view_; }
    const std::vector<py::array>& arrays() const { return arrays_; }

private:
    std::vector<py::array> arrays_;
    MatrixView<const double> view_{};
};

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

/// What results are made of: float64, or float32 where the caller asks for it.
enum class Real { float64, float32 };

/// Whether it holds such numbers in the machine's byte order; asks no Python code.
bool is_real(const py::array& array, Real real);
/// Whether elements, of 4 or 8 bytes, lie at whole multiples of their size.
bool whole_elements(const py::array& array);
/// Whether it is a masked array.
bool masked(const py::array& array);
/// Whether it is a list or a tuple.
bool is_sequence(py::handle object);

std::string dtype_name(const py::dtype& dtype);
/// "(3, 7)"
std::string shape_text(const py::array& array);
std::string shape_text(std::span<const index_t> shape);
inline std::string shape_text(std::initializer_list<index_t> shape) {
    return shape_text(std::span(shape.begin(), shape.size()));
}

}  // namespace jacnet::python
