#pragma once
/// Long work beside the interpreter.

#include <pybind11/pybind11.h>

#include "jacnet/runtime.hpp"

namespace jacnet::python {

/// Runs `work` without the interpreter lock where that is worth it: a lock given back for a call of
/// microseconds can take a hundred times as long to get again beside a busy thread. Ctrl-C ends it.
template <class Work>
auto unlocked(double flops, Work&& work) {
    constexpr double fifty_microseconds = 5e5;
    if (flops < fifty_microseconds) return work();
    const InterruptCheck check([] {
        const pybind11::gil_scoped_acquire lock;
        if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
    });
    const pybind11::gil_scoped_release release;
    return work();
}

}  // namespace jacnet::python
