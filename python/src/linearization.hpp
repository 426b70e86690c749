#pragma once
/// The Python face of a linearization: arguments become views, results become arrays.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data.hpp"
#include "fast_call.hpp"
#include "options.hpp"
#include "results.hpp"
#include "unlocked.hpp"
#include "words.hpp"

namespace jacnet::python {

/// Where a question is answered in float64, and the caller's array: the same one, but for a
/// linearization that answers in float32.
class Answer {
public:
    explicit Answer(py::array given) : work_(given), given_(std::move(given)) {}
    Answer(py::array work, py::array given) : work_(std::move(work)), given_(std::move(given)) {}

    operator const py::array&() const { return work_; }
    const py::array* operator->() const { return &work_; }
    /// The caller's, not to be read yet.
    const py::array& caller() const { return given_; }
    /// The caller's, once the question is answered; rounds what is not in it yet.
    py::array given() const {
        if (!work_.is(given_)) given_.attr("__setitem__")(py::ellipsis(), work_);
        return given_;
    }

private:
    py::array work_, given_;
};

/// A linearization with what it borrows. It is made when first needed, so that results which do not
/// fit in memory are refused before any data are read.
///
/// Every question takes the name of the function that messages name; `n_threads` and `out` are as
/// they came from Python.
class PyLinearization {
    /// One question at a time: the answers share what the linearization keeps.
    class InUse {
    public:
        InUse(std::atomic<bool>& flag, const char* function);
        ~InUse() { flag_ = false; }
        InUse(const InUse&) = delete;
        InUse& operator=(const InUse&) = delete;

    private:
        std::atomic<bool>& flag_;
    };

public:
    PyLinearization(const Network& net, const char* function, py::handle x, py::handle t,
                    py::handle ew, py::handle samples, Real real = Real::float64);
    /// Answers from what is made already; its data are those of another.
    PyLinearization(const PyLinearization& other, Linearization made, std::vector<py::array> held);

    index_t n_parameters() const { return n_parameters_; }
    index_t n_outputs() const { return n_outputs_; }
    index_t n_inputs() const { return n_inputs_; }
    index_t n_samples() const { return data_.count(); }
    index_t n_columns() const { return n_columns_; }
    const Network& network() const { return net_; }
    const Data& data() const { return data_; }
    /// Refuses a network that got other parameters since: its layout says nothing of the answers.
    void need_same_layout(const char* function) const;

    /// Will answer many questions: keeps the parameters, and the tape; and the network's object.
    void keep(py::object owner);
    /// The same samples under a loss given by its derivatives at the outputs; keeps this one.
    std::unique_ptr<PyLinearization> with_loss(py::handle dloss, py::handle d2loss);
    /// Takes the parameters as they are now, and reads and checks the data, without the interpreter
    /// lock where a question of so many flops is asked without it; without `flops`, those of a
    /// Hessian are assumed.
    Linearization& made(std::optional<double> flops = {});

    py::array outputs(const char* function, py::handle n_threads, py::handle out);
    double performance(py::handle n_threads);
    py::array gradient(const char* function, py::handle n_threads, py::handle out,
                       double sign = 1.0);
    py::array de_dwb(const char* function, py::handle n_threads, py::handle out);
    py::array jacobian(const char* function, py::handle n_threads, py::handle out);
    py::array input_jacobian(const char* function, py::handle n_threads, py::handle out);
    py::array gram(const char* function, py::handle n_threads, py::handle out, GramForm form);
    py::tuple normal_equations(const char* function, py::handle n_threads, py::handle out);
    py::array hessian(const char* function, Curvature kind, py::handle n_threads, py::handle out);

    /// For the rooms that ask more: a result array that shares memory with no argument, ...
    Answer target(const char* function, py::handle out, const ResultForm& form) const;
    /// ... whose elements are doubles, or floats where the answers are, ...
    py::array exact_target(const char* function, py::handle out, ResultForm form) const;
    Real real() const { return real_; }
    /// ... a question of so many flops, asked without the interpreter lock where that pays, ...
    template <class Work>
    auto ask(const char* function, double flops, Work&& work) {
        const InUse in_use(in_use_, function);
        return unlocked(flops, work);
    }
    /// ... and the rough flops of one that costs `per_parameter` per parameter and sample.
    double work(index_t per_parameter) const;

private:
    py::array jacobian_target(const char* function, py::handle out) const;
    template <class Question>
    void into(const char* function, const py::array& answer, double flops, Question&& question);

    const Network& net_;
    const char* function_;
    Data data_;
    index_t n_parameters_, n_outputs_, n_inputs_, n_columns_;  // as they were at the start
    Parameters parameters_ = Parameters::borrowed;
    std::optional<Linearization> made_;
    std::vector<py::array> held_;  ///< what a loss is borrowed from
    py::object owner_;             ///< what must live as long
    std::atomic<bool> in_use_{false};
    Real real_ = Real::float64;
};

/// The network itself, or TypeError.
const Network& network(py::handle object, const char* function);

/// The parameter `net` of a function. That a linearization was passed is said first.
Parameter network_parameter();

/// The name of a method of the class.
inline MethodName question(const char* name) { return {name, name, std::string("lin.") + name}; }

}  // namespace jacnet::python
