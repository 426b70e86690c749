/// Sizes, ranges and process functions of a network, from data.

#include <algorithm>
#include <cmath>

#include "errors.hpp"
#include "jacnet/network.hpp"
#include "parallel.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

void check_data(const char* what, const MatrixView<const double>& data, index_t samples) {
    if (data.cols != samples) {
        refuse("configure: ", what, " has ", data.cols, " samples (columns), expected ", samples,
               data.rows == samples ? "; samples are columns: pass its transpose, .T" : "");
    }
    bool known = data.rows == 0 || data.cols == 0;
    for (index_t q = 0; q < data.cols; ++q) {
        detail::poll_interrupt();
        for (index_t i = 0; i < data.rows; ++i) {
            known = known || !std::isnan(data(i, q));
            if (std::isinf(data(i, q))) {
                refuse("configure: ", what, "[", i, ", ", q, "] is ", data(i, q),
                       "; only finite values and NaN are allowed");
            }
        }
    }
    if (!known) refuse("configure: every value of ", what, " is NaN; pass some that are known");
}

[[noreturn]] void refuse_constant(const char* what, const char* kind, index_t samples) {
    refuse("configure: removeconstantrows leaves no row of ", what, ": every ", kind,
           " row is constant over ", samples, samples == 1 ? " sample" : " samples",
           "; pass data that vary, or a network without that process function");
}

}  // namespace

void Network::configure(const std::vector<MatrixView<const double>>& x,
                        const std::vector<MatrixView<const double>>& t) {
    if (x.size() != structure().inputs.size() || t.size() != structure().outputs.size()) {
        refuse("configure: got ", x.size(), " input and ", t.size(),
               " target arrays, but the network has ", structure().inputs.size(), " inputs and ",
               structure().outputs.size(), " outputs");
    }
    const index_t samples = !x.empty() ? x[0].cols : !t.empty() ? t[0].cols : 0;
    for (const auto& view : x) check_data("x", view, samples);
    for (const auto& view : t) check_data("t", view, samples);
    if (samples == 0) refuse("configure: x and t have no samples; sizes come from data");

    Structure next = structure();
    for (std::size_t j = 0; j < x.size(); ++j) {
        Input& input = next.inputs[j];
        if (x[j].rows == 0) refuse("configure: x has no rows");
        input.size = x[j].rows;
        input.range = row_ranges(x[j]);
        const std::vector<double> processed = input.processing.fit(x[j], false);
        const index_t rows = input.processing.processed_rows(input.size);
        if (rows == 0) {
            refuse_constant("x", "input", samples);
        }
        input.processed_range = row_ranges({processed.data(), rows, samples});
    }
    for (std::size_t o = 0; o < t.size(); ++o) {
        Output& output = next.outputs[o];
        Layer& layer = next.layers[at(output.layer)];
        output.size = t[o].rows;
        output.range = row_ranges(t[o]);
        output.processing.fit(t[o], true);
        layer.size = output.processing.processed_rows(output.size);
        if (layer.size == 0) {
            refuse_constant("t", "target", samples);
        }
        if (layer.transfer == Transfer::softmax && layer.size == 1 &&
            structure().layers[at(output.layer)].size == 0) {
            layer.transfer = Transfer::logsig;
        }
    }
    become(std::move(next));
}

}  // namespace jacnet
