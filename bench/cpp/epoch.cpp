/// Time of one Levenberg-Marquardt epoch of a 1-10-1 network on 94 samples, in C++.
///
/// Prints JSON: microseconds of the epochs that needed one trial step (median and quartiles), and
/// of all epochs together. Every run starts from the same weights.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "jacnet/jacnet.hpp"

namespace {

using jacnet::index_t;

constexpr index_t n_samples = 94;
constexpr int n_runs = 40;

double quantile(std::vector<double>& values, double share) {
    if (values.empty()) return -1.0;
    const auto k = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(k), values.end());
    return values[k];
}

jacnet::TrainingSettings settings() {
    jacnet::TrainingSettings s;
    s.lm.epochs = 100;
    s.lm.min_grad = 0.0;
    s.division.function = jacnet::Division::dividetrain;
    s.n_threads = 1;
    return s;
}

}  // namespace

int main() {
    std::vector<double> x(n_samples), t(n_samples);
    for (index_t q = 0; q < n_samples; ++q) {
        const auto i = static_cast<std::size_t>(q);
        x[i] = -1.0 + 2.0 * static_cast<double>(q) / static_cast<double>(n_samples - 1);
        t[i] = std::sin(3.0 * x[i]) + 0.3 * std::cos(11.0 * x[i]);
    }
    const std::vector<jacnet::MatrixView<const double>> xs{{x.data(), 1, n_samples}};
    const std::vector<jacnet::MatrixView<const double>> ts{{t.data(), 1, n_samples}};
    jacnet::Network start(jacnet::chain({1, 10, 1}));
    start.configure(xs, ts);
    start.initialize(0);

    std::vector<double> one_trial, every;
    double perf = 0.0;
    for (int run = 0; run < n_runs; ++run) {
        jacnet::Network net(start);
        const jacnet::TrainingRecord record = jacnet::train(net, xs, ts, settings());
        for (std::size_t i = 0; i + 1 < record.epochs.size(); ++i) {
            const auto &now = record.epochs[i], &next = record.epochs[i + 1];
            const double microseconds = 1e6 * (next.time - now.time);
            every.push_back(microseconds);
            if (next.mu < 0.5 * now.mu) one_trial.push_back(microseconds);
        }
        perf = record.epochs.back().perf;
    }
    double sum = 0.0;
    for (const double time : every) sum += time;
    std::printf("{\"one_trial\": [%.3f, %.3f, %.3f], \"mean\": %.3f, \"epochs\": %zu, ",
                quantile(one_trial, 0.25), quantile(one_trial, 0.5), quantile(one_trial, 0.75),
                sum / static_cast<double>(every.size()), every.size() / n_runs);
    std::printf("\"one_trial_epochs\": %zu, \"perf\": %.3e}\n", one_trial.size() / n_runs, perf);
    return 0;
}
