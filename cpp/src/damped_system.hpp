#pragma once
/// The equations of a Levenberg-Marquardt step, as many as there are parameters or errors.

#include <memory>
#include <optional>

#include "batch.hpp"

namespace jacnet {

class DampedSystem {
public:
    virtual ~DampedSystem() = default;
    /// Makes the equations at the plan's present parameters; returns the norm of the gradient.
    virtual double evaluate() = 0;
    /// step = (c J J' + rho I + mu I)^-1 (c J e + rho w); false when that fails.
    virtual bool solve(double mu, double* step) = 0;
};

/// In the parameters, or where there are fewer errors than parameters in the errors.
/// @throws OutOfMemory when the smaller one does not fit either
std::unique_ptr<DampedSystem> make_damped_system(const Plan& plan, const Batch& batch,
                                                 std::optional<int> n_threads);

}  // namespace jacnet
