#include "jacnet/linearization.hpp"

#include <numeric>
#include <utility>

#include "arguments.hpp"
#include "questions.hpp"

namespace jacnet {

struct Linearization::Impl {
    Impl(const Network& net, Samples given, const char* function, Parameters parameters)
        : plan(net, function, parameters),
          samples(std::move(given)),
          batch(plan, samples, function),
          tape(plan, batch, parameters == Parameters::copied) {}
    /// Another loss on the same samples.
    Impl(const Impl& other, const OutputLoss& loss)
        : plan(other.plan, Plan::OwnLoss{}),
          samples{.x = other.samples.x, .t = {}, .ew = {}, .indices = other.samples.indices},
          batch(plan, samples, "with_loss", Batch::UnknownInputs::allowed),
          tape(plan, batch, true) {
        batch.take(loss, "with_loss");
    }
    Plan plan;
    Samples samples;
    Batch batch;
    Tape tape;
};

Linearization::Linearization(const Network& net, Samples samples, const char* caller,
                             Parameters parameters)
    : impl_(std::make_unique<Impl>(net, std::move(samples), caller, parameters)) {}
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

std::vector<index_t> input_rows(const Plan& plan) {
    std::vector<index_t> rows;
    for (const Input& input : plan.inputs) rows.push_back(input.size);
    return rows;
}

std::vector<index_t> output_rows(const Plan& plan) {
    std::vector<index_t> rows;
    for (const PlanOutput& output : plan.outputs) rows.push_back(output.rows);
    return rows;
}

}  // namespace

Linearization Linearization::with_loss(const OutputLoss& loss) const {
    return Linearization(std::make_unique<Impl>(*impl_, loss));
}

void Linearization::outputs(MatrixView<double> y, std::optional<int> n_threads) {
    check_out("outputs", y, n_outputs(), n_samples());
    compute_outputs(impl_->tape, y, n_threads);
}

double Linearization::performance(std::optional<int> n_threads) {
    need_targets("performance", impl_->batch);
    return compute_performance(impl_->tape, n_threads);
}

void Linearization::parameters(VectorView<double> wb) const {
    check_out("parameters", wb, n_parameters());
    for (index_t i = 0; i < wb.size; ++i) wb[i] = impl_->plan.wb()[i];
}

void Linearization::errors(MatrixView<double> e, std::optional<int> n_threads) {
    need_targets("errors", impl_->batch);
    check_out("errors", e, n_outputs(), n_samples());
    compute_errors(impl_->tape, e, n_threads);
}

void Linearization::error_scales(MatrixView<double> s) const {
    need_targets("error_scales", impl_->batch);
    check_out("error_scales", s, n_outputs(), n_samples());
    compute_error_scales(impl_->plan, impl_->batch, s);
}

void Linearization::gradient(VectorView<double> g, std::optional<int> n_threads) {
    need_loss("gradient", impl_->plan, impl_->batch);
    check_out("gradient", g, n_parameters());
    compute_gradient(impl_->tape, g, n_threads);
}

void Linearization::gradients(MatrixView<double> g, std::optional<int> n_threads) {
    need_loss("gradients", impl_->plan, impl_->batch);
    check_out("gradients", g, n_parameters(), n_samples());
    compute_gradients(impl_->tape, g, n_threads);
}

void Linearization::jacobian(MatrixView<double> j, std::optional<int> n_threads) {
    need_inputs("jacobian", impl_->batch);
    check_out("jacobian", j, n_parameters(), n_outputs() * n_samples());
    compute_jacobian(impl_->tape, JacobianScale::outputs, j, n_threads);
}

void Linearization::jacobian(MatrixView<float> j, std::optional<int> n_threads) {
    need_inputs("jacobian", impl_->batch);
    check_out("jacobian", j, n_parameters(), n_outputs() * n_samples());
    compute_jacobian(impl_->tape, JacobianScale::outputs, j, n_threads);
}

void Linearization::de_dwb(MatrixView<double> j, std::optional<int> n_threads) {
    need_targets("de_dwb", impl_->batch);
    check_out("de_dwb", j, n_parameters(), n_outputs() * n_samples());
    compute_jacobian(impl_->tape, JacobianScale::errors, j, n_threads);
}

void Linearization::de_dwb(MatrixView<float> j, std::optional<int> n_threads) {
    need_targets("de_dwb", impl_->batch);
    check_out("de_dwb", j, n_parameters(), n_outputs() * n_samples());
    compute_jacobian(impl_->tape, JacobianScale::errors, j, n_threads);
}

void Linearization::input_jacobian(double* data, const index_t strides[3],
                                   std::optional<int> n_threads) {
    need_inputs("jacobian", impl_->batch);
    compute_input_jacobian(impl_->tape, data, strides, n_threads);
}

void Linearization::input_hessian(double* data, const index_t strides[4],
                                  std::optional<int> n_threads) {
    need_inputs("input_hessian", impl_->batch);
    compute_input_hessian(impl_->plan, impl_->batch, data, strides, n_threads);
}

void Linearization::laplacian(MatrixView<double> l, std::optional<int> n_threads) {
    need_inputs("laplacian", impl_->batch);
    check_out("laplacian", l, n_samples(), n_outputs());
    compute_laplacian(impl_->plan, impl_->batch, l, n_threads);
}

void Linearization::input_jvp(const std::vector<MatrixView<const double>>& v,
                              MatrixView<double> out, std::optional<int> n_threads) {
    check_directions("input_jvp", "v", v, input_rows(impl_->plan), n_samples());
    need_inputs("input_jvp", impl_->batch);
    check_out("input_jvp", out, n_outputs(), n_samples());
    compute_input_jvp(impl_->tape, v, out, n_threads);
}

void Linearization::input_vjp(const std::vector<MatrixView<const double>>& u,
                              MatrixView<double> out, std::optional<int> n_threads) {
    check_directions("input_vjp", "u", u, output_rows(impl_->plan), n_samples());
    need_inputs("input_vjp", impl_->batch);
    check_out("input_vjp", out, n_inputs(), n_samples());
    compute_input_vjp(impl_->tape, u, out, n_threads);
}

void Linearization::input_hvp(const std::vector<MatrixView<const double>>& u,
                              const std::vector<MatrixView<const double>>& v,
                              MatrixView<double> out, std::optional<int> n_threads) {
    check_directions("input_hvp", "u", u, output_rows(impl_->plan), n_samples());
    check_directions("input_hvp", "v", v, input_rows(impl_->plan), n_samples());
    need_inputs("input_hvp", impl_->batch);
    check_out("input_hvp", out, n_inputs(), n_samples());
    compute_input_hvp(impl_->plan, impl_->batch, u, v, out, n_threads);
}

void Linearization::gram(MatrixView<double> g, std::optional<int> n_threads, GramForm form) {
    const index_t size = n_samples() * (form == GramForm::full ? n_outputs() : 1);
    need_inputs("gram", impl_->batch);
    check_out("gram", g, size, size);
    compute_gram(impl_->tape, g, n_threads, form);
}

void Linearization::gram(MatrixView<float> g, std::optional<int> n_threads, GramForm form) {
    const index_t size = n_samples() * (form == GramForm::full ? n_outputs() : 1);
    need_inputs("gram", impl_->batch);
    check_out("gram", g, size, size);
    compute_gram(impl_->tape, g, n_threads, form);
}

void Linearization::jvp(MatrixView<const double> v, double* data, const index_t strides[3],
                        std::optional<int> n_threads) {
    need_inputs("jvp", impl_->batch);
    check_directions("jvp", v, n_parameters());
    const OutputVectors<double> out{data, {strides[0], strides[1], strides[2]}, v.cols};
    compute_jvp(impl_->tape, v, out, n_threads);
}

void Linearization::vjp(const double* data, const index_t strides[3], MatrixView<double> out,
                        std::optional<int> n_threads) {
    need_inputs("vjp", impl_->batch);
    check_out("vjp", out, n_parameters(), out.cols);
    const OutputVectors<const double> u{data, {strides[0], strides[1], strides[2]}, out.cols};
    check_vectors("vjp", u, n_outputs(), n_samples());
    compute_vjp(impl_->tape, u, out, n_threads);
}

void Linearization::hvp(MatrixView<const double> v, MatrixView<double> out,
                        std::optional<int> n_threads) {
    need_curvature("hvp", impl_->plan, impl_->batch);
    check_directions("hvp", v, n_parameters());
    check_out("hvp", out, n_parameters(), v.cols);
    compute_curvature_product(impl_->tape, Curvature::exact, v, out, n_threads);
}

void Linearization::ggnvp(MatrixView<const double> v, MatrixView<double> out,
                          std::optional<int> n_threads) {
    need_curvature("ggnvp", impl_->plan, impl_->batch);
    check_directions("ggnvp", v, n_parameters());
    check_out("ggnvp", out, n_parameters(), v.cols);
    compute_curvature_product(impl_->tape, Curvature::gauss_newton, v, out, n_threads);
}

double Linearization::normal_equations(MatrixView<double> jj, VectorView<double> je,
                                       std::optional<int> n_threads) {
    need_targets("normal_equations", impl_->batch);
    check_out("normal_equations", jj, n_parameters(), n_parameters());
    check_out("normal_equations", je, n_parameters());
    return compute_normal_equations(impl_->plan, impl_->batch, jj, je, n_threads);
}

double Linearization::normal_equations(MatrixView<float> jj, VectorView<float> je,
                                       std::optional<int> n_threads) {
    need_targets("normal_equations", impl_->batch);
    check_out("normal_equations", jj, n_parameters(), n_parameters());
    check_out("normal_equations", je, n_parameters());
    return compute_normal_equations(impl_->plan, impl_->batch, jj, je, n_threads);
}

void Linearization::hessian(MatrixView<double> h, Curvature kind, std::optional<int> n_threads) {
    need_curvature("hessian", impl_->plan, impl_->batch);
    check_out("hessian", h, n_parameters(), n_parameters());
    compute_hessian(impl_->plan, impl_->batch, kind, h, n_threads);
}

void Linearization::hessian(MatrixView<float> h, Curvature kind, std::optional<int> n_threads) {
    need_curvature("hessian", impl_->plan, impl_->batch);
    check_out("hessian", h, n_parameters(), n_parameters());
    compute_hessian(impl_->plan, impl_->batch, kind, h, n_threads);
}

void Linearization::hessian_diagonal(VectorView<double> d, Curvature kind,
                                     std::optional<int> n_threads) {
    need_curvature("hessian_diagonal", impl_->plan, impl_->batch);
    check_out("hessian_diagonal", d, n_parameters());
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
    check_out("hessian_block", h, static_cast<index_t>(rows.size()),
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
        check_out("hessian_layers", h[l], layers[l].size(), layers[l].size());
    }
    compute_hessian_layers(impl_->plan, impl_->batch, kind, h, n_threads);
}

void Linearization::hessian_packed(VectorView<double> h, Curvature kind,
                                   std::optional<int> n_threads) {
    need_curvature("hessian_packed", impl_->plan, impl_->batch);
    check_out("hessian_packed", h, n_parameters() * (n_parameters() + 1) / 2);
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
    check_out(function, f, n_parameters(), n_parameters());
    compute_fisher(impl_->plan, impl_->batch, kind, f, n_threads);
}

void Linearization::fisher_diagonal(VectorView<double> d, Fisher kind,
                                    std::optional<int> n_threads) {
    const char* function = kind == Fisher::expected ? "fisher" : "empirical_fisher";
    need_loss(function, impl_->plan, impl_->batch);
    check_out(function, d, n_parameters());
    Workspace work;
    double* own = work.doubles(n_parameters());
    compute_fisher_diagonal(impl_->plan, impl_->batch, kind, own, n_threads);
    for (index_t i = 0; i < d.size; ++i) d[i] = own[i];
}

}  // namespace jacnet
