/// Jacobian of the outputs with respect to the inputs: one more step back, to layer zero, or, where
/// there are fewer inputs than outputs, one more step forward.

#include "jacnet/input_derivatives.hpp"

#include <algorithm>

#include "errors.hpp"
#include "input_passes.hpp"
#include "output_map.hpp"
#include "questions.hpp"
#include "single_sample.hpp"

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// dy_m/dx of one block for every m: out(m) is n x R.
template <class Put>
void backward_mode(const Plan& plan, const InputWeights& weights, const Block& block, Put&& put) {
    Workspace work;
    const Adjoint adjoint = reserve_adjoint(plan, block.n, work);
    double* dx = work.doubles(block.n * plan.n_inputs);
    for (index_t m = 0; m < plan.n_outputs; ++m) {
        adjoint_of_output(plan, block, m, adjoint);
        back_to_inputs(plan, weights, block.n, adjoint.d, dx);
        put(m, dx);
    }
}

template <class Put>
void forward_mode(const Plan& plan, const InputWeights& weights, const Bends& every,
                  const Block& block, Put&& put) {
    Workspace work;
    const index_t n = block.n, count = plan.n_inputs;
    const Tangents moves = carry_units(plan, weights, every, block, work);
    double* dx = work.doubles(n * count);
    for (const PlanOutput& output : plan.outputs) {
        const index_t h = plan.layers[at(output.layer)].h;
        for (index_t i = 0; i < output.rows; ++i) {
            std::fill_n(dx, n * count, 0.0);
            for (index_t r = 0; r < count; ++r) {
                add_output_row(output, i, n, moves.a[output.layer] + r * h * n, dx + r * n);
            }
            put(output.first_row + i, dx);
        }
    }
}

/// Whether R directions forward are less work than M sensitivities back, and fit into caches that a
/// block of so many samples leaves to them.
bool forward_is_cheaper(const Plan& plan, const Bends& every, index_t block_samples) {
    constexpr double most = 4194304.0;  // doubles
    if (unit_doubles(plan, every) * static_cast<double>(block_samples) > most) return false;
    double between = 0.0, to_inputs = 0.0;
    for (const PlanLayer& layer : plan.layers) {
        for (const Feed& feed : layer.feeds) {
            const auto size = static_cast<double>(layer.h * feed.width);
            if (feed.kind == SourceKind::layer) between += size;
            if (feed.kind == SourceKind::input) to_inputs += size;
        }
    }
    return static_cast<double>(plan.n_inputs) * between <
           static_cast<double>(plan.n_outputs) * (between + to_inputs);
}

void one_sample(const Plan& plan, const Batch& batch, double* data, const index_t strides[3]) {
    Workspace work;
    auto* x = work.array<VectorView<const double>>(static_cast<index_t>(plan.inputs.size()));
    const index_t q = batch.column(0);
    for (std::size_t j = 0; j < plan.inputs.size(); ++j) {
        const auto& input = batch.x[j];
        x[j] = {input.data + q * input.col_stride, input.rows, input.row_stride};
    }
    differentiate_sample(plan, x, nullptr, data, strides[1], strides[2]);
}

}  // namespace

void put_by_sample(index_t count, index_t n_runs, const Factor* runs, double* out,
                   index_t sample_stride, index_t stride) {
    if (stride == 1 && sample_stride >= n_runs) {
        kernel_table().columns_by_lanes(count, n_runs, runs, out, sample_stride);
        return;
    }
    for (index_t i = 0; i < n_runs; ++i) {
        for (index_t z = 0; z < count; ++z) out[z * sample_stride + i * stride] = runs[i].x[z];
    }
}

void compute_input_jacobian(Tape& tape, double* data, const index_t strides[3],
                            std::optional<int> n_threads) {
    const Plan& plan = tape.plan();
    if (tape.batch().size() == 1) return one_sample(plan, tape.batch(), data, strides);
    const Bends every{std::vector<char>(plan.layers.size(), 1),
                      std::vector<char>(plan.layers.size(), 1)};
    const bool ahead = forward_is_cheaper(plan, every, tape.block_samples());
    const index_t passes = ahead ? plan.n_inputs : plan.n_outputs;
    const double flops =
        plan.forward_flops * static_cast<double>(tape.batch().size() * (passes + 1));
    Workspace shared;
    const InputWeights weights(plan, shared);
    const Needs needs{.order = Order::slope, .outputs = false};
    tape.for_each_block(needs, threads_for(flops, n_threads), [&](index_t, const Block& block) {
        Workspace work;
        Factor* runs = work.array<Factor>(plan.n_inputs);
        const auto put = [&](index_t m, const double* dx) {
            for (index_t r = 0; r < plan.n_inputs; ++r) runs[r] = {dx + r * block.n, nullptr};
            put_by_sample(block.count, plan.n_inputs, runs,
                          data + block.first * strides[0] + m * strides[1], strides[0], strides[2]);
        };
        if (ahead) {
            forward_mode(plan, weights, every, block, put);
        } else {
            backward_mode(plan, weights, block, put);
        }
    });
}

struct InputDerivatives::Impl {
    explicit Impl(const Network& net) : plan(net, "InputDerivatives", Parameters::copied) {
        x.resize(plan.inputs.size());
    }
    Plan plan;
    std::vector<VectorView<const double>> x;
};

InputDerivatives::InputDerivatives(const Network& net) : impl_(std::make_unique<Impl>(net)) {}
InputDerivatives::~InputDerivatives() = default;
InputDerivatives::InputDerivatives(InputDerivatives&&) noexcept = default;
InputDerivatives& InputDerivatives::operator=(InputDerivatives&&) noexcept = default;

index_t InputDerivatives::n_inputs() const { return impl_->plan.n_inputs; }
index_t InputDerivatives::n_outputs() const { return impl_->plan.n_outputs; }

void InputDerivatives::evaluate(const double* x, double* y, double* dy_dx) {
    for (std::size_t j = 0; j < impl_->x.size(); ++j) {
        const index_t rows = impl_->plan.inputs[j].size;
        impl_->x[j] = {x, rows};
        x += rows;
    }
    differentiate_sample(impl_->plan, impl_->x.data(), y, dy_dx, impl_->plan.n_inputs, 1);
}

}  // namespace jacnet
