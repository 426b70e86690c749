/// Levenberg-Marquardt with plain identity damping, as MATLAB's trainlm: Hagan and Menhaj (1994),
/// "Training feedforward networks with the Marquardt algorithm".

#include "train_lm.hpp"

#include <chrono>
#include <cmath>
#include <memory>

#include "damped_system.hpp"
#include "jacnet/runtime.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

/// Everything that an epoch works with; allocated once.
class Marquardt {
public:
    Marquardt(Network& net, const TrainingSets& sets, const TrainingSettings& settings)
        : net_(net),
          plan_(net, "train", Parameters::borrowed),
          train_(plan_, sets.train, "train"),
          validation_(plan_, sets.validation, "train"),
          test_(plan_, sets.test, "train"),
          has_validation_(sets.has_validation),
          has_test_(sets.has_test),
          n_threads_(settings.n_threads),
          system_(make_damped_system(plan_, train_, n_threads_)),
          w_(net.wb().data, net.wb().data + net.n_parameters()),
          step_(w_.size()),
          perf_(performance(train_)) {}

    /// The step's equations and the performances at the present parameters.
    void evaluate(EpochState& state) {
        state.gradient = system_->evaluate();
        state.perf = perf_;
        if (has_validation_) state.vperf = performance(validation_);
        if (has_test_) state.tperf = performance(test_);
    }

    /// One damped step: whether it was taken. Otherwise the parameters are as before.
    bool try_step(double mu) {
        if (!system_->solve(mu, step_.data())) return false;
        for (std::size_t i = 0; i < w_.size(); ++i) net_.wb().data[i] = w_[i] - step_[i];
        const double perf = performance(train_);
        if (perf < perf_) {
            perf_ = perf;
            w_.assign(net_.wb().data, net_.wb().data + w_.size());
            return true;
        }
        std::copy(w_.begin(), w_.end(), net_.wb().data);
        plan_.refresh(net_);
        return false;
    }

    const std::vector<double>& parameters() const { return w_; }

private:
    double performance(const Batch& batch) {
        plan_.refresh(net_);
        Tape tape(plan_, batch, false);
        return compute_performance(tape, n_threads_);
    }

    Network& net_;
    Plan plan_;
    Batch train_, validation_, test_;
    bool has_validation_, has_test_;
    std::optional<int> n_threads_;
    std::unique_ptr<DampedSystem> system_;
    std::vector<double> w_, step_;
    double perf_;  ///< on the training samples
};

std::optional<StopReason> stop_reason(const EpochState& state, const LevenbergMarquardtSettings& lm,
                                      bool asked) {
    if (asked) return StopReason::user;
    if (!std::isfinite(state.perf)) return StopReason::not_finite;
    if (state.perf <= lm.goal) return StopReason::goal;
    if (state.epoch == lm.epochs) return StopReason::max_epochs;
    if (state.time >= lm.time) return StopReason::time;
    if (state.gradient <= lm.min_grad) return StopReason::min_gradient;
    if (state.mu >= lm.mu_max) return StopReason::max_mu;
    if (lm.max_fail > 0 && state.val_fail >= lm.max_fail) return StopReason::validation;
    return std::nullopt;
}

}  // namespace

void train_lm(Network& net, const TrainingSets& sets, const TrainingSettings& settings,
              TrainingRecord& record) {
    const LevenbergMarquardtSettings& lm = settings.lm;
    const auto start = std::chrono::steady_clock::now();
    Marquardt marquardt(net, sets, settings);
    EpochState state;
    state.mu = lm.mu;
    marquardt.evaluate(state);
    std::vector<double> best = marquardt.parameters();
    double best_perf = sets.has_validation ? state.vperf : state.perf;

    for (;; ++state.epoch) {
        state.time =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        record.epochs.push_back(state);
        const bool asked = settings.callback && settings.callback(state);
        if (const auto reason = stop_reason(state, lm, asked)) {
            record.stop = *reason;
            break;
        }
        try {
            while (state.mu <= lm.mu_max) {
                if (marquardt.try_step(state.mu)) {
                    state.mu = std::max(state.mu * lm.mu_dec, 1e-20);
                    break;
                }
                state.mu *= lm.mu_inc;
            }
            marquardt.evaluate(state);
        } catch (const Interrupted&) {  // the epoch that was not finished counts for nothing
            record.stop = StopReason::user;
            break;
        }
        const double watched = sets.has_validation ? state.vperf : state.perf;
        if (watched < best_perf) {
            best_perf = watched;
            best = marquardt.parameters();
            record.best_epoch = state.epoch + 1;
            state.val_fail = 0;
        } else if (sets.has_validation && watched > best_perf) {
            ++state.val_fail;
        }
    }
    std::copy(best.begin(), best.end(), net.wb().data);
}

}  // namespace jacnet
