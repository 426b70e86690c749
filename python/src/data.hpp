#pragma once
/// The arguments (x, t, ew, samples) of a derivative.

#include "ndarray.hpp"

namespace jacnet::python {

/// The arguments that all derivatives share, as views; arrays stay alive with it.
class Data {
public:
    Data(const Network& net, const char* function, py::handle x, py::handle t, py::handle ew,
         py::handle samples);

    const Samples& samples() const { return samples_; }
    /// The same for the one that keeps them; `samples` has no signals afterwards.
    Samples take_samples() {
        return {std::move(samples_.x), std::move(samples_.t), samples_.ew, samples_.indices};
    }
    /// Samples in use.
    index_t count() const { return count_; }
    /// Of a Jacobian; the largest size there is where the product does not fit.
    index_t n_columns() const;
    /// Raw rows of all inputs.
    index_t n_inputs() const;
    /// (x, t, ew, samples) as float64 arrays: lists of them, or None where there are none.
    py::tuple arrays() const;
    /// Refuses a result that shares memory with an argument or the network.
    void refuse_overlap(const py::array& out, const char* function) const;

private:
    const Network& net_;
    Signals x_, t_;
    Weights ew_;
    Samples samples_;
    index_t count_ = 0;
};

/// Rows of every input, or output; 0 where they are not known yet.
std::vector<index_t> input_rows(const Network& net);
std::vector<index_t> output_rows(const Network& net);

/// Targets that a question cannot do without: None is refused like any other non-array.
py::handle need(py::handle t, const char* function);

}  // namespace jacnet::python
