#pragma once
/// Directions in the parameters, carried through a block of samples by forward differentiation:
/// Pearlmutter (1994), "Fast exact multiplication by the Hessian", Neural Computation 6.

#include "passes.hpp"

namespace jacnet {

/// What one layer changes along a direction; n x h each.
struct Motion {
    double* s = nullptr;  ///< R{s}
    double* a = nullptr;  ///< R{a}
};

/// R{s} and R{a} of every layer along v (P numbers in a row): one product with the direction and
/// one with the weights per layer. Needs f'.
Motion* move_forward(const Plan& plan, const Block& block, const double* v, Workspace& work);

/// R{y} of one output, n x rows.
void move_output(const Plan& plan, const Block& block, const PlanOutput& output,
                 const Motion* motion, double* y);

/// v += D' u, from the raw values of an output to its layer.
void add_to_layer(const PlanOutput& output, index_t n, const double* u, double* v);

}  // namespace jacnet
