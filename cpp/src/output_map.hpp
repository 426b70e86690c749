#pragma once
/// The linear part D of an output's processing, y = D a + c, over n lanes.

#include "plan.hpp"

namespace jacnet {

/// y += row i of D times a; a: n x h, y: n.
void add_output_row(const PlanOutput& output, index_t i, index_t n, const double* a, double* y);

/// y = D a, n x rows.
void output_of_layer(const PlanOutput& output, index_t n, const double* a, double* y);

/// v += D' u, from the raw values of an output to its layer; u: n x rows, v: n x h.
void add_to_layer(const PlanOutput& output, index_t n, const double* u, double* v);

/// v += row i of D, in every lane.
void add_gains(const PlanOutput& output, index_t i, index_t n, double* v);

}  // namespace jacnet
