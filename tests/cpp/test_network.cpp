#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "networks.hpp"

using namespace jacnet;

namespace {

void blocks_follow_each_other_layer_by_layer() {
    const Network net = example::chain({2, 3, 1});
    CHECK_EQUAL(net.n_parameters(), 13);
    const std::vector<std::string> names{"b{1}", "IW{1,1}", "b{2}", "LW{2,1}"};
    const std::vector<index_t> offsets{0, 3, 9, 10};
    CHECK_EQUAL(net.layout().size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        CHECK_EQUAL(net.layout()[i].name, names[i]);
        CHECK_EQUAL(net.layout()[i].offset, offsets[i]);
    }
    CHECK_EQUAL(element_name(net.layout()[1], 2, 0), "IW{1,1}(3,1)");
    CHECK_EQUAL(element_name(net.layout()[0], 1, 0), "b{1}(2)");
}

void blocks_are_views_of_the_parameter_vector() {
    Network net = example::chain({2, 3, 1});
    net.block("IW{1,1}")(2, 1) = 42.0;
    CHECK_EQUAL(net.wb()[3 + 2 + 3 * 1], 42.0);
    net.wb()[0] = -1.5;
    CHECK_EQUAL(net.block("b{1}")(0, 0), -1.5);
    CHECK_THROWS(net.block("IW{2,1}"), std::invalid_argument, "IW{2,1}");
}

void frozen_blocks_leave_the_parameter_vector() {
    Network net = example::chain({2, 3, 1});
    const double kept = net.block("IW{1,1}")(1, 1);
    const double behind = net.block("LW{2,1}")(0, 2);
    net.set_learn("IW{1,1}", false);
    CHECK_EQUAL(net.n_parameters(), 7);
    CHECK_EQUAL(net.block("IW{1,1}")(1, 1), kept);
    CHECK_EQUAL(net.wb()[6], behind);
    net.set_learn("IW{1,1}", true);
    CHECK_EQUAL(net.n_parameters(), 13);
    CHECK_EQUAL(net.wb()[3 + 1 + 3 * 1], kept);
}

void copies_are_deep() {
    const Network net = example::chain({1, 2, 1});
    Network copy = net;
    copy.wb()[0] += 1.0;
    CHECK(copy.wb()[0] != net.wb()[0]);
}

void shared_copies_keep_values_and_structure() {
    Network net = example::chain({2, 3, 1});
    net.annotations["note"] = "text";
    const Network copy = net.shared_copy();
    CHECK(copy.annotations.empty());
    net.wb()[4] = 7.0;
    CHECK_EQUAL(copy.wb()[4], 7.0);
    net.set_learn("IW{1,1}", false);
    net.set_transfer(0, Transfer::logsig);
    net.wb()[0] = 9.0;
    CHECK_EQUAL(copy.n_parameters(), 13);
    CHECK_EQUAL(copy.layout().size(), 4u);
    CHECK(copy.structure().layers[0].transfer == Transfer::tansig);
    CHECK(copy.wb()[0] != 9.0);
    net = Network(chain({0, 1, 0}));
    CHECK(!net.configured() && copy.configured());
    CHECK_EQUAL(copy.wb()[4], 7.0);
}

void parameters_are_checked() {
    Network net = example::chain({1, 2, 1});
    const std::vector<double> few(6, 0.0);
    CHECK_THROWS(net.set_parameters({few.data(), 6}), std::invalid_argument, "7");
    const std::vector<double> bad(7, std::numeric_limits<double>::quiet_NaN());
    CHECK_THROWS(net.set_parameters({bad.data(), 7}), std::invalid_argument, "finite");
}

/// A 1-3-1 network configured with data from 0 to 3, inputs and targets mapped to [-1, 1].
Network configured() {
    Structure structure = chain({0, 3, 0});
    structure.inputs[0].processing.steps.resize(1);
    structure.outputs[0].processing.steps.resize(1);
    Network net(structure);
    CHECK(!net.configured());
    const std::vector<double> x{0.0, 1.0, 3.0}, t{2.0, 4.0, 6.0};
    net.configure({{x.data(), 1, 3}}, {{t.data(), 1, 3}});
    return net;
}

void configuring_takes_sizes_and_ranges_from_data() {
    const Network net = configured();
    CHECK(net.configured());
    CHECK_EQUAL(net.n_parameters(), 10);
    const Input& input = net.structure().inputs[0];
    CHECK_EQUAL(input.range[0], 0.0);
    CHECK_EQUAL(input.range[1], 3.0);
    CHECK_CLOSE(input.processing.steps[0].gain[0], 2.0 / 3.0, 1e-16);
    // All parameters are zero: the middle of the targets comes out.
    const double x = 0.5;
    double y = 0.0;
    simulate(net, {{&x, 1, 1}}, {&y, 1, 1});
    CHECK_EQUAL(y, 4.0);
}

void initialization_draws_what_matlab_draws() {
    Network net = configured();
    net.initialize(5489);
    const std::vector<double> expected{-4.2, 0.0,         -4.2,       4.2,        4.2,
                                       -4.2, -0.44300356, 0.82675171, 0.26471849, -0.80491919};
    for (index_t i = 0; i < net.n_parameters(); ++i) {
        CHECK_CLOSE(net.wb()[i], expected[static_cast<std::size_t>(i)], 1e-8);
    }
    Network again = configured();
    again.initialize(5489);
    for (index_t i = 0; i < net.n_parameters(); ++i) CHECK_EQUAL(again.wb()[i], net.wb()[i]);
}

void structures_are_checked() {
    Structure backward = chain({1, 2, 1});
    backward.layers[0].connections.back().kind = SourceKind::layer;
    backward.layers[0].connections.back().source = 1;
    CHECK_THROWS(Network{backward}, std::invalid_argument, "layer");
    Structure delayed = chain({1, 2, 1});
    delayed.layers[0].connections.back().delays = {0, 1};
    CHECK_THROWS(Network{delayed}, std::invalid_argument, "delay");
}

}  // namespace

int main() {
    blocks_follow_each_other_layer_by_layer();
    blocks_are_views_of_the_parameter_vector();
    frozen_blocks_leave_the_parameter_vector();
    copies_are_deep();
    shared_copies_keep_values_and_structure();
    parameters_are_checked();
    configuring_takes_sizes_and_ranges_from_data();
    initialization_draws_what_matlab_draws();
    structures_are_checked();
    return check::result();
}
