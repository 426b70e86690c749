#pragma once
/// Outputs and input Jacobian at one sample, again and again, without allocation: for control
/// loops.

#include <memory>

#include "jacnet/network.hpp"

namespace jacnet {

/// A network made ready once and evaluated at one sample at a time.
///
/// It copies the parameters; later changes of the network do not matter. Evaluation checks nothing,
/// and after the first one in a thread it takes no memory: NaN and infinite inputs give some number
/// or other, as IEEE arithmetic has it. Not to be used by two threads at once. Cost: two operations
/// per parameter for the outputs and two per output and parameter for the Jacobian.
class InputDerivatives {
public:
    /// @throws std::invalid_argument when the network is not configured
    explicit InputDerivatives(const Network& net);
    ~InputDerivatives();
    InputDerivatives(InputDerivatives&&) noexcept;
    InputDerivatives& operator=(InputDerivatives&&) noexcept;

    index_t n_inputs() const;   ///< R: raw rows of all inputs, stacked
    index_t n_outputs() const;  ///< S: raw rows of all outputs, stacked

    /// Outputs y (S) and dy/dx (S x R, a row per output) at x (R); either may be null.
    void evaluate(const double* x, double* y, double* dy_dx);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace jacnet
