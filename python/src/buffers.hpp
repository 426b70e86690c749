#pragma once
/// Memory behind large results. A page that the process never had costs several times what it takes
/// to write it; so the memory of results that nobody holds any more is kept, within a limit, and
/// serves the next one of about the same size.

#include <pybind11/numpy.h>

#include <cstddef>
#include <span>

namespace jacnet::python {

/// Uninitialised array of a dtype and of the given shape and strides (in bytes): from the kept
/// memory if it is large, else as NumPy allocates it.
pybind11::array new_array(pybind11::dtype dtype, std::span<const pybind11::ssize_t> shape,
                          const pybind11::ssize_t* strides, std::size_t bytes);

/// Most bytes kept for later results; 0 keeps none. Frees what is over.
void set_buffer_limit(std::size_t bytes);
std::size_t buffer_limit();
/// Bytes kept at the moment.
std::size_t buffered();
/// Frees everything that is kept.
void clear_buffers();

}  // namespace jacnet::python
