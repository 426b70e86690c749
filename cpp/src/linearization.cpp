#include "jacnet/linearization.hpp"

#include <numeric>

#include "errors.hpp"
#include "parallel.hpp"
#include "questions.hpp"

namespace jacnet {

struct Linearization::Impl {
    Impl(const Network& net, const Samples& given, const char* function, Parameters parameters)
        : plan(net, function, parameters),
          samples(given),
          batch(plan, samples, function),
          tape(plan, batch, parameters == Parameters::copied) {}
    /// Another loss on the same samples.
    Impl(const Impl& other, const OutputLoss& loss)
        : plan(other.plan, Plan::OwnLoss{}),
          samples{.x = other.samples.x, .t = {}, .ew = {}, .indices = other.samples.indices},
          batch(plan, samples, "with_loss"),
          tape(plan, batch, true) {
        batch.take(loss, "with_loss");
    }
    Plan plan;
    Samples samples;
    Batch batch;
    Tape tape;
};

Linearization::Linearization(const Network& net, const Samples& samples, const char* caller,
                             Parameters parameters)
    : impl_(std::make_unique<Impl>(net, samples, caller, parameters)) {}
Linearization::Linearization(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Linearization::~Linearization() = default;
Linearization::Linearization(Linearization&&) noexcept = default;
Linearization& Linearization::operator=(Linearization&&) noexcept = default;

index_t Linearization::n_parameters() const { return impl_->plan.n_parameters; }
index_t Linearization::n_outputs() const { return impl_->plan.n_outputs; }
index_t Linearization::n_samples() const { return impl_->batch.size(); }
index_t Linearization::n_inputs() const { return impl_->plan.n_inputs; }
index_t Linearization::n_targets() const { return impl_->batch.counted; }
bool Linearization::has_targets() const { return impl_->batch.has_targets(); }

namespace {

template <class T>
void check_shape(const char* function, const MatrixView<T>& out, index_t rows, index_t cols) {
    if (out.rows != rows || out.cols != cols) {
        refuse(function, ": out has shape (", out.rows, ", ", out.cols, "), expected (", rows, ", ",
               cols, ")");
    }
}

template <class T>
void check_size(const char* function, const VectorView<T>& out, index_t size) {
    if (out.size != size) {
        refuse(function, ": out has ", out.size, " elements, expected ", size);
    }
}

void need_targets(const char* function, const Batch& batch) {
    if (batch.loss.slope.data) {
        refuse(function,
               ": cannot be asked of a loss that is given by its derivatives; ask the "
               "linearization that with_loss was called on");
    }
    if (!batch.has_targets()) {
        refuse(function, ": needs targets, but the linearization was made without t");
    }
}

/// Targets, or a loss of one's own.
void need_loss(const char* function, const Plan& plan, const Batch& batch) {
    if (!plan.own_loss) need_targets(function, batch);
}

void need_curvature(const char* function, const Plan& plan, const Batch& batch) {
    need_loss(function, plan, batch);
    if (plan.own_loss && !batch.loss.curvature) {
        refuse(function, ": needs the second derivatives of the loss; pass d2loss to with_loss");
    }
}

}  // namespace

Linearization Linearization::with_loss(const OutputLoss& loss) const {
    return Linearization(std::make_unique<Impl>(*impl_, loss));
}

void Linearization::outputs(MatrixView<double> y, std::optional<int> n_threads) {
    check_shape("outputs", y, n_outputs(), n_samples());
    compute_outputs(impl_->tape, y, n_threads);
}

double Linearization::performance(std::optional<int> n_threads) {
    need_targets("performance", impl_->batch);
    return compute_performance(impl_->tape, n_threads);
}

void Linearization::gradient(VectorView<double> g, std::optional<int> n_threads) {
    need_loss("gradient", impl_->plan, impl_->batch);
    check_size("gradient", g, n_parameters());
    compute_gradient(impl_->tape, g, n_threads);
}

void Linearization::gradients(MatrixView<double> g, std::optional<int> n_threads) {
    need_loss("gradients", impl_->plan, impl_->batch);
    check_shape("gradients", g, n_parameters(), n_samples());
    compute_gradients(impl_->tape, g, n_threads);
}

void Linearization::jacobian(MatrixView<double> j, std::optional<int> n_threads) {
    check_shape("jacobian", j, n_parameters(), n_outputs() * n_samples());
    compute_jacobian(impl_->tape, JacobianScale::outputs, j, n_threads);
}

void Linearization::de_dwb(MatrixView<double> j, std::optional<int> n_threads) {
    need_targets("de_dwb", impl_->batch);
    check_shape("de_dwb", j, n_parameters(), n_outputs() * n_samples());
    compute_jacobian(impl_->tape, JacobianScale::errors, j, n_threads);
}

void Linearization::input_jacobian(double* data, const index_t strides[3],
                                   std::optional<int> n_threads) {
    compute_input_jacobian(impl_->tape, data, strides, n_threads);
}

void Linearization::gram(MatrixView<double> g, std::optional<int> n_threads) {
    const index_t columns = n_outputs() * n_samples();
    check_shape("gram", g, columns, columns);
    compute_gram(impl_->tape, g, n_threads);
}

double Linearization::normal_equations(MatrixView<double> jj, VectorView<double> je,
                                       std::optional<int> n_threads) {
    need_targets("normal_equations", impl_->batch);
    check_shape("normal_equations", jj, n_parameters(), n_parameters());
    check_size("normal_equations", je, n_parameters());
    return compute_normal_equations(impl_->plan, impl_->batch, jj, je, n_threads);
}

void Linearization::hessian(MatrixView<double> h, Curvature kind, std::optional<int> n_threads) {
    need_curvature("hessian", impl_->plan, impl_->batch);
    check_shape("hessian", h, n_parameters(), n_parameters());
    compute_hessian(impl_->plan, impl_->batch, kind, h, n_threads);
}

void Linearization::hessian_diagonal(VectorView<double> d, Curvature kind,
                                     std::optional<int> n_threads) {
    need_curvature("hessian_diagonal", impl_->plan, impl_->batch);
    check_size("hessian_diagonal", d, n_parameters());
    Workspace work;
    double* own = work.doubles(n_parameters());
    compute_hessian_diagonal(impl_->plan, impl_->batch, kind, own, n_threads);
    for (index_t i = 0; i < d.size; ++i) d[i] = own[i];
}

double Linearization::hessian_trace(Curvature kind, std::optional<int> n_threads) {
    need_curvature("hessian_trace", impl_->plan, impl_->batch);
    Workspace work;
    double* own = work.doubles(n_parameters());
    compute_hessian_diagonal(impl_->plan, impl_->batch, kind, own, n_threads);
    return std::accumulate(own, own + n_parameters(), 0.0);
}

void Linearization::hessian_block(const std::vector<index_t>& rows,
                                  const std::vector<index_t>& cols, MatrixView<double> h,
                                  Curvature kind, std::optional<int> n_threads) {
    need_curvature("hessian_block", impl_->plan, impl_->batch);
    check_shape("hessian_block", h, static_cast<index_t>(rows.size()),
                static_cast<index_t>(cols.size()));
    compute_hessian_block(impl_->plan, impl_->batch, kind, rows, cols, h, n_threads);
}

void Linearization::hessian_layers(const std::vector<MatrixView<double>>& h, Curvature kind,
                                   std::optional<int> n_threads) {
    need_curvature("hessian_layers", impl_->plan, impl_->batch);
    const std::vector<PlanLayer>& layers = impl_->plan.layers;
    if (h.size() != layers.size()) {
        refuse("hessian_layers: got ", h.size(), " matrices, expected one for each of ",
               layers.size(), " layers");
    }
    for (std::size_t l = 0; l < h.size(); ++l) {
        check_shape("hessian_layers", h[l], layers[l].size(), layers[l].size());
    }
    compute_hessian_layers(impl_->plan, impl_->batch, kind, h, n_threads);
}

void Linearization::hessian_packed(VectorView<double> h, Curvature kind,
                                   std::optional<int> n_threads) {
    need_curvature("hessian_packed", impl_->plan, impl_->batch);
    check_size("hessian_packed", h, n_parameters() * (n_parameters() + 1) / 2);
    compute_hessian_packed(impl_->plan, impl_->batch, kind, h, n_threads);
}

void Linearization::hessians(double* data, const index_t strides[3], Curvature kind,
                             std::optional<int> n_threads) {
    need_curvature("hessians", impl_->plan, impl_->batch);
    compute_hessians(impl_->plan, impl_->batch, kind, data, strides, n_threads);
}

void Linearization::fisher(MatrixView<double> f, Fisher kind, std::optional<int> n_threads) {
    const char* function = kind == Fisher::expected ? "fisher" : "empirical_fisher";
    need_loss(function, impl_->plan, impl_->batch);
    check_shape(function, f, n_parameters(), n_parameters());
    compute_fisher(impl_->plan, impl_->batch, kind, f, n_threads);
}

void Linearization::fisher_diagonal(VectorView<double> d, Fisher kind,
                                    std::optional<int> n_threads) {
    const char* function = kind == Fisher::expected ? "fisher" : "empirical_fisher";
    need_loss(function, impl_->plan, impl_->batch);
    check_size(function, d, n_parameters());
    Workspace work;
    double* own = work.doubles(n_parameters());
    compute_fisher_diagonal(impl_->plan, impl_->batch, kind, own, n_threads);
    for (index_t i = 0; i < d.size; ++i) d[i] = own[i];
}

}  // namespace jacnet
