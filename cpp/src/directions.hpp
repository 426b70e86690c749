#pragma once
/// Directions in the parameters, carried through a block of samples by forward differentiation:
/// Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation 6.

#include "passes.hpp"

namespace jacnet {

/// Columns of v as kernels read them: contiguous, in place where they are so already.
class Directions {
public:
    /// @param function  the caller, for messages
    /// @throws OutOfMemory when a copy does not fit
    Directions(const char* function, MatrixView<const double> v, Workspace& work);
    const double* column(index_t k) const { return data_ + k * step_; }

private:
    const double* data_;
    index_t step_;
};

/// What one layer changes along a direction; n x h each.
struct Motion {
    double* s = nullptr;  ///< R{s}
    double* a = nullptr;  ///< R{a}
};

/// R{s} and R{a} of every layer along v (P numbers in a row): one product with the direction and
/// one with the weights per layer. Needs f'.
Motion* move_forward(const Plan& plan, const Block& block, const double* v, Workspace& work);

}  // namespace jacnet
