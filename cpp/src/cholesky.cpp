#include "cholesky.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.hpp"
#include "parallel.hpp"
#include "workspace.hpp"

namespace jacnet {

namespace {

constexpr index_t small = 96;         // up to here, one block
constexpr index_t column_share = 96;  // of the trailing matrix; whole tiles of every kernel
constexpr index_t row_share = 192;    // of the columns below a diagonal block

/// Columns factored together: wide ones spare memory traffic, which tells in large matrices.
index_t block_width(index_t p) { return p < 2000 ? 64 : 128; }

/// The columns below a diagonal block, and their packed copy.
void solve_below(index_t below, index_t width, const double* diagonal, double* columns, index_t ld,
                 double* packed, int n_threads) {
    parallel_for((below + row_share - 1) / row_share, n_threads, [&](index_t task) {
        const index_t first = task * row_share, rows = std::min(row_share, below - first);
        kernel_table().solve_rows(rows, width, diagonal, ld, columns + first, ld);
        kernel_table().pack_rows(width, rows, columns + first, ld, packed + first * width);
    });
}

/// What lies right of the block and below: minus the product of its rows.
void update_trailing(index_t below, index_t width, const double* columns, double* trailing,
                     index_t ld, const double* packed, int n_threads) {
    parallel_for((below + column_share - 1) / column_share, n_threads, [&](index_t task) {
        const index_t first = task * column_share, n = std::min(column_share, below - first);
        Workspace work;
        index_t* rows = work.array<index_t>(below - first);
        for (index_t r = 0; r < below - first; ++r) rows[r] = first + r;
        index_t* targets = work.array<index_t>(n);
        for (index_t c = 0; c < n; ++c) targets[c] = (first + c) * ld;
        double* right = work.doubles(n * width + lanes);
        const Kernels& kernels = kernel_table();
        kernels.pack_columns(width, n, -1.0, columns + first, ld, right);
        kernels.contract(width, below - first, packed + first * width, kernels.panel_rows * width,
                         rows, n, right, targets, below, trailing, true);
    });
}

double norm1(index_t p, const double* a, double shift) {
    double largest = 0.0;
    for (index_t j = 0; j < p; ++j) {
        double sum = std::fabs(a[j * (p + 1)] + shift) - std::fabs(a[j * (p + 1)]);
        for (index_t i = 0; i < p; ++i) sum += std::fabs(a[i + j * p]);
        largest = std::max(largest, sum);
    }
    return largest;
}

/// Whether a + shift I, with this factor, can be told from a singular matrix. Its smallest
/// eigenvalue is at least the shift: most matrices need no estimate.
bool well_conditioned(index_t p, const double* a, double shift, const double* factor) {
    constexpr double epsilon = std::numeric_limits<double>::epsilon();
    const auto suffices = [&](double norm) {
        return shift >= norm * static_cast<double>(p) * epsilon;
    };
    double largest = 0.0;  // on the diagonal, and so anywhere: a has no negative eigenvalue
    for (index_t j = 0; j < p; ++j) largest = std::max(largest, std::fabs(a[j * (p + 1)]));
    if (suffices(static_cast<double>(p) * largest + shift)) return true;
    const double norm = norm1(p, a, shift);
    return suffices(norm) || reciprocal_condition(p, factor, p, norm) >= epsilon;
}

}  // namespace

bool cholesky(index_t p, double* a, index_t ld, int n_threads) {
    const Kernels& kernels = kernel_table();
    if (p <= small) return kernels.cholesky_block(p, a, ld);
    const index_t block = block_width(p);
    Workspace work;
    double* packed = work.doubles(round_up(p, row_share) * block);
    for (index_t first = 0; first < p; first += block) {
        const index_t width = std::min(block, p - first), next = first + width, below = p - next;
        double* diagonal = a + first * (ld + 1);
        if (!kernels.cholesky_block(width, diagonal, ld)) return false;
        if (below == 0) break;
        double* columns = a + next + first * ld;
        solve_below(below, width, diagonal, columns, ld, packed, n_threads);
        update_trailing(below, width, columns, a + next * (ld + 1), ld, packed, n_threads);
    }
    return true;
}

void solve_cholesky(index_t p, const double* factor, index_t ld, double* x) {
    kernel_table().solve_lower(p, factor, ld, x);
    kernel_table().solve_lower_transposed(p, factor, ld, x);
}

double reciprocal_condition(index_t p, const double* factor, index_t ld, double norm) {
    Workspace work;
    double* x = work.doubles(p);
    double* z = work.doubles(p);
    std::fill_n(x, p, 1.0 / static_cast<double>(p));
    double estimate = 0.0;
    for (int round = 0; round < 5; ++round) {
        std::copy_n(x, p, z);
        solve_cholesky(p, factor, ld, z);
        double sum = 0.0;
        for (index_t i = 0; i < p; ++i) sum += std::fabs(z[i]);
        if (!(sum > estimate)) break;
        estimate = sum;
        for (index_t i = 0; i < p; ++i) z[i] = z[i] < 0.0 ? -1.0 : 1.0;
        solve_cholesky(p, factor, ld, z);
        index_t largest = 0;
        double along = 0.0;
        for (index_t i = 0; i < p; ++i) {
            along += z[i] * x[i];
            if (std::fabs(z[i]) > std::fabs(z[largest])) largest = i;
        }
        if (std::fabs(z[largest]) <= along) break;
        std::fill_n(x, p, 0.0);
        x[largest] = 1.0;
    }
    return estimate > 0.0 ? 1.0 / (norm * estimate) : 0.0;
}

bool solve_shifted(index_t p, const double* a, double shift, const double* b, double* factor,
                   double* x, int n_threads) {
    if (p <= small) {
        std::copy_n(a, p * p, factor);
    } else {
        for (index_t j = 0; j < p; ++j) std::copy_n(a + j * (p + 1), p - j, factor + j * (p + 1));
    }
    for (index_t j = 0; j < p; ++j) factor[j * (p + 1)] += shift;
    if (!cholesky(p, factor, p, n_threads) || !well_conditioned(p, a, shift, factor)) return false;
    std::copy_n(b, p, x);
    solve_cholesky(p, factor, p, x);
    return true;
}

}  // namespace jacnet
