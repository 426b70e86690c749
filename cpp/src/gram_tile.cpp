#include "gram_tile.hpp"

#include <algorithm>
#include <type_traits>

namespace jacnet::gram {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

}  // namespace

void Tile::product(index_t features, index_t height, const double* left, index_t width,
                   const double* right, double* out) const {
    const Kernels& kernels = kernel_table();
    for (index_t j = 0; j < width; ++j) column_offsets_[j] = j * height;
    kernels.contract(features, height, left, kernels.panel_rows * features, row_offsets_, width,
                     right, column_offsets_, height, out, false);
}

/// values (+)= u.u' times d.d', which is in spare_.
void Tile::add_sensitivities(bool first) {
    const Kernels& kernels = kernel_table();
    const index_t outputs = shape_.outputs;
    for (index_t q = 0; q < n_other_; ++q) {
        const double* column = sources_ + q * n_;
        if (outputs > 1) {
            for (index_t z = 0; z < n_; ++z) std::fill_n(spread_ + z * outputs, outputs, column[z]);
            column = spread_;
        }
        for (index_t m = 0; m < outputs; ++m) {
            const index_t shift = (q * outputs + m) * rows;
            kernels.multiply(rows, column, spare_ + shift, values + shift, !first);
        }
    }
}

/// The part of a layer whose d are constants: only equal outputs meet.
void Tile::add_diagonal(index_t l) {
    const PlanOutput& output = shape_.plan.outputs[at(shape_.plan.layers[at(l)].output)];
    if (shape_.form == GramForm::traced) {
        double sum = 0.0;
        for (index_t i = 0; i < output.rows; ++i) sum += output.linear(i, i) * output.linear(i, i);
        kernel_table().scale(rows * columns, sources_, sum, values, true);
        return;
    }
    for (index_t q = 0; q < n_other_; ++q) {
        for (index_t z = 0; z < n_; ++z) {
            for (index_t i = 0; i < output.rows; ++i) {
                const double gain = output.linear(i, i);
                const index_t m = output.first_row + i;
                values[z * shape_.outputs + m + (q * shape_.outputs + m) * rows] +=
                    sources_[z + q * n_] * (gain * gain);
            }
        }
    }
}

/// A scaled layer, for every pair of outputs m <= m': the sum over its neurons of c_m c_m' f' f' is
/// symmetric in the outputs, which halves the products. `left` and `right` hold f'.
void Tile::add_scaled(index_t l, const double* left, const double* right) {
    const Kernels& kernels = kernel_table();
    const index_t h = shape_.features(l), outputs = shape_.outputs, panel = kernels.panel_rows;
    Workspace work;
    double* factors = work.doubles(h * panel);
    double* own = work.doubles(h * round_up(n_, panel));
    for (index_t m = 0; m < outputs; ++m) {
        for (index_t other = m; other < outputs; ++other) {
            const double *one = shape_.factors(l, m), *two = shape_.factors(l, other);
            for (index_t i = 0; i < h; ++i)
                std::fill_n(factors + i * panel, panel, one[i] * two[i]);
            for (index_t r = 0; r < n_; r += panel) {
                kernels.multiply(h * panel, left + r * h, factors, own + r * h, false);
            }
            product(h, n_, own, n_other_, right, spare_);
            kernels.multiply(n_ * n_other_, spare_, sources_, spare_, false);
            for (index_t q = 0; q < n_other_; ++q) {
                double* upper = values + m + (q * outputs + other) * rows;
                double* lower = values + other + (q * outputs + m) * rows;
                for (index_t z = 0; z < n_; ++z) {
                    const double value = spare_[z + q * n_];
                    upper[z * outputs] += value;
                    if (m != other) lower[z * outputs] += value;
                }
            }
        }
    }
}

void Tile::fill(const Operands& left, index_t a, const Operands& right, index_t b) {
    const Plan& plan = shape_.plan;
    bool first = true;
    // Where one value goes to one place, the first layer sets what the others add to.
    for (const bool sets : {true, false}) {
        if (!sets && first) std::fill_n(values, rows * columns, 0.0);
        for (index_t l = 0; l < plan.n_layers(); ++l) {
            const Kind kind = shape_.kind(l);
            const bool whole =
                kind == Kind::general || (kind == Kind::scaled && shape_.outputs == 1);
            const index_t k = plan.layers[at(l)].k;
            if (whole != sets || k == 0) continue;
            product(k, n_, left.u[at(l)] + a * left.u_size[at(l)], n_other_,
                    right.u[at(l)] + b * right.u_size[at(l)], sources_);
            const double* d = left.d[at(l)] + a * left.d_size[at(l)];
            const double* other = right.d[at(l)] + b * right.d_size[at(l)];
            if (kind == Kind::diagonal) {
                add_diagonal(l);
            } else if (!whole) {
                add_scaled(l, d, other);
            } else {
                product(shape_.features(l), rows, d, columns, other, spare_);
                add_sensitivities(first);
                first = false;
            }
        }
    }
}

void Tile::mirror() {
    for (index_t j = 0; j < columns; ++j) {
        for (index_t i = 0; i < j; ++i) values[j + i * rows] = values[i + j * rows];
    }
}

template <class Real>
void Tile::put(const MatrixView<Real>& to, bool stream) {
    const Kernels& kernels = kernel_table();
    const auto column = [&](const double* from, index_t n, Real* target) {
        if constexpr (std::is_same_v<Real, float>) {
            float_kernel_table().round(n, from, target, stream);
        } else {
            kernels.copy(n, from, target, stream);
        }
    };
    if (to.row_stride == 1) {
        for (index_t j = 0; j < columns; ++j) {
            column(values + j * rows, rows, to.data + j * to.col_stride);
        }
    } else if (to.col_stride == 1) {
        constexpr index_t strip = 4 * lanes;
        Workspace work;
        Factor* runs = work.array<Factor>(columns);
        double* turned = work.doubles(strip * columns);
        for (index_t i = 0; i < rows; i += strip) {
            const index_t n = std::min(strip, rows - i);
            for (index_t j = 0; j < columns; ++j) runs[j] = {values + j * rows + i, nullptr};
            kernels.columns_by_lanes(n, columns, runs, turned, columns);
            for (index_t r = 0; r < n; ++r) {
                column(turned + r * columns, columns, to.data + (i + r) * to.row_stride);
            }
        }
    } else {
        for (index_t j = 0; j < columns; ++j) {
            for (index_t i = 0; i < rows; ++i) to(i, j) = static_cast<Real>(values[i + j * rows]);
        }
    }
}

template void Tile::put(const MatrixView<double>&, bool);
template void Tile::put(const MatrixView<float>&, bool);

}  // namespace jacnet::gram
