/// J J', J e and e'e of the errors, without holding J.

#include <algorithm>
#include <type_traits>

#include "contraction.hpp"
#include "questions.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Whether a call is so small that its time is in what surrounds the products.
bool small(const Plan& plan, const Batch& batch) {
    constexpr index_t parameters = 95, errors = 1024;
    return plan.n_parameters <= parameters && plan.n_outputs <= errors &&
           plan.n_outputs * batch.size() <= errors && batch.size() > 0 &&
           Contraction::choose(plan, Curvature::gauss_newton, Objective::half_sse) ==
               Route::columns;
}

/// Rows of J and, below them, the errors e of output m, packed over the lanes of a block.
void pack_augmented(const Plan& plan, const Batch& batch, const Block& block, index_t m,
                    double* packed, index_t panel_stride) {
    const Kernels& kernels = kernel_table();
    const index_t n = block.n;
    Workspace work;
    double* root = work.doubles(n);
    double* errors = work.doubles(n);
    load_error_scales(plan, batch, block, m, -1.0, root);
    const double *t = block.t + m * n, *y = block.y + m * n;
    for (index_t z = 0; z < n; ++z) errors[z] = root[z] != 0.0 ? root[z] * (y[z] - t[z]) : 0.0;
    Factor* rows = work.array<Factor>(plan.n_parameters + 1);
    Factor* next = rows;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        const PlanLayer& layer = plan.layers[at(l)];
        double* slopes = work.doubles(n * layer.h);  // de/ds
        for (index_t i = 0; i < layer.h; ++i) {
            kernels.multiply(n, block.layers[l].d + (m * layer.h + i) * n, root, slopes + i * n,
                             false);
        }
        for (index_t p = 0; p < layer.k; ++p) {
            const double* u = block.layers[l].u + p * n;
            for (index_t i = 0; i < layer.h; ++i) *next++ = {u, slopes + i * n};
        }
    }
    *next = {errors, nullptr};
    kernels.pack_left(n, plan.n_parameters + 1, rows, packed, panel_stride);
}

/// All three at once: the products of the rows of [J; e] with each other.
double augmented_products(const Plan& plan, const Batch& batch, double* jj, index_t ld,
                          double* je) {
    const Kernels& kernels = kernel_table();
    const index_t p = plan.n_parameters, size = round_up(p + 1, kernels.panel_rows);
    Workspace work;
    Block block = forward_block(plan, batch, 0, batch.size(), Order::slope, 1.0, work);
    reserve_sensitivities(plan, block, work);
    sensitivities(plan, block);
    const index_t n = block.n * plan.n_outputs;  // the outputs' lanes side by side
    double* packed = work.doubles(n * size);
    for (index_t m = 0; m < plan.n_outputs; ++m) {
        pack_augmented(plan, batch, block, m, packed + m * block.n * kernels.panel_rows,
                       n * kernels.panel_rows);
    }
    double* products = work.doubles(size * size);
    kernels.symmetric_product(n, p + 1, packed, n * kernels.panel_rows, products, size);
    kernels.copy_symmetric(p, products, size, jj, ld);
    std::copy_n(products + p * size, p, je);
    return products[p + p * size];
}

template <class Result>
double sum_squares(const Plan& plan, const Batch& batch, MatrixView<Result> jj,
                   VectorView<Result> je, std::optional<int> n_threads) {
    const index_t p = plan.n_parameters;
    Workspace work;
    double* gradient = work.doubles(p);
    double sse = 0.0;
    with_symmetric_target("normal_equations", jj, [&](Result* data, index_t ld) {
        if constexpr (std::is_same_v<Result, double>) {
            if (small(plan, batch)) {
                sse = augmented_products(plan, batch, data, ld, gradient);
                return;
            }
        }
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
