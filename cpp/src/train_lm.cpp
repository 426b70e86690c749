/// Levenberg-Marquardt with plain identity damping, as MATLAB's trainlm: Hagan and Menhaj (1994),
/// "Training feedforward networks with the Marquardt algorithm".

#include "train_lm.hpp"

#include <chrono>
#include <cmath>
#include <limits>

#include "kernels/kernels.hpp"

namespace jacnet {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// Everything that an epoch works with; allocated once.
class Marquardt {
public:
    Marquardt(Network& net, const TrainingSets& sets, const TrainingSettings& settings)
        : net_(net),
          sets_(sets),
          n_threads_(settings.n_threads),
          p_(net.n_parameters()),
          jj_(static_cast<std::size_t>(p_ * p_)),
          factor_(jj_.size()),
          je_(static_cast<std::size_t>(p_)),
          step_(je_.size()),
          w_(net.wb().data, net.wb().data + p_) {}

    /// Normal equations and performances at the present parameters.
    void evaluate(EpochState& state) {
        Linearization train(net_, sets_.train);
        train.normal_equations({jj_.data(), p_, p_}, {je_.data(), p_}, n_threads_);
        const PerformanceSettings& perf = net_.performance;
        const bool mean = is_mean(perf.function);
        const double r = perf.regularization, count = mean ? counted(sets_.train) : 1.0;
        const double data = count > 0.0 ? (1.0 - r) / count : 0.0;
        const double weights = mean && p_ > 0 ? r / static_cast<double>(p_) : r;
        double squares = 0.0;
        for (double& value : jj_) value *= data;
        for (index_t i = 0; i < p_; ++i) {
            const auto k = static_cast<std::size_t>(i);
            je_[k] = je_[k] * data + weights * w_[k];
            jj_[k * static_cast<std::size_t>(p_ + 1)] += weights;
            squares += je_[k] * je_[k];
        }
        state.gradient = 2.0 * std::sqrt(squares);
        state.perf = train.performance(n_threads_);
        if (sets_.has_validation) state.vperf = performance(sets_.validation);
        if (sets_.has_test) state.tperf = performance(sets_.test);
    }

    /// One damped step: whether it was taken. Otherwise the parameters are as before.
    bool try_step(double mu, double perf) {
        const double condition = kernel_table().solve_shifted(p_, jj_.data(), p_, mu, je_.data(),
                                                              factor_.data(), step_.data());
        if (!(condition >= epsilon)) return false;
        for (std::size_t i = 0; i < w_.size(); ++i) net_.wb().data[i] = w_[i] - step_[i];
        if (performance(sets_.train) < perf) {
            w_.assign(net_.wb().data, net_.wb().data + p_);
            return true;
        }
        std::copy(w_.begin(), w_.end(), net_.wb().data);
        return false;
    }

    const std::vector<double>& parameters() const { return w_; }

private:
    double performance(const Samples& samples) const {
        return Linearization(net_, samples).performance(n_threads_);
    }
    double counted(const Samples& samples) const {
        return static_cast<double>(Linearization(net_, samples).n_targets());
    }

    Network& net_;
    const TrainingSets& sets_;
    std::optional<int> n_threads_;
    index_t p_;
    std::vector<double> jj_, factor_, je_, step_, w_;
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
        while (state.mu <= lm.mu_max) {
            if (marquardt.try_step(state.mu, state.perf)) {
                state.mu = std::max(state.mu * lm.mu_dec, 1e-20);
                break;
            }
            state.mu *= lm.mu_inc;
        }
        marquardt.evaluate(state);
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
