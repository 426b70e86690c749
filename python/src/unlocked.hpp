#pragma once
/// Long work beside the interpreter.

#include <pybind11/pybind11.h>

#include <chrono>
#include <optional>
#include <thread>

#include "jacnet/network.hpp"
#include "jacnet/runtime.hpp"

namespace jacnet::python {

/// Whether the interpreter is going down: its lock must then not be asked for.
inline bool finalizing() {
#if PY_VERSION_HEX >= 0x030d0000
    return Py_IsFinalizing() != 0;
#else
    return _Py_IsFinalizing() != 0;
#endif
}

/// Whether this is the thread that Python handles signals in; the lock must be held.
inline bool handles_signals() {
    const auto main_thread = pybind11::module_::import("threading").attr("main_thread")();
    return pybind11::cast<unsigned long>(main_thread.attr("ident")) == PyThread_get_thread_ident();
}

/// Lets what Python's signal handlers raise end the computation.
inline void check_signals() {
    const pybind11::gil_scoped_acquire lock;
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

/// Gives the interpreter lock away and takes it back. When the interpreter goes down meanwhile
/// there is no way back: Python would end the thread by unwinding, through frames that cannot be
/// unwound; so it waits here for the process to end, as Python itself does from version 3.14 on.
class Released {
public:
    Released() : state_(PyEval_SaveThread()) {}
    ~Released() noexcept(false) {
        while (finalizing()) std::this_thread::sleep_for(std::chrono::hours(1));
        PyEval_RestoreThread(state_);
    }
    Released(const Released&) = delete;
    Released& operator=(const Released&) = delete;

private:
    PyThreadState* state_;
};

/// Work of fewer flops keeps the lock: given back for a call of microseconds, it can take a hundred
/// times as long to get again beside a busy thread.
inline bool worth_unlocking(double flops) {
    constexpr double fifty_microseconds = 5e5;
    return flops >= fifty_microseconds;
}

/// Runs `work` without the interpreter lock where that is worth it. Ctrl-C ends it.
template <class Work>
auto unlocked(double flops, Work&& work) {
    if (!worth_unlocking(flops)) return work();
    std::optional<InterruptCheck> check;  // other threads never have signals to handle
    if (handles_signals()) check.emplace(check_signals);
    const Released released;
    return work();
}

/// The same for work that reads a network, which other threads and signal handlers may give another
/// structure once the lock is gone. Values are read as they are: to write a copy at the same place
/// in every call is slow (see take_over in kernels/partial_sums.cpp).
template <class Work>
auto unlocked(double flops, const Network& net, Work&& work) {
    if (!worth_unlocking(flops)) return work(net);
    const Network as_it_is = net.shared_copy();
    return unlocked(flops, [&] { return work(as_it_is); });
}

}  // namespace jacnet::python
