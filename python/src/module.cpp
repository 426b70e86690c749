/// The compiled core: everything numerical. Each bind_* function is one room.

#include <pybind11/pybind11.h>

#include "jacnet/runtime.hpp"

void bind_network(pybind11::module_& m);
void bind_structure(pybind11::module_& m);
void bind_derivatives(pybind11::module_& m);
void bind_errors(pybind11::module_& m);
void bind_inputs(pybind11::module_& m);
void bind_kernels(pybind11::module_& m);
void bind_products(pybind11::module_& m);
void bind_pieces(pybind11::module_& m);
void bind_training(pybind11::module_& m);
void bind_runtime(pybind11::module_& m);

PYBIND11_MODULE(_core, m) {
    m.doc() = "The compiled core of jacnet: everything numerical.";
    jacnet::instruction_set();  // a JACNET_ISA that cannot be had is an error at import
    bind_network(m);
    bind_structure(m);
    bind_derivatives(m);
    bind_errors(m);
    bind_inputs(m);
    bind_kernels(m);
    bind_products(m);
    bind_pieces(m);
    bind_training(m);
    bind_runtime(m);
}
