#pragma once
/// Process functions: what happens to inputs before the first layer and to outputs after the last.

#include <string_view>
#include <vector>

#include "jacnet/view.hpp"

namespace jacnet {

enum class Process { mapminmax, mapstd, removeconstantrows, fixunknowns, processpca };

std::string_view name(Process process);
/// @throws std::invalid_argument for an unknown name; the message suggests the nearest one.
Process process_from_name(std::string_view name);
const std::vector<Process>& process_functions();

/// One process function with its parameters and, once fitted, its settings.
struct ProcessStep {
    Process function = Process::mapminmax;

    // Parameters; each function reads its own.
    double ymin = -1.0, ymax = 1.0;  ///< mapminmax: the range that data are mapped to
    double ymean = 0.0, ystd = 1.0;  ///< mapstd: the mean and standard deviation they are mapped to
    double max_range = 0.0;          ///< removeconstantrows: rows that vary no more than this go
    double maxfrac = 1e-10;          ///< processpca: components with a smaller share of variance go

    // Settings, empty until fitted to data.
    index_t xrows = 0, yrows = 0;
    bool no_change = false;           ///< data pass through as they are
    std::vector<double> xmin, xmax;   ///< mapminmax: of each row
    std::vector<double> xmean, xstd;  ///< mapstd and fixunknowns: of each row
    std::vector<double> xoffset, gain;
    std::vector<index_t> keep, remove;  ///< removeconstantrows: row numbers, counted from 0
    std::vector<double> constants;      ///< removeconstantrows: values of the removed rows
    std::vector<index_t> unknown;       ///< fixunknowns: rows that have unknown values
    std::vector<double> transform;      ///< processpca: yrows x xrows, column-major
    std::vector<double> inverse;        ///< processpca: its pseudo-inverse, xrows x yrows
};

/// The linear part of a chain of steps: diagonal where it can be, a matrix where rows mix or go.
struct LinearPart {
    index_t rows = 0, cols = 0;
    bool diagonal = true;
    std::vector<double> values;  ///< `rows` gains, or rows x cols column-major

    double operator()(index_t i, index_t j) const {
        return diagonal ? (i == j ? values[static_cast<std::size_t>(i)] : 0.0)
                        : values[static_cast<std::size_t>(i + j * rows)];
    }
    bool is_identity() const;
};

/// Steps in the order in which they apply to raw data; reversed from the last to the first.
struct Processing {
    std::vector<ProcessStep> steps;

    /// Fits every step to `x` (rows x samples, raw); returns the processed data, column-major.
    /// @throws std::invalid_argument when a step cannot be fitted, or, with `reversible`, reversed.
    std::vector<double> fit(MatrixView<const double> x, bool reversible);

    /// Whether every step knows its data.
    bool fitted() const;
    index_t raw_rows(index_t processed_rows) const;
    index_t processed_rows(index_t raw_rows) const;
};

/// Smallest and largest known value of each row (NaN are skipped), as 2 x rows: lo, hi, lo, hi ...
std::vector<double> row_ranges(MatrixView<const double> x);

}  // namespace jacnet
