#include "gram_tile.hpp"

#include <algorithm>

namespace jacnet::gram {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

template <class Real>
Tile<Real>::Tile(const Shape& shape, index_t samples, index_t other_samples, Workspace& work)
    : shape_(shape),
      n_(samples),
      n_other_(other_samples),
      rows_(samples * shape.outputs),
      columns_(other_samples * shape.outputs),
      values_(work.array<Real>(rows_ * columns_)),
      spare_(work.array<Real>(rows_ * columns_)),
      sources_(work.array<Real>(n_ * n_other_)),
      spread_(work.array<Real>(rows_)),
      row_offsets_(work.array<index_t>(rows_)),
      column_offsets_(work.array<index_t>(columns_)) {
    for (index_t i = 0; i < rows_; ++i) row_offsets_[i] = i;
}

template <class Real>
double Tile<Real>::bytes(const Shape& shape) {
    const double samples = static_cast<double>(shape.chunk);
    const double rows = samples * static_cast<double>(shape.outputs);
    return sizeof(Real) * (2.0 * rows * rows + samples * samples);
}

template <class Real>
void Tile<Real>::product(index_t features, index_t height, const Real* left, index_t width,
                         const Real* right, Real* out) const {
    const auto& kernels = kernels_of<Real>();
    for (index_t j = 0; j < width; ++j) column_offsets_[j] = j * height;
    kernels.contract(features, height, left, kernels.panel_rows * features, row_offsets_, width,
                     right, column_offsets_, height, out, false);
}

/// values (+)= u.u' times d.d', which is in spare_.
template <class Real>
void Tile<Real>::add_sensitivities(bool first) {
    const auto& kernels = kernels_of<Real>();
    const index_t outputs = shape_.outputs;
    for (index_t q = 0; q < n_other_; ++q) {
        const Real* column = sources_ + q * n_;
        if (outputs > 1) {
            for (index_t z = 0; z < n_; ++z) std::fill_n(spread_ + z * outputs, outputs, column[z]);
            column = spread_;
        }
        for (index_t m = 0; m < outputs; ++m) {
            const index_t shift = (q * outputs + m) * rows_;
            kernels.multiply(rows_, column, spare_ + shift, values_ + shift, !first);
        }
    }
}

/// The part of a layer whose d are constants: only equal outputs meet.
template <class Real>
void Tile<Real>::add_diagonal(index_t l) {
    const PlanOutput& output = shape_.plan.outputs[at(shape_.plan.layers[at(l)].output)];
    if (shape_.form == GramForm::traced) {
        double sum = 0.0;
        for (index_t i = 0; i < output.rows; ++i) sum += output.linear(i, i) * output.linear(i, i);
        kernels_of<Real>().scale(rows_ * columns_, sources_, static_cast<Real>(sum), values_, true);
        return;
    }
    for (index_t q = 0; q < n_other_; ++q) {
        for (index_t z = 0; z < n_; ++z) {
            for (index_t i = 0; i < output.rows; ++i) {
                const double gain = output.linear(i, i);
                const index_t m = output.first_row + i;
                values_[z * shape_.outputs + m + (q * shape_.outputs + m) * rows_] +=
                    sources_[z + q * n_] * static_cast<Real>(gain * gain);
            }
        }
    }
}

/// A scaled layer, for every pair of outputs m <= m': the sum over its neurons of c_m c_m' f' f' is
/// symmetric in the outputs, which halves the products. `left` and `right` hold f'.
template <class Real>
void Tile<Real>::add_scaled(index_t l, const Real* left, const Real* right) {
    const auto& kernels = kernels_of<Real>();
    const index_t h = shape_.features(l), outputs = shape_.outputs, panel = kernels.panel_rows;
    Workspace work;
    Real* factors = work.array<Real>(h * panel);
    Real* own = work.array<Real>(h * round_up(n_, panel));
    for (index_t m = 0; m < outputs; ++m) {
        for (index_t other = m; other < outputs; ++other) {
            const double *one = shape_.factors(l, m), *two = shape_.factors(l, other);
            for (index_t i = 0; i < h; ++i) {
                std::fill_n(factors + i * panel, panel, static_cast<Real>(one[i] * two[i]));
            }
            for (index_t r = 0; r < n_; r += panel) {
                kernels.multiply(h * panel, left + r * h, factors, own + r * h, false);
            }
            product(h, n_, own, n_other_, right, spare_);
            kernels.multiply(n_ * n_other_, spare_, sources_, spare_, false);
            for (index_t q = 0; q < n_other_; ++q) {
                Real* upper = values_ + m + (q * outputs + other) * rows_;
                Real* lower = values_ + other + (q * outputs + m) * rows_;
                for (index_t z = 0; z < n_; ++z) {
                    const Real value = spare_[z + q * n_];
                    upper[z * outputs] += value;
                    if (m != other) lower[z * outputs] += value;
                }
            }
        }
    }
}

template <class Real>
void Tile<Real>::fill(const Operands<Real>& left, index_t a, const Operands<Real>& right,
                      index_t b) {
    const Plan& plan = shape_.plan;
    bool first = true;
    // Where one value goes to one place, the first layer sets what the others add to.
    for (const bool sets : {true, false}) {
        if (!sets && first) std::fill_n(values_, rows_ * columns_, Real{0});
        for (index_t l = 0; l < plan.n_layers(); ++l) {
            const Kind kind = shape_.kind(l);
            const bool whole =
                kind == Kind::general || (kind == Kind::scaled && shape_.outputs == 1);
            const index_t k = plan.layers[at(l)].k;
            if (whole != sets || k == 0) continue;
            product(k, n_, left.u[at(l)] + a * left.u_size[at(l)], n_other_,
                    right.u[at(l)] + b * right.u_size[at(l)], sources_);
            const Real* d = left.d[at(l)] + a * left.d_size[at(l)];
            const Real* other = right.d[at(l)] + b * right.d_size[at(l)];
            if (kind == Kind::diagonal) {
                add_diagonal(l);
            } else if (!whole) {
                add_scaled(l, d, other);
            } else {
                product(shape_.features(l), rows_, d, columns_, other, spare_);
                add_sensitivities(first);
                first = false;
            }
        }
    }
}

template <class Real>
void Tile<Real>::mirror() {
    for (index_t j = 0; j < columns_; ++j) {
        for (index_t i = 0; i < j; ++i) values_[j + i * rows_] = values_[i + j * rows_];
    }
}

template <class Real>
void Tile<Real>::put(const MatrixView<Real>& to, bool stream) const {
    const auto& kernels = kernels_of<Real>();
    if (to.row_stride == 1) {
        for (index_t j = 0; j < columns_; ++j) {
            kernels.copy(rows_, values_ + j * rows_, to.data + j * to.col_stride, stream);
        }
    } else if (to.col_stride == 1) {
        constexpr index_t strip = 4 * lanes;
        Workspace work;
        Real* turned = work.array<Real>(strip * columns_);
        for (index_t i = 0; i < rows_; i += strip) {
            const index_t n = std::min(strip, rows_ - i);
            kernels.transpose(n, columns_, values_ + i, rows_, turned, columns_);
            for (index_t r = 0; r < n; ++r) {
                kernels.copy(columns_, turned + r * columns_, to.data + (i + r) * to.row_stride,
                             stream);
            }
        }
    } else {
        for (index_t j = 0; j < columns_; ++j) {
            for (index_t i = 0; i < rows_; ++i) to(i, j) = values_[i + j * rows_];
        }
    }
}

template class Tile<double>;
template class Tile<float>;

}  // namespace jacnet::gram
