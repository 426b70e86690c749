/// Derivatives of a network in C++, without Python.
///
///     derivatives                     a 1-10-1 network on built-in data
///     derivatives NETWORK DATA        a network saved by jacnet, and samples: raw little-endian
///                                     doubles, x (R x Q) then t (S x Q), both column by column
///
/// Prints the Jacobian of the errors and the exact Hessian of the performance with 17 digits, one
/// matrix row per line: enough to read back every bit.

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "jacnet/jacnet.hpp"

namespace {

using jacnet::index_t;

struct Data {
    index_t n_samples;
    std::vector<double> x, t;  ///< column by column
};

/// Runge's function on 41 points.
Data runge() {
    Data data{41, {}, {}};
    for (index_t q = 0; q < data.n_samples; ++q) {
        const double x = (static_cast<double>(q) - 20.0) / 20.0;
        data.x.push_back(x);
        data.t.push_back(1.0 / (1.0 + 25.0 * x * x));
    }
    return data;
}

/// Ten tansig neurons, a linear output, data mapped to [-1, 1]: what feedforwardnet(10) makes.
jacnet::Network fresh_network(const Data& data) {
    jacnet::ProcessStep remove_constant_rows;
    remove_constant_rows.function = jacnet::Process::removeconstantrows;
    jacnet::ProcessStep map_to_range;
    map_to_range.function = jacnet::Process::mapminmax;

    jacnet::Structure structure = jacnet::chain({0, 10, 0});  // 0: to be taken from the data
    structure.inputs[0].processing.steps = {remove_constant_rows, map_to_range};
    structure.outputs[0].processing.steps = {remove_constant_rows, map_to_range};
    jacnet::Network net(structure);
    net.configure({{data.x.data(), 1, data.n_samples}}, {{data.t.data(), 1, data.n_samples}});
    net.initialize(0);
    return net;
}

/// The whole file as doubles.
std::vector<double> read_doubles(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::vector<double> values(static_cast<std::size_t>(file.tellg()) / sizeof(double));
    file.seekg(0);
    file.read(reinterpret_cast<char*>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(double)));
    if (!file) throw std::runtime_error("cannot read " + path);
    return values;
}

/// The samples in a file, for a network with one input.
Data read_samples(const std::string& path, const jacnet::Network& net) {
    const std::vector<double> values = read_doubles(path);
    const index_t r = net.structure().inputs.at(0).size, s = net.n_outputs();
    const index_t n_samples = static_cast<index_t>(values.size()) / (r + s);
    const auto end_of_x = values.begin() + r * n_samples;
    return {n_samples, {values.begin(), end_of_x}, {end_of_x, values.end()}};
}

void print(const char* name, const std::vector<double>& values, index_t rows, index_t cols) {
    std::printf("%s %td %td\n", name, rows, cols);
    for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) {
            std::printf(j == 0 ? "%.17g" : " %.17g",
                        values[static_cast<std::size_t>(i + j * rows)]);
        }
        std::printf("\n");
    }
}

void print_derivatives(const jacnet::Network& net, const Data& data) {
    jacnet::Samples samples;
    samples.x = {{data.x.data(), net.structure().inputs.at(0).size, data.n_samples}};
    samples.t = {{data.t.data(), net.n_outputs(), data.n_samples}};
    jacnet::Linearization lin(net, samples);

    const index_t n_parameters = lin.n_parameters(), n_errors = lin.n_outputs() * lin.n_samples();
    std::vector<double> j(static_cast<std::size_t>(n_parameters * n_errors));
    std::vector<double> h(static_cast<std::size_t>(n_parameters * n_parameters));
    lin.de_dwb({j.data(), n_parameters, n_errors});
    lin.hessian({h.data(), n_parameters, n_parameters});
    print("J", j, n_parameters, n_errors);
    print("H", h, n_parameters, n_parameters);
}

}  // namespace

int main(int n_arguments, char** arguments) try {
    if (n_arguments == 1) {
        const Data data = runge();
        print_derivatives(fresh_network(data), data);
    } else if (n_arguments == 3) {
        const jacnet::Network net = jacnet::load(arguments[1]);
        print_derivatives(net, read_samples(arguments[2], net));
    } else {
        std::fprintf(stderr, "usage: derivatives [NETWORK DATA]\n");
        return 2;
    }
    return 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "derivatives: %s\n", error.what());
    return 1;
}
