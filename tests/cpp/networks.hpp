/// @file
/// Small networks and data of the C++ tests.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "jacnet/jacnet.hpp"

namespace example {

using jacnet::index_t;

/// A column-major matrix that owns its elements.
struct Matrix {
    index_t rows = 0, cols = 0;
    std::vector<double> values;

    Matrix(index_t rows_, index_t cols_)
        : rows(rows_), cols(cols_), values(static_cast<std::size_t>(rows_ * cols_)) {}

    double& operator()(index_t i, index_t j) { return values[at(i, j)]; }
    double operator()(index_t i, index_t j) const { return values[at(i, j)]; }
    jacnet::MatrixView<double> view() { return {values.data(), rows, cols}; }
    jacnet::MatrixView<const double> view() const { return {values.data(), rows, cols}; }

private:
    std::size_t at(index_t i, index_t j) const { return static_cast<std::size_t>(i + j * rows); }
};

/// Numbers in [-1, 1] without a pattern that a mistake could hide behind.
inline Matrix numbers(index_t rows, index_t cols, double phase) {
    Matrix m(rows, cols);
    for (std::size_t i = 0; i < m.values.size(); ++i) {
        m.values[i] = std::sin(phase + 2.3 * static_cast<double>(i * i + i));
    }
    return m;
}

/// Parameters of a network, made up but fixed.
inline void fill(jacnet::Network& net, double phase = 0.7) {
    net.set_parameters({numbers(net.n_parameters(), 1, phase).values.data(), net.n_parameters()});
}

/// The chain of these sizes with parameters.
inline jacnet::Network chain(const std::vector<index_t>& sizes) {
    jacnet::Network net(jacnet::chain(sizes));
    fill(net);
    return net;
}

/// Two inputs of 2 and 1 rows; layers of 3, 2 and 2 neurons; the last reads all that is before it.
inline jacnet::Network cascade() {
    using jacnet::SourceKind;
    jacnet::Structure structure;
    structure.inputs.resize(2);
    structure.inputs[0].size = 2;
    structure.inputs[1].size = 1;
    const auto layer = [](index_t size, jacnet::Transfer transfer,
                          const std::vector<std::pair<SourceKind, index_t>>& sources) {
        jacnet::Layer result;
        result.size = size;
        result.transfer = transfer;
        for (const auto& [kind, source] : sources) {
            jacnet::Connection connection;
            connection.kind = kind;
            connection.source = source;
            result.connections.push_back(connection);
        }
        return result;
    };
    const auto bias = std::pair{SourceKind::bias, index_t{-1}};
    structure.layers = {
        layer(3, jacnet::Transfer::tansig, {bias, {SourceKind::input, 0}}),
        layer(2, jacnet::Transfer::softplus, {{SourceKind::input, 1}, {SourceKind::layer, 0}}),
        layer(2, jacnet::Transfer::logsig,
              {bias, {SourceKind::input, 0}, {SourceKind::layer, 0}, {SourceKind::layer, 1}}),
    };
    jacnet::Output output;
    output.layer = 2;
    output.size = 2;
    structure.outputs = {output};
    jacnet::Network net(structure);
    fill(net);
    return net;
}

}  // namespace example
