/// Hessian and Gauss-Newton matrix: a contraction of the curvature at the net inputs, streamed over
/// blocks of samples.

#include <algorithm>
#include <cmath>
#include <memory>
#include <type_traits>
#include <vector>

#include "contraction.hpp"
#include "errors.hpp"
#include "memory.hpp"
#include "parallel.hpp"
#include "questions.hpp"
#include "remedies.hpp"

namespace jacnet {

namespace {

/// Samples whose tape one task makes: a tape that the second-level cache holds, within reason.
index_t chunk_samples(const Plan& plan) {
    index_t per_sample = 1;
    for (const PlanLayer& a : plan.layers) {
        for (const PlanLayer& b : plan.layers) per_sample += a.h * b.h;
    }
    constexpr index_t cached_doubles = index_t{1} << 16;
    return std::clamp(cached_doubles / per_sample / lanes * lanes, index_t{32}, index_t{128});
}

/// What is below the diagonal: by the route over curvature, of the squares of every layer's own
/// block as well, strip by strip, so that their second halves are still near when they are read.
template <class Result>
void mirror(const Plan& plan, Route route, Result* h, index_t ld, int n_threads) {
    if (route == Route::columns) return mirror_triangle(plan.n_parameters, h, ld, n_threads);
    constexpr index_t columns = 64;
    struct Strip {
        const PlanLayer* layer;
        index_t first, last;  // rows of squares
    };
    std::vector<Strip> strips;
    for (const PlanLayer& layer : plan.layers) {
        const index_t together = std::max(columns / std::max(layer.h, index_t{1}), index_t{1});
        for (index_t first = 0; first < layer.k; first += together) {
            strips.push_back({&layer, first, std::min(first + together, layer.k)});
        }
    }
    const auto& kernels = kernels_of<Result>();
    parallel_for(static_cast<index_t>(strips.size()), n_threads, [&](index_t task) {
        const auto& [layer, first, last] = strips[static_cast<std::size_t>(task)];
        kernels.mirror_squares(layer->h, layer->k, first, last, h + layer->offset * (ld + 1), ld);
        kernels.mirror(plan.n_parameters, layer->offset + first * layer->h,
                       layer->offset + last * layer->h, h, ld);
    });
}

/// d of every output, times the root of the loss's second derivative; from the net input where the
/// loss is split there. The second derivative is diagonal.
void scaled_sensitivities(const Plan& plan, Block& block, Objective objective, Workspace& work) {
    const index_t n = block.n;
    reserve_sensitivities(plan, block, work);
    double* root = work.doubles(n * plan.n_outputs);
    From* from = work.array<From>(plan.n_outputs);
    for (const PlanOutput& output : plan.outputs) {
        Workspace square;
        double* second = square.doubles(n * output.rows * output.rows);
        const From start = second_derivatives(plan, block, output, objective, second);
        std::fill_n(from + output.first_row, output.rows, start);
        for (index_t i = 0; i < output.rows; ++i) {
            const double* own = second + i * (output.rows + 1) * n;
            double* to = root + (output.first_row + i) * n;
            for (index_t z = 0; z < n; ++z) to[z] = std::sqrt(own[z]);
        }
    }
    sensitivities(plan, block, from);
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const index_t h = plan.layers[static_cast<std::size_t>(l)].h;
        for (index_t m = 0; m < plan.n_outputs; ++m) {
            for (index_t i = 0; i < h; ++i) {
                double* d = block.layers[l].d + (m * h + i) * n;
                kernel_table().multiply(n, d, root + m * n, d, false);
            }
        }
    }
}

double total_flops(const Plan& plan, index_t samples) {
    const double p = static_cast<double>(plan.n_parameters);
    return p * p * static_cast<double>(samples + 2);
}

/// What sums of several blocks of a matrix in float take: memory is touched above the diagonal
/// only, half of what it is.
double wide_bytes(index_t p) { return 4.0 * static_cast<double>(p) * static_cast<double>(p); }

const char* function_of(Objective objective, Curvature kind) {
    if (objective == Objective::half_sse) return "normal_equations";
    return kind == Curvature::exact ? "hessian" : "gauss_newton";
}

std::unique_ptr<double[]> wide_sums(const char* function, index_t p) {
    need_memory(wide_bytes(p), text(function, ": the sums in float64 of a float32 matrix"),
                instead::fewer_samples);
    return std::unique_ptr<double[]>(new double[static_cast<std::size_t>(p * p)]);
}

/// Samples of a block. Several blocks of floats are summed in doubles: all samples at once take
/// less, as long as they are few.
index_t samples_at_once(const Contraction& contraction, Precision precision, index_t copies,
                        index_t samples, index_t p) {
    constexpr index_t few = 4096;  // lanes
    const index_t all = copies * round_up(samples, lanes);
    if (precision == Precision::float32 && all <= few && contraction.bytes(all) <= wide_bytes(p)) {
        return round_up(samples, lanes);
    }
    return std::max(contraction.block_lanes() / copies / lanes * lanes, lanes);
}

/// The upper triangle, rounded once.
void round_columns(index_t p, const double* sums, float* h, index_t ld, int n_threads) {
    constexpr index_t columns = 64;
    parallel_for((p + columns - 1) / columns, n_threads, [&](index_t task) {
        const index_t last = std::min((task + 1) * columns, p);
        for (index_t j = task * columns; j < last; ++j) {
            float_kernel_table().round(j + 1, sums + j * p, h + j * ld, false);
        }
    });
}

/// contract_curvature into either kind of matrix.
template <class Result>
double contract_into(const Plan& plan, const Batch& batch, Objective objective, Curvature kind,
                     double scale, Result* h, index_t ld, double* gradient,
                     std::optional<int> requested, std::optional<Route> given) {
    constexpr bool rounded = std::is_same_v<Result, float>;
    constexpr Precision precision = rounded ? Precision::float32 : Precision::float64;
    const index_t p = plan.n_parameters;
    const int n_threads = threads_for(total_flops(plan, batch.size()), requested);
    if (gradient) std::fill_n(gradient, p, 0.0);
    if (batch.size() == 0) {
        for (index_t j = 0; j < p; ++j) std::fill_n(h + j * ld, p, Result{0});
        return 0.0;
    }
    Workspace work;
    const Route route = given ? *given : Contraction::choose(plan, kind, objective);
    std::optional<Contraction> made(std::in_place, plan, kind, route, precision, ld, work);
    // Columns of several outputs stand side by side, each with lanes of its own.
    const index_t copies = route == Route::columns ? plan.n_outputs : 1;
    const index_t step = samples_at_once(*made, precision, copies, batch.size(), p);
    std::unique_ptr<double[]> sums;  // of more than one block
    if (rounded && batch.size() > step) {
        sums = wide_sums(function_of(objective, kind), p);
        if (ld != p) made.emplace(plan, kind, route, precision, p, work);
    }
    Contraction& contraction = *made;
    double loss = 0.0;
    for (index_t first = 0; first < batch.size(); first += step) {
        const index_t count = std::min(step, batch.size() - first);
        const index_t chunk = chunk_samples(plan), n_chunks = (count + chunk - 1) / chunk;
        Workspace own;
        const index_t n = round_up(count, lanes);
        contraction.reserve(copies * n, own);
        double* losses = own.doubles(n_chunks);
        double* gradients = gradient ? own.doubles(n_chunks * p) : nullptr;
        parallel_for(n_chunks, n_threads, [&](index_t task) {
            Workspace scratch;
            const index_t begin = task * chunk;
            Block block = forward_block(plan, batch, first + begin, std::min(chunk, count - begin),
                                        order_for(kind), scale, scratch);
            backward(plan, block, objective);
            if (route == Route::columns) {
                scaled_sensitivities(plan, block, objective, scratch);
                for (index_t m = 0; m < copies; ++m) {
                    contraction.take(m * n + begin, block, nullptr, m);
                }
            } else {
                const CurvatureTape tape(plan, block, kind, objective, scratch);
                contraction.take(begin, block, &tape);
            }
            losses[task] = 0.0;
            if (gradient) {
                std::fill_n(gradients + task * p, p, 0.0);
                add_gradient(plan, block, gradients + task * p);
            }
            for (const PlanOutput& output : plan.outputs) {
                if (objective == Objective::half_sse) {
                    losses[task] += loss_value(Performance::sse, LossForm::output,
                                               loss_lanes(plan, block, output));
                }
            }
        });
        for (index_t task = 0; task < n_chunks; ++task) {
            loss += losses[task];
            for (index_t i = 0; gradient && i < p; ++i) gradient[i] += gradients[task * p + i];
        }
        if (sums) {
            contraction.contract(sums.get(), first > 0, n_threads);
        } else {
            contraction.contract(h, first > 0, n_threads);
        }
    }
    if constexpr (rounded) {
        if (sums) round_columns(p, sums.get(), h, ld, n_threads);
    }
    mirror(plan, route, h, ld, n_threads);
    return loss;
}

template <class Result>
void hessian_into(const Plan& plan, const Batch& batch, Curvature kind, MatrixView<Result> h,
                  std::optional<int> n_threads) {
    const double scale = data_scale(plan.performance, batch.counted);
    const double penalty = weight_penalty_curvature(plan.performance, plan.n_parameters);
    with_symmetric_target(function_of(Objective::performance, kind), h,
                          [&](Result* data, index_t ld) {
                              contract_into(plan, batch, Objective::performance, kind, scale, data,
                                            ld, nullptr, n_threads, {});
                              for (index_t i = 0; penalty != 0.0 && i < plan.n_parameters; ++i) {
                                  Result& value = data[i + i * ld];
                                  value = static_cast<Result>(static_cast<double>(value) + penalty);
                              }
                          });
}

}  // namespace

double contract_curvature(const Plan& plan, const Batch& batch, Objective objective, Curvature kind,
                          double scale, double* h, index_t ld, double* gradient,
                          std::optional<int> n_threads, std::optional<Route> route) {
    return contract_into(plan, batch, objective, kind, scale, h, ld, gradient, n_threads, route);
}

double contract_curvature(const Plan& plan, const Batch& batch, Objective objective, Curvature kind,
                          double scale, float* h, index_t ld, double* gradient,
                          std::optional<int> n_threads, std::optional<Route> route) {
    return contract_into(plan, batch, objective, kind, scale, h, ld, gradient, n_threads, route);
}

void compute_hessian(const Plan& plan, const Batch& batch, Curvature kind, MatrixView<double> h,
                     std::optional<int> n_threads) {
    hessian_into(plan, batch, kind, h, n_threads);
}

void compute_hessian(const Plan& plan, const Batch& batch, Curvature kind, MatrixView<float> h,
                     std::optional<int> n_threads) {
    hessian_into(plan, batch, kind, h, n_threads);
}

}  // namespace jacnet
