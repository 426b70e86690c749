/// train: configuration, initialisation, division, then the training function.

#include <algorithm>
#include <array>
#include <cmath>

#include "errors.hpp"
#include "initialization.hpp"
#include "jacnet/linearization.hpp"
#include "train_lm.hpp"
#include "uniform.hpp"

namespace jacnet {

namespace {

void check(const LevenbergMarquardtSettings& lm) {
    const auto need = [](bool fine, const char* what, double value, const char* expected) {
        if (!fine) refuse("train: trainParam.", what, " is ", value, ", expected ", expected);
    };
    need(lm.epochs >= 0, "epochs", static_cast<double>(lm.epochs), "at least 0");
    need(lm.goal >= 0.0, "goal", lm.goal, "at least 0");
    need(lm.max_fail >= 0, "max_fail", static_cast<double>(lm.max_fail), "at least 0");
    need(lm.min_grad >= 0.0, "min_grad", lm.min_grad, "at least 0");
    need(lm.mu > 0.0 && std::isfinite(lm.mu), "mu", lm.mu, "a positive number");
    need(lm.mu_dec > 0.0 && lm.mu_dec <= 1.0, "mu_dec", lm.mu_dec, "more than 0, at most 1");
    need(lm.mu_inc > 1.0 && std::isfinite(lm.mu_inc), "mu_inc", lm.mu_inc, "more than 1");
    need(lm.mu_max > 0.0 && std::isfinite(lm.mu_max), "mu_max", lm.mu_max, "a positive number");
    need(lm.time >= 0.0, "time", lm.time, "at least 0");
}

}  // namespace

std::string_view message(StopReason reason) {
    constexpr std::array<std::string_view, 8> messages{
        "User stop.",
        "Performance goal met.",
        "Maximum epoch reached.",
        "Maximum time elapsed.",
        "Minimum gradient reached.",
        "Maximum MU reached.",
        "Validation stop.",
        "Performance is not finite.",
    };
    return messages[static_cast<std::size_t>(reason)];
}

TrainingRecord train(Network& net, const std::vector<MatrixView<const double>>& x,
                     const std::vector<MatrixView<const double>>& t,
                     const TrainingSettings& settings, MatrixView<const double> ew) {
    check(settings.lm);
    TrainingRecord record;
    UniformSource uniform(settings.seed);
    Network work(net);
    if (!work.configured()) {
        work.configure(x, t);
        initialize(work, uniform);
    }
    const PerformanceSettings& performance = work.performance;
    if (performance.function != Performance::mse && performance.function != Performance::sse) {
        record.warnings.push_back(text("trainlm: performance function ", name(performance.function),
                                       " is replaced by mse; only mse and sse fit it"));
        work.performance.function = Performance::mse;
    }
    const Linearization whole(work, {.x = x, .t = t, .ew = ew},
                              "train");  // checks shapes and values
    if (whole.n_samples() == 0) refuse("train: x and t have no samples");

    DivisionIndices& division = record.division;
    division = divide(whole.n_samples(), settings.division, uniform);
    if (settings.lm.max_fail == 0) {  // nobody watches validation samples: they train
        division.train.insert(division.train.end(), division.validation.begin(),
                              division.validation.end());
        std::sort(division.train.begin(), division.train.end());
        division.validation.clear();
    }
    if (division.train.empty()) {
        refuse("train: division leaves no training samples of ", whole.n_samples(),
               "; use divideFcn 'dividetrain' or change divideParam");
    }
    const auto part = [&](const std::vector<index_t>& indices) {
        return Samples{.x = x, .t = t, .ew = ew, .indices = indices};
    };
    const TrainingSets sets{part(division.train), part(division.validation), part(division.test),
                            !division.validation.empty(), !division.test.empty()};
    train_lm(work, sets, settings, record);
    net = std::move(work);
    return record;
}

}  // namespace jacnet
