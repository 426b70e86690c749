#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "networks.hpp"

using namespace jacnet;
using example::Matrix;

namespace {

/// One period and a half of a sine, 60 points.
struct Curve {
    Matrix x{1, 60}, t{1, 60};

    Curve() {
        for (index_t q = 0; q < x.cols; ++q) {
            x(0, q) = static_cast<double>(q) / 10.0;
            t(0, q) = 3.0 + std::sin(1.5 * x(0, q));
        }
    }
};

/// As feedforwardnet(n_hidden) makes it: sizes to come from data, both sides mapped to [-1, 1].
Network unconfigured(index_t n_hidden) {
    Structure structure = chain({0, n_hidden, 0});
    structure.inputs[0].processing.steps.resize(1);
    structure.outputs[0].processing.steps.resize(1);
    return Network(structure);
}

TrainingRecord fit(Network& net, const TrainingSettings& settings) {
    const Curve curve;
    return train(net, {curve.x.view()}, {curve.t.view()}, settings);
}

double performance(const Network& net) {
    const Curve curve;
    Matrix y(1, curve.x.cols);
    simulate(net, {curve.x.view()}, y.view());
    return perform(net, curve.t.view(), y.view());
}

void a_curve_is_learnt() {
    Network net = unconfigured(8);
    TrainingSettings settings;
    settings.seed = 1;
    const TrainingRecord record = fit(net, settings);
    CHECK(net.configured());
    CHECK(performance(net) < 1e-6);
    CHECK_EQUAL(record.division.train.size(), 42u);
    CHECK_EQUAL(record.division.validation.size(), 9u);
    CHECK_EQUAL(record.division.test.size(), 9u);
    CHECK(std::is_sorted(record.division.train.begin(), record.division.train.end()));
    CHECK(record.best_epoch < static_cast<index_t>(record.epochs.size()));
    for (std::size_t i = 0; i < record.epochs.size(); ++i) {
        CHECK_EQUAL(record.epochs[i].epoch, static_cast<index_t>(i));
        if (i > 0) CHECK(record.epochs[i].perf <= record.epochs[i - 1].perf);
    }
    CHECK(!message(record.stop).empty());
}

void the_seed_decides() {
    TrainingSettings settings;
    settings.seed = 7;
    settings.lm.epochs = 20;
    Network first = unconfigured(5), second = unconfigured(5);
    fit(first, settings);
    fit(second, settings);
    for (index_t p = 0; p < first.n_parameters(); ++p) {
        CHECK_EQUAL(first.wb()[p], second.wb()[p]);
    }
}

void a_callback_stops_at_an_epoch() {
    TrainingSettings settings;
    settings.seed = 0;
    settings.callback = [](const EpochState& state) { return state.epoch == 3; };
    Network net = unconfigured(5);
    const TrainingRecord record = fit(net, settings);
    CHECK(record.stop == StopReason::user);
    CHECK_EQUAL(record.epochs.back().epoch, 3);
}

void goals_and_epochs_stop() {
    TrainingSettings settings;
    settings.seed = 0;
    settings.division.function = Division::dividetrain;
    settings.lm.epochs = 2;
    Network net = unconfigured(5);
    TrainingRecord record = fit(net, settings);
    CHECK(record.stop == StopReason::max_epochs);
    CHECK_EQUAL(record.epochs.size(), 3u);
    CHECK(record.division.validation.empty());
    CHECK(std::isnan(record.epochs[0].vperf));

    settings.lm.epochs = 1000;
    settings.lm.goal = 0.01;
    record = fit(net, settings);
    CHECK(record.stop == StopReason::goal);
    CHECK(record.epochs.back().perf <= 0.01);
}

void a_trained_network_keeps_its_best_parameters() {
    TrainingSettings settings;
    settings.seed = 1;
    settings.division.function = Division::dividetrain;
    settings.lm.epochs = 15;
    Network net = unconfigured(5);
    const TrainingRecord record = fit(net, settings);
    const auto best = static_cast<std::size_t>(record.best_epoch);
    CHECK_CLOSE(performance(net), record.epochs[best].perf, 1e-15);
}

void settings_are_checked() {
    Network net = unconfigured(5);
    TrainingSettings settings;
    settings.lm.mu = -1.0;
    CHECK_THROWS(fit(net, settings), std::invalid_argument, "mu");
    settings = {};
    settings.division.function = Division::divideind;
    settings.division.train = {0, 60};
    CHECK_THROWS(fit(net, settings), std::invalid_argument, "60");
    CHECK_THROWS(division_from_name("divideran"), std::invalid_argument, "dividerand");
}

}  // namespace

int main() {
    a_curve_is_learnt();
    the_seed_decides();
    a_callback_stops_at_an_epoch();
    goals_and_epochs_stop();
    a_trained_network_keeps_its_best_parameters();
    settings_are_checked();
    return check::result();
}
