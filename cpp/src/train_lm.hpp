#pragma once
/// The Levenberg-Marquardt iteration, apart from where its data come from.

#include "jacnet/linearization.hpp"
#include "jacnet/training.hpp"

namespace jacnet {

/// Data of a training: columns of x and t, with error weights, per set.
struct TrainingSets {
    Samples train, validation, test;  ///< the latter two may have no samples
    bool has_validation = false;
    bool has_test = false;
};

/// Trains net in place; fills everything of the record but the division.
void train_lm(Network& net, const TrainingSets& sets, const TrainingSettings& settings,
              TrainingRecord& record);

}  // namespace jacnet
