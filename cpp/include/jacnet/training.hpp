#pragma once
/// Training by Levenberg-Marquardt, as MATLAB's train with trainlm.

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jacnet/network.hpp"
#include "jacnet/view.hpp"

namespace jacnet {

/// How samples are divided into those that train, those that stop, and those that test.
enum class Division { dividerand, divideblock, divideint, divideind, dividetrain };

std::string_view name(Division division);
/// @throws std::invalid_argument for an unknown name; the message suggests the nearest one.
Division division_from_name(std::string_view name);
const std::vector<Division>& division_functions();

struct DivisionSettings {
    Division function = Division::dividerand;
    double train_ratio = 0.70, validation_ratio = 0.15, test_ratio = 0.15;
    std::vector<index_t> train, validation, test;  ///< for divideind, counted from 0
};

struct DivisionIndices {
    std::vector<index_t> train, validation, test;  ///< ascending, except for divideind
};

/// MATLAB's generator: uniform on [0, 1) with 53 bits, the stream of RandomState(seed).
class UniformSource;

/// Divides `n_samples` samples. dividerand permutes by sorting that many draws from `source`.
/// @throws std::invalid_argument for ratios or indices that do not fit
DivisionIndices divide(index_t n_samples, const DivisionSettings& settings, UniformSource& source);

/// MATLAB's trainParam of trainlm, with its defaults.
struct LevenbergMarquardtSettings {
    index_t epochs = 1000;
    double goal = 0.0;
    index_t max_fail = 6;  ///< validation failures allowed; 0: validation samples train
    double min_grad = 1e-7;
    double mu = 1e-3;  ///< damping
    double mu_dec = 0.1;
    double mu_inc = 10.0;
    double mu_max = 1e10;
    double time = std::numeric_limits<double>::infinity();  ///< seconds
};

/// State at the start of an epoch.
struct EpochState {
    index_t epoch = 0;
    double time = 0.0;  ///< seconds since the start
    double perf = 0.0;
    double vperf = std::numeric_limits<double>::quiet_NaN();  ///< NaN without validation samples
    double tperf = std::numeric_limits<double>::quiet_NaN();
    double mu = 0.0;
    double gradient = 0.0;  ///< 2 |JE|
    index_t val_fail = 0;
};

enum class StopReason {
    user,
    goal,
    max_epochs,
    time,
    min_gradient,
    max_mu,
    validation,
    not_finite
};

std::string_view message(StopReason reason);

struct TrainingRecord {
    DivisionIndices division;
    std::vector<EpochState> epochs;  ///< from epoch 0
    index_t best_epoch = 0;
    StopReason stop = StopReason::max_epochs;
    std::vector<std::string> warnings;
};

struct TrainingSettings {
    LevenbergMarquardtSettings lm;
    DivisionSettings division;
    /// Drives initialisation (when the network is not configured), then division.
    std::optional<std::uint32_t> seed;
    /// Called once per epoch; true stops training at this epoch boundary.
    std::function<bool(const EpochState&)> callback;
    std::optional<int> n_threads;
};

/// Trains `net` in place and leaves it with its best parameters: those of the lowest validation
/// performance, or without validation samples of the lowest training performance.
/// An unconfigured network is configured and initialised first.
/// @param x  one R_i x Q matrix per input   @param t  one S_i x Q matrix per output, NaN: don't
/// care
/// @param ew error weights as in Samples
/// @throws std::invalid_argument when shapes disagree, data are infinite or settings senseless
TrainingRecord train(Network& net, const std::vector<MatrixView<const double>>& x,
                     const std::vector<MatrixView<const double>>& t,
                     const TrainingSettings& settings = {}, MatrixView<const double> ew = {});

}  // namespace jacnet
