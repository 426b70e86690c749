#pragma once
/// Process functions at work: fitting, applying to a block of samples, reversing.

#include "jacnet/processing.hpp"
#include "workspace.hpp"

namespace jacnet {

/// A block of n samples: column-major, n x rows, one run of n doubles per row of the data.
struct LaneMatrix {
    double* data = nullptr;
    index_t n = 0;
    index_t rows = 0;
    index_t ld = 0;

    double* row(index_t i) const { return data + i * ld; }
};

/// Fits one step to x (rows x samples, column-major).
/// @throws std::invalid_argument when the data cannot be fitted
void fit(ProcessStep& step, const std::vector<double>& x, index_t rows, index_t samples);

/// Whether any step does anything.
bool changes(const Processing& processing);

/// All steps in order, and in reverse order; the result lives in `work` (or is the argument).
LaneMatrix apply(const Processing& processing, LaneMatrix x, Workspace& work);
LaneMatrix reverse(const Processing& processing, LaneMatrix y, Workspace& work);

/// d(processed)/d(raw) of all steps together, and d(raw)/d(processed).
LinearPart forward_part(const Processing& processing, index_t raw_rows);
LinearPart reverse_part(const Processing& processing, index_t raw_rows);

}  // namespace jacnet
