#pragma once
/// Pieces of the Hessian and what is made of single samples' gradients, asked of a linearization.

#include <string>

#include "linearization.hpp"
#include "order.hpp"

namespace jacnet::python {

/// The keyword `kind`.
Curvature curvature_kind(const char* function, py::handle kind);

/// hessian(kind, structure, packed, order): an array, or a list of one per layer.
py::object hessian(PyLinearization& lin, const char* function, py::handle kind,
                   py::handle structure, py::handle packed, py::handle order, py::handle n_threads,
                   py::handle out);
py::array hessian_diagonal(PyLinearization& lin, const char* function, Curvature kind,
                           py::handle order, py::handle n_threads, py::handle out);
double hessian_trace(PyLinearization& lin, const char* function, Curvature kind,
                     py::handle n_threads);
/// `rows` and `cols` as Layout.select takes them, in that order; cols None: the rows.
py::array hessian_block(PyLinearization& lin, const char* function, py::handle rows,
                        py::handle cols, Curvature kind, py::handle order, py::handle n_threads,
                        py::handle out);
py::array gradients(PyLinearization& lin, const char* function, py::handle order,
                    py::handle n_threads, py::handle out);
py::array hessians(PyLinearization& lin, const char* function, Curvature kind, py::handle order,
                   py::handle n_threads, py::handle out);
/// `structure`: 'full' or 'diagonal'.
py::array fisher(PyLinearization& lin, const char* function, Fisher kind, py::handle structure,
                 py::handle order, py::handle n_threads, py::handle out);

}  // namespace jacnet::python
