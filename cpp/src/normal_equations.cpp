/// J J', J e and e'e of the errors, without holding J.

#include "questions.hpp"

namespace jacnet {

namespace {

template <class Result>
double sum_squares(const Plan& plan, const Batch& batch, MatrixView<Result> jj,
                   VectorView<Result> je, std::optional<int> n_threads) {
    const index_t p = plan.n_parameters;
    Workspace work;
    double* gradient = work.doubles(p);
    double sse = 0.0;
    with_symmetric_target(jj, [&](Result* data, index_t ld) {
        sse = contract_curvature(plan, batch, Objective::half_sse, Curvature::gauss_newton, 1.0,
                                 data, ld, gradient, n_threads);
    });
    for (index_t i = 0; i < p; ++i) je[i] = static_cast<Result>(gradient[i]);
    return sse;
}

}  // namespace

double compute_normal_equations(const Plan& plan, const Batch& batch, MatrixView<double> jj,
                                VectorView<double> je, std::optional<int> n_threads) {
    return sum_squares(plan, batch, jj, je, n_threads);
}

double compute_normal_equations(const Plan& plan, const Batch& batch, MatrixView<float> jj,
                                VectorView<float> je, std::optional<int> n_threads) {
    return sum_squares(plan, batch, jj, je, n_threads);
}

}  // namespace jacnet
