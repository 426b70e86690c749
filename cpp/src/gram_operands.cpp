#include "gram_operands.hpp"

#include <cmath>

namespace jacnet::gram {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

Shape::Shape(const Plan& plan_, GramForm form_, index_t panel)
    : plan(plan_), form(form_), kinds_(plan.layers.size(), Kind::general) {
    outputs = form == GramForm::full ? plan.n_outputs : 1;
    for (std::size_t l = 0; l < plan.layers.size(); ++l) {
        const PlanLayer& layer = plan.layers[l];
        if (layer.transfer == Transfer::purelin && layer.successors.empty() && layer.output >= 0 &&
            plan.outputs[at(layer.output)].linear.diagonal) {
            kinds_[l] = Kind::diagonal;
        }
    }
    constexpr index_t most_outputs = 12;  // of which 16 samples, a panel, make a tile
    find_scaled(outputs <= most_outputs);
    choose_chunk(std::max(panel, index_t{16}));
}

void Shape::find_scaled(bool wanted) {
    factors_.resize(plan.layers.size());
    for (std::size_t l = 0; wanted && l < plan.layers.size(); ++l) {
        const PlanLayer& layer = plan.layers[l];
        const auto linear = [&](const Successor& s) { return kind(s.layer) == Kind::diagonal; };
        if (layer.matrix_slope || layer.output >= 0 || layer.successors.empty() ||
            !std::all_of(layer.successors.begin(), layer.successors.end(), linear)) {
            continue;
        }
        kinds_[l] = Kind::scaled;
        factors_[l].assign(at(plan.n_outputs * layer.h), 0.0);
        for (const Successor& s : layer.successors) {
            const PlanOutput& output = plan.outputs[at(plan.layers[at(s.layer)].output)];
            for (index_t i = 0; i < layer.h; ++i) {
                for (index_t m = 0; m < output.rows; ++m) {
                    factors_[l][at((output.first_row + m) * layer.h + i)] =
                        output.linear(m, m) * plan.weights(s)[m + i * output.rows];
                }
            }
        }
    }
}

/// Two tiles and their operands fit into 1 MiB; of scaled layers alone one tile and whole panels.
void Shape::choose_chunk(index_t panel) {
    const index_t rows = has(Kind::general) || outputs == 1 ? 192 : 330;
    chunk = std::clamp(rows / std::max(outputs, index_t{1}), index_t{1}, index_t{96});
    if (has(Kind::scaled) && outputs > 1) chunk = std::max(chunk / panel * panel, panel);
}

double Shape::norm(index_t l, index_t i) const {
    double sum = 0.0;
    for (index_t m = 0; m < plan.n_outputs; ++m) sum += factors(l, m)[i] * factors(l, m)[i];
    return std::sqrt(sum);
}

template <class Real>
Side<Real>::Side(const Shape& shape, Tape& tape, int n_threads, Workspace& work)
    : shape_(shape), count_(tape.batch().size()) {
    for (index_t l = 0; l < shape.plan.n_layers(); ++l) {
        u_.push_back(work.array<Real>(count_ * shape.plan.layers[at(l)].k));
        d_.push_back(work.array<Real>(count_ * shape.features(l) * shape.rows(l)));
    }
    const Needs needs{
        .order = Order::slope, .sensitivities = shape.has(Kind::general), .outputs = false};
    tape.for_each_block(needs, n_threads, [&](index_t, const Block& block) { copy(block); });
}

template <class Real>
double Side<Real>::bytes(const Shape& shape, index_t samples, std::initializer_list<Role> roles) {
    double sum = 0.0;
    for (index_t l = 0; l < shape.plan.n_layers(); ++l) {
        const index_t k = shape.plan.layers[at(l)].k;
        const index_t features = shape.features(l), rows = shape.rows(l);
        sum += static_cast<double>(samples) * static_cast<double>(k + features * rows);
        for (const Role role : roles) {
            sum += static_cast<double>(shape.n_chunks(samples)) *
                   static_cast<double>(packed_size(role, k, shape.chunk) +
                                       packed_size(role, features, shape.chunk * rows));
        }
    }
    return sizeof(Real) * sum;
}

template <class Real>
void Side<Real>::copy(const Block& block) {
    for (index_t l = 0; l < shape_.plan.n_layers(); ++l) {
        for (index_t c = 0; c < shape_.plan.layers[at(l)].k; ++c) {
            const double* from = block.layers[l].u + c * block.n;
            Real* to = u_[at(l)] + c * count_ + block.first;
            for (index_t z = 0; z < block.count; ++z) to[z] = static_cast<Real>(from[z]);
        }
        copy_sensitivities(block, l);
    }
}

template <class Real>
void Side<Real>::copy_sensitivities(const Block& block, index_t l) {
    const LayerTape& from = block.layers[l];
    const index_t outputs = shape_.outputs, features = shape_.features(l);
    if (shape_.kind(l) == Kind::scaled) {
        for (index_t i = 0; i < features; ++i) {
            const double norm = outputs > 1 ? 1.0 : shape_.norm(l, i);
            const double* slope = from.d1 + i * block.n;
            Real* to = d_[at(l)] + i * count_ + block.first;
            for (index_t z = 0; z < block.count; ++z) to[z] = static_cast<Real>(norm * slope[z]);
        }
        return;
    }
    for (index_t i = 0; i < features; ++i) {
        Real* to = d_[at(l)] + (i * count_ + block.first) * outputs;
        for (index_t m = 0; m < outputs; ++m) {
            const double* run = from.d + (i + m * features) * block.n;
            for (index_t z = 0; z < block.count; ++z) {
                to[z * outputs + m] = static_cast<Real>(run[z]);
            }
        }
    }
}

template <class Real>
index_t Side<Real>::packed_size(Role role, index_t features, index_t rows) {
    return role == Role::left ? features * round_up(rows, kernels_of<Real>().panel_rows)
                              : round_up(features * rows + 16, lanes);
}

template <class Real>
Operands<Real> Side<Real>::packed(Role role, int n_threads, Workspace& work) const {
    const auto& kernels = kernels_of<Real>();
    const index_t n_layers = shape_.plan.n_layers();
    Operands<Real> to;
    for (index_t l = 0; l < n_layers; ++l) {
        const index_t k = shape_.plan.layers[at(l)].k;
        to.u_size.push_back(packed_size(role, k, shape_.chunk));
        to.d_size.push_back(packed_size(role, shape_.features(l), shape_.chunk * shape_.rows(l)));
        to.u.push_back(work.array<Real>(to.u_size[at(l)] * n_chunks()));
        to.d.push_back(work.array<Real>(to.d_size[at(l)] * n_chunks()));
    }
    const auto pack = [&](index_t features, index_t rows, const Real* a, index_t ld, Real* out) {
        if (role == Role::left) {
            kernels.pack_rows(features, rows, a, ld, out);
        } else {
            kernels.pack_columns(features, rows, Real{1}, a, ld, out);
        }
    };
    parallel_for(n_layers * n_chunks(), n_threads, [&](index_t task) {
        const index_t l = task / n_chunks(), m = shape_.rows(l);
        const index_t c = task % n_chunks(), first = c * shape_.chunk, rows = samples(c);
        pack(shape_.plan.layers[at(l)].k, rows, u_[at(l)] + first, count_,
             to.u[at(l)] + c * to.u_size[at(l)]);
        pack(shape_.features(l), rows * m, d_[at(l)] + first * m, count_ * m,
             to.d[at(l)] + c * to.d_size[at(l)]);
    });
    return to;
}

template class Side<double>;
template class Side<float>;

}  // namespace jacnet::gram
