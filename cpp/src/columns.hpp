#pragma once
/// Matrices with a row per parameter, whose columns are outer products of the tape: the Jacobian,
/// and the gradients of single samples.

#include <functional>

#include "tape.hpp"

namespace jacnet {

/// Column (sample, m), layer block l: kron(u_l, side_l[:, m]) times a scale.
struct Columns {
    double* LayerTape::* side = nullptr;  ///< n x (h x outputs): d or g
    index_t outputs = 1;                  ///< columns per sample
};

/// Writes the scales of a block's columns, n per output. Returns whether each is 1 or -1: by such a
/// one either factor may be multiplied, to the same bits.
using LoadScales = std::function<bool(Block&, double*)>;

/// j = the columns, output fastest, then sample; past the caches where they exceed them.
void write_columns(Tape& tape, const Needs& needs, const Columns& columns, MatrixView<double> j,
                   std::optional<int> n_threads, const LoadScales& load_scales);
/// The same, each element rounded once from its double.
void write_columns(Tape& tape, const Needs& needs, const Columns& columns, MatrixView<float> j,
                   std::optional<int> n_threads, const LoadScales& load_scales);

}  // namespace jacnet
