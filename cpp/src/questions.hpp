#pragma once
/// The contractions behind Linearization, one file each.

#include "memory.hpp"
#include "tape.hpp"

namespace jacnet {

void compute_outputs(Tape& tape, MatrixView<double> y, std::optional<int> n_threads);
/// sqrt(EW) norm of every error, S x Q; 0 where it does not count.
void compute_error_scales(const Plan& plan, const Batch& batch, MatrixView<double> s);
/// Errors t - y times their scales, S x Q.
void compute_errors(Tape& tape, MatrixView<double> e, std::optional<int> n_threads);
double compute_performance(Tape& tape, std::optional<int> n_threads);
void compute_gradient(Tape& tape, VectorView<double> g, std::optional<int> n_threads);

enum class JacobianScale { outputs, errors };
void compute_jacobian(Tape& tape, JacobianScale scale, MatrixView<double> j,
                      std::optional<int> n_threads);
void compute_jacobian(Tape& tape, JacobianScale scale, MatrixView<float> j,
                      std::optional<int> n_threads);
void compute_input_jacobian(Tape& tape, double* data, const index_t strides[3],
                            std::optional<int> n_threads);

void compute_input_hessian(const Plan& plan, const Batch& batch, double* data,
                           const index_t strides[4], std::optional<int> n_threads);
void compute_laplacian(const Plan& plan, const Batch& batch, MatrixView<double> out,
                       std::optional<int> n_threads);
void compute_input_jvp(Tape& tape, const std::vector<MatrixView<const double>>& v,
                       MatrixView<double> out, std::optional<int> n_threads);
void compute_input_vjp(Tape& tape, const std::vector<MatrixView<const double>>& u,
                       MatrixView<double> out, std::optional<int> n_threads);
void compute_input_hvp(const Plan& plan, const Batch& batch,
                       const std::vector<MatrixView<const double>>& u,
                       const std::vector<MatrixView<const double>>& v, MatrixView<double> out,
                       std::optional<int> n_threads);

/// From lanes to a result with samples apart: lane z of run i to out[z sample_stride + i stride].
void put_by_sample(index_t count, index_t n_runs, const Factor* runs, double* out,
                   index_t sample_stride, index_t stride);

/// (dy/dw)'(dy/dw), SQ x SQ, or summed over equal outputs, Q x Q.
void compute_gram(Tape& tape, MatrixView<double> g, std::optional<int> n_threads,
                  GramForm form = GramForm::full);
void compute_gram(Tape& tape, MatrixView<float> g, std::optional<int> n_threads,
                  GramForm form = GramForm::full);

/// Curvature of an objective, and for half_sse its gradient J e and twice its value e'e.
double compute_normal_equations(const Plan& plan, const Batch& batch, MatrixView<double> jj,
                                VectorView<double> je, std::optional<int> n_threads);
double compute_normal_equations(const Plan& plan, const Batch& batch, MatrixView<float> jj,
                                VectorView<float> je, std::optional<int> n_threads);
void compute_hessian(const Plan& plan, const Batch& batch, Curvature kind, MatrixView<double> h,
                     std::optional<int> n_threads);
void compute_hessian(const Plan& plan, const Batch& batch, Curvature kind, MatrixView<float> h,
                     std::optional<int> n_threads);

enum class Route;
/// The Hessian in part: hessian_diagonal.cpp, hessian_block.cpp and hessians.cpp.
void compute_hessian_diagonal(const Plan& plan, const Batch& batch, Curvature kind, double* d,
                              std::optional<int> n_threads);
/// The same without regularisation.
void compute_curvature_diagonal(const Plan& plan, const Batch& batch, Curvature kind, double* d,
                                std::optional<int> n_threads);
void compute_hessian_block(const Plan& plan, const Batch& batch, Curvature kind,
                           const std::vector<index_t>& rows, const std::vector<index_t>& cols,
                           MatrixView<double> h, std::optional<int> n_threads);
void compute_hessian_layers(const Plan& plan, const Batch& batch, Curvature kind,
                            const std::vector<MatrixView<double>>& h, std::optional<int> n_threads);
void compute_hessian_packed(const Plan& plan, const Batch& batch, Curvature kind,
                            VectorView<double> h, std::optional<int> n_threads);
void compute_hessians(const Plan& plan, const Batch& batch, Curvature kind, double* data,
                      const index_t strides[3], std::optional<int> n_threads);

/// Gradients sample by sample, and the Fisher information that is made of them.
void compute_gradients(Tape& tape, MatrixView<double> g, std::optional<int> n_threads);
void compute_fisher(const Plan& plan, const Batch& batch, Fisher kind, MatrixView<double> f,
                    std::optional<int> n_threads);
void compute_fisher_diagonal(const Plan& plan, const Batch& batch, Fisher kind, double* d,
                             std::optional<int> n_threads);

/// The curvature contraction shared by the two: sum over samples of the second derivatives of
/// `objective`, targets weighted by EW x scale, into the compact P x P matrix `h`; with `gradient`
/// its gradient too. Returns the objective's loss: the weighted sum, or e'e x scale for half_sse.
/// @param route  one that fits, instead of the cheaper one
double contract_curvature(const Plan& plan, const Batch& batch, Objective objective, Curvature kind,
                          double scale, double* h, index_t ld, double* gradient,
                          std::optional<int> n_threads, std::optional<Route> route = {});
/// The same with products in float. Up to so many samples as are taken at once (1024, fewer where
/// their operands exceed 64 MiB; 4096, where their operands take less than the sums) nothing else
/// is held; above, the sums are doubles of their own.
double contract_curvature(const Plan& plan, const Batch& batch, Objective objective, Curvature kind,
                          double scale, float* h, index_t ld, double* gradient,
                          std::optional<int> n_threads, std::optional<Route> route = {});

/// Calls body(data, ld) with column-major storage for a symmetric result: the caller's own where
/// its rows or columns are contiguous, else scratch that is copied afterwards.
template <class Result, class Body>
void with_symmetric_target(const char* function, const MatrixView<Result>& out, Body&& body) {
    const index_t p = out.rows;
    if (out.row_stride == 1 && out.col_stride >= p) {
        body(out.data, out.col_stride);
    } else if (out.col_stride == 1 && out.row_stride >= p) {
        body(out.data, out.row_stride);
    } else {
        need_memory(
            static_cast<double>(sizeof(Result)) * static_cast<double>(p) * static_cast<double>(p),
            std::string(function) + ": a copy of out, whose rows and columns are not contiguous,",
            "pass an ordinary array as out");
        std::vector<Result> compact(static_cast<std::size_t>(p * p));
        body(compact.data(), p);
        parallel_for(p, 1, [&](index_t j) {
            const Result* column = compact.data() + j * p;
            for (index_t i = 0; i < p; ++i) out(i, j) = column[i];
        });
    }
}

/// The lower triangle of a p x p matrix from its upper one, in strips for the threads.
template <class Result>
void mirror_triangle(index_t p, Result* h, index_t ld, int n_threads) {
    constexpr index_t columns = 64;
    parallel_for((p + columns - 1) / columns, n_threads, [&](index_t task) {
        const index_t first = task * columns;
        kernels_of<Result>().mirror(p, first, std::min(first + columns, p), h, ld);
    });
}

/// Adds g_l' u_l of every layer, over the lanes of a block, to the packed gradient.
void add_gradient(const Plan& plan, const Block& block, double* gradient);

}  // namespace jacnet
