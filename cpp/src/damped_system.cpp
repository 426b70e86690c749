#include "damped_system.hpp"

#include <cmath>
#include <vector>

#include "cholesky.hpp"
#include "errors.hpp"
#include "memory.hpp"
#include "products.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Of a performance (1 - r) sum e^2 / Ne + r sum w^2 / P, or without the means: c and rho.
struct Weights {
    double data, parameters;
};

Weights weights_of(const Plan& plan, const Batch& batch) {
    return {data_scale(plan.performance, batch.counted),
            0.5 * weight_penalty_curvature(plan.performance, plan.n_parameters)};
}

/// 2 norm(c J e + rho w), leaving its half in je.
double gradient_norm(const Plan& plan, const Weights& weights, std::vector<double>& je) {
    double squares = 0.0;
    for (index_t i = 0; i < plan.n_parameters; ++i) {
        double& g = je[at(i)];
        g = g * weights.data + weights.parameters * plan.wb()[i];
        squares += g * g;
    }
    return 2.0 * std::sqrt(squares);
}

int threads_to_factor(index_t n, std::optional<int> n_threads) {
    const double size = static_cast<double>(n);
    return threads_for(size * size * size / 3.0, n_threads);
}

/// P x P: the normal equations.
class InParameters : public DampedSystem {
public:
    InParameters(const Plan& plan, const Batch& batch, std::optional<int> n_threads)
        : plan_(plan),
          batch_(batch),
          n_threads_(n_threads),
          p_(plan.n_parameters),
          jj_(at(p_ * p_)),
          factor_(jj_.size()),
          je_(at(p_)) {}

    double evaluate() override {
        compute_normal_equations(plan_, batch_, {jj_.data(), p_, p_}, {je_.data(), p_}, n_threads_);
        const Weights weights = weights_of(plan_, batch_);
        parallel_for(p_, 1, [&](index_t j) {
            double* column = jj_.data() + j * p_;
            kernel_table().scale(p_, column, weights.data, column, false);
            column[j] += weights.parameters;
        });
        return gradient_norm(plan_, weights, je_);
    }

    bool solve(double mu, double* step) override {
        return solve_shifted(p_, jj_.data(), mu, je_.data(), factor_.data(), step,
                             threads_to_factor(p_, n_threads_));
    }

private:
    const Plan& plan_;
    const Batch& batch_;
    std::optional<int> n_threads_;
    index_t p_;
    std::vector<double> jj_, factor_, je_;
};

/// SQ x SQ, by Woodbury's identity: with a = mu + rho,
/// step = (rho / a) w + J (J'J + (a / c) I)^-1 (e - (rho / a) J'w). J is never formed.
class InErrors : public DampedSystem {
public:
    InErrors(const Plan& plan, const Batch& batch, std::optional<int> n_threads)
        : plan_(plan),
          batch_(batch),
          n_threads_(n_threads),
          n_(plan.n_outputs * batch.size()),
          gram_(at(n_ * n_)),
          factor_(gram_.size()),
          scale_(at(n_)),
          e_(at(n_)),
          jw_(at(n_)),
          z_(at(n_)),
          je_(at(plan.n_parameters)) {
        compute_error_scales(plan, batch, by_samples(scale_));
    }

    double evaluate() override {
        tape_.emplace(plan_, batch_, true);
        compute_gram(*tape_, {gram_.data(), n_, n_}, n_threads_);
        parallel_for(n_, 1, [&](index_t j) {
            for (index_t i = 0; i < n_; ++i) gram_[at(i + j * n_)] *= scale_[at(i)] * scale_[at(j)];
        });
        compute_errors(*tape_, by_samples(e_), n_threads_);
        multiply(e_, je_.data());
        const Weights weights = weights_of(plan_, batch_);
        if (weights.parameters != 0.0) {
            compute_jvp(*tape_, plan_.wb(), by_samples(jw_), n_threads_);
            for (index_t i = 0; i < n_; ++i) jw_[at(i)] *= -scale_[at(i)];
        }
        w_.assign(plan_.wb(), plan_.wb() + plan_.n_parameters);
        return gradient_norm(plan_, weights, je_);
    }

    bool solve(double mu, double* step) override {
        const Weights weights = weights_of(plan_, batch_);
        const double a = mu + weights.parameters, share = weights.parameters / a;
        std::vector<double> right(e_);
        for (index_t i = 0; i < n_; ++i) right[at(i)] -= share * jw_[at(i)];
        if (!solve_shifted(n_, gram_.data(), a / weights.data, right.data(), factor_.data(),
                           z_.data(), threads_to_factor(n_, n_threads_))) {
            return false;
        }
        multiply(z_, step);
        for (index_t i = 0; i < plan_.n_parameters; ++i) step[i] += share * w_[at(i)];
        return true;
    }

private:
    MatrixView<double> by_samples(std::vector<double>& values) const {
        return {values.data(), plan_.n_outputs, batch_.size()};
    }
    /// out = J z = -(dy/dw) (scale z).
    void multiply(const std::vector<double>& z, double* out) {
        std::vector<double> scaled(z);
        for (index_t i = 0; i < n_; ++i) scaled[at(i)] *= -scale_[at(i)];
        compute_vjp(*tape_, by_samples(scaled), out, n_threads_);
    }

    const Plan& plan_;
    const Batch& batch_;
    std::optional<int> n_threads_;
    index_t n_;
    std::vector<double> gram_, factor_, scale_, e_, jw_, z_, je_, w_;
    std::optional<Tape> tape_;  ///< at the parameters of the last evaluation
};

}  // namespace

std::unique_ptr<DampedSystem> make_damped_system(const Plan& plan, const Batch& batch,
                                                 std::optional<int> n_threads) {
    const double parameters = static_cast<double>(plan.n_parameters);
    const double errors = static_cast<double>(plan.n_outputs) * static_cast<double>(batch.size());
    const bool dual = errors < parameters && data_scale(plan.performance, batch.counted) > 0.0;
    const double smaller = dual ? errors : parameters;
    need_memory(2.0 * sizeof(double) * smaller * smaller,
                text("train: the equations of a step, ", plan.n_parameters, " parameters and ",
                     static_cast<index_t>(errors), " errors,"),
                "take smaller layers or fewer samples, or freeze blocks (set_learn)");
    if (dual) return std::make_unique<InErrors>(plan, batch, n_threads);
    return std::make_unique<InParameters>(plan, batch, n_threads);
}

}  // namespace jacnet
