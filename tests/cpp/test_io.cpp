#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "check.hpp"
#include "networks.hpp"

using namespace jacnet;

namespace {

/// A network with something in every part that is stored.
Network full() {
    Structure structure = chain({0, 3, 0}, Transfer::logsig);
    structure.inputs[0].processing.steps.resize(2);
    structure.inputs[0].processing.steps[0].function = Process::removeconstantrows;
    structure.outputs[0].processing.steps.resize(1);
    structure.outputs[0].processing.steps[0].function = Process::mapstd;
    Network net(structure);
    example::Matrix x = example::numbers(3, 5, 0.1), t = example::numbers(2, 5, 0.2);
    for (index_t q = 0; q < 5; ++q) x(1, q) = 4.0;
    net.configure({x.view()}, {t.view()});
    example::fill(net);
    net.set_learn("b{2}", false);
    net.performance = {Performance::sse, 0.125, Normalization::percent};
    net.annotations = {{"name", "two lines\nand a \"quote\""}, {"empty", ""}};
    return net;
}

void expect_same(const Network& a, const Network& b) {
    CHECK_EQUAL(a.n_parameters(), b.n_parameters());
    for (index_t p = 0; p < a.n_parameters(); ++p) CHECK_EQUAL(a.wb()[p], b.wb()[p]);
    CHECK_EQUAL(a.layout().size(), b.layout().size());
    for (std::size_t i = 0; i < a.layout().size(); ++i) {
        const ParameterBlock &left = a.layout()[i], &right = b.layout()[i];
        CHECK_EQUAL(left.name, right.name);
        CHECK_EQUAL(left.learn, right.learn);
        for (index_t k = 0; k < left.size(); ++k) {
            CHECK_EQUAL(a.block(left).data[k], b.block(right).data[k]);
        }
    }
    CHECK(a.performance.function == b.performance.function);
    CHECK(a.performance.normalization == b.performance.normalization);
    CHECK_EQUAL(a.performance.regularization, b.performance.regularization);
    CHECK(a.annotations == b.annotations);

    const example::Matrix x = example::numbers(3, 4, 9.0);
    example::Matrix left(2, 4), right(2, 4);
    simulate(a, {x.view()}, left.view());
    simulate(b, {x.view()}, right.view());
    CHECK(left.values == right.values);
}

void bytes_come_back_as_the_same_network() {
    const Network net = full();
    const std::string bytes = to_bytes(net);
    CHECK_EQUAL(bytes.substr(0, 17), "jacnet network 1\n");
    expect_same(net, from_bytes(bytes));
    CHECK(to_bytes(from_bytes(bytes)) == bytes);
}

void unconfigured_networks_are_stored_too() {
    const Network net(chain({0, 3, 0}));
    const Network back = from_bytes(to_bytes(net));
    CHECK(!back.configured());
    CHECK_EQUAL(back.structure().layers[0].size, 3);
}

void files_come_back_as_the_same_network() {
    const auto path = std::filesystem::temp_directory_path() / "jacnet_test_io.net";
    const Network net = full();
    save(net, path.string());
    expect_same(net, load(path.string()));
    std::filesystem::remove(path);
    CHECK_THROWS(load(path.string()), std::runtime_error, "jacnet_test_io.net");
    CHECK_THROWS(save(net, (path / "not" / "there").string()), std::runtime_error, "there");
}

void damage_is_noticed() {
    const std::string bytes = to_bytes(full());
    CHECK_THROWS(from_bytes(""), std::invalid_argument, "");
    CHECK_THROWS(from_bytes("PK\3\4 and so on"), std::invalid_argument, "jacnet network");
    CHECK_THROWS(from_bytes("jacnet network 2" + bytes.substr(16)), std::invalid_argument, "2");
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_THROWS(from_bytes(bytes.substr(0, length)), std::invalid_argument, "");
    }
    CHECK_THROWS(from_bytes(bytes + "x"), std::invalid_argument, "");
}

}  // namespace

int main() {
    bytes_come_back_as_the_same_network();
    unconfigured_networks_are_stored_too();
    files_come_back_as_the_same_network();
    damage_is_noticed();
    return check::result();
}
