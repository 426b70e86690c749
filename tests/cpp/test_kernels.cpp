#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "check.hpp"
#include "cholesky.hpp"
#include "kernels/kernels.hpp"
#include "workspace.hpp"

using namespace jacnet;

namespace {

std::vector<double> numbers(index_t n, unsigned seed) {
    std::mt19937_64 source(seed);
    std::uniform_real_distribution<double> uniform(-1.0, 1.0);
    std::vector<double> values(static_cast<std::size_t>(n));
    for (double& v : values) v = uniform(source);
    return values;
}

/// Lanes: aligned memory for `features` runs of n doubles.
double* lanes_of(index_t n, index_t features, unsigned seed, Workspace& work) {
    double* out = work.doubles(n * features);
    const std::vector<double> values = numbers(n * features, seed);
    std::copy(values.begin(), values.end(), out);
    return out;
}

/// Products of lanes, in panels of every width, into scattered places.
void check_contraction(index_t n, index_t n_rows, index_t n_columns, bool scattered) {
    Workspace work;
    const Kernels& k = kernel_table();
    const double* x = lanes_of(n, n_rows, 1, work);
    const double* y = lanes_of(n, n_rows, 2, work);
    const double* z = lanes_of(n, n_columns, 3, work);
    std::vector<Factor> left, right;
    std::vector<index_t> rows, columns;
    for (index_t r = 0; r < n_rows; ++r) {
        left.push_back({x + r * n, r % 3 == 0 ? nullptr : y + r * n});
        rows.push_back(scattered ? 3 * r + r % 2 : r);
    }
    const index_t height = 3 * n_rows + 2;
    for (index_t c = 0; c < n_columns; ++c) {
        right.push_back({z + c * n, nullptr});
        columns.push_back(c * height);
    }
    const index_t padded = round_up(n_rows, k.panel_rows);
    double* packed_left = work.doubles(padded * n);
    double* packed_right = work.doubles(n_columns * n + 16);
    k.pack_left(n, n_rows, left.data(), packed_left, k.panel_rows * n);
    k.pack_right(n, n_columns, right.data(), packed_right);
    std::vector<double> h(static_cast<std::size_t>(height * n_columns), 7.0);
    for (const bool accumulate : {false, true}) {
        k.contract(n, n_rows, packed_left, k.panel_rows * n, rows.data(), n_columns, packed_right,
                   columns.data(), n_rows, h.data(), accumulate);
    }
    double worst = 0.0;
    std::vector<bool> touched(h.size(), false);
    for (index_t r = 0; r < n_rows; ++r) {
        for (index_t c = 0; c < n_columns; ++c) {
            double sum = 0.0;
            for (index_t s = 0; s < n; ++s) {
                sum += x[r * n + s] * (r % 3 == 0 ? 1.0 : y[r * n + s]) * z[c * n + s];
            }
            const auto at = static_cast<std::size_t>(rows[static_cast<std::size_t>(r)] +
                                                     columns[static_cast<std::size_t>(c)]);
            touched[at] = true;
            worst = std::max(worst, std::fabs(h[at] - 2.0 * sum));
        }
    }
    CHECK(worst < 1e-13 * static_cast<double>(n));
    for (std::size_t i = 0; i < h.size(); ++i) CHECK(touched[i] || h[i] == 7.0);

    // With a diagonal, what lies on it and above is the same; below, the same or untouched.
    for (const index_t diagonal : {index_t{-3}, index_t{0}, index_t{5}}) {
        std::vector<double> upper(h.size(), 7.0), whole(h.size(), 7.0);
        k.contract(n, n_rows, packed_left, k.panel_rows * n, rows.data(), n_columns, packed_right,
                   columns.data(), diagonal, upper.data(), false);
        k.contract(n, n_rows, packed_left, k.panel_rows * n, rows.data(), n_columns, packed_right,
                   columns.data(), n_rows, whole.data(), false);
        for (index_t r = 0; r < n_rows; ++r) {
            for (index_t c = 0; c < n_columns; ++c) {
                const auto at = static_cast<std::size_t>(rows[static_cast<std::size_t>(r)] +
                                                         columns[static_cast<std::size_t>(c)]);
                CHECK(upper[at] == whole[at] || (r > c + diagonal && upper[at] == 7.0));
            }
        }
    }
}

void check_layer_product(index_t n, index_t h, index_t k, bool transposed) {
    Workspace work;
    const double* a = lanes_of(n, k, 4, work);
    const std::vector<double> b = numbers(h * k, 5);
    double* out = lanes_of(n, h, 6, work);
    const std::vector<double> before(out, out + n * h);
    const index_t step = transposed ? k : 1, next = transposed ? 1 : h;
    kernel_table().layer_product(n, h, k, a, n, b.data(), step, next, out, n, true);
    double worst = 0.0;
    for (index_t z = 0; z < n; ++z) {
        for (index_t j = 0; j < h; ++j) {
            double sum = before[static_cast<std::size_t>(z + j * n)];
            for (index_t c = 0; c < k; ++c) {
                sum += a[z + c * n] * b[static_cast<std::size_t>(j * step + c * next)];
            }
            worst = std::max(worst, std::fabs(out[z + j * n] - sum));
        }
    }
    CHECK(worst < 1e-14 * static_cast<double>(k + 1));
}

void check_sum_over_lanes(index_t n, index_t rows, index_t columns) {
    Workspace work;
    const double* x = lanes_of(n, rows, 7, work);
    const double* y = lanes_of(n, columns, 8, work);
    std::vector<double> out(static_cast<std::size_t>(rows * columns), 1.0);
    kernel_table().sum_over_lanes(n, rows, columns, x, n, y, n, out.data(), rows);
    double worst = 0.0;
    for (index_t i = 0; i < rows; ++i) {
        for (index_t c = 0; c < columns; ++c) {
            double sum = 1.0;
            for (index_t z = 0; z < n; ++z) sum += x[i * n + z] * y[c * n + z];
            worst = std::max(worst, std::fabs(out[static_cast<std::size_t>(i + c * rows)] - sum));
        }
    }
    CHECK(worst < 1e-14 * static_cast<double>(n));
}

/// A = B B' / p + I / 10.
std::vector<double> positive_matrix(index_t p) {
    const std::vector<double> b = numbers(p * p, 9);
    std::vector<double> a(static_cast<std::size_t>(p * p));
    for (index_t j = 0; j < p; ++j) {
        for (index_t i = 0; i < p; ++i) {
            double sum = i == j ? 0.1 : 0.0;
            for (index_t k = 0; k < p; ++k) {
                sum += b[static_cast<std::size_t>(i + k * p)] *
                       b[static_cast<std::size_t>(j + k * p)] / static_cast<double>(p);
            }
            a[static_cast<std::size_t>(i + j * p)] = sum;
        }
    }
    return a;
}

void check_cholesky(index_t p) {
    const std::vector<double> a = positive_matrix(p), b = numbers(p, 10);
    std::vector<double> factor(a.size()), x(b.size());
    constexpr double shift = 0.01;
    CHECK(solve_shifted(p, a.data(), shift, b.data(), factor.data(), x.data(), 1));
    double worst = 0.0;
    for (index_t i = 0; i < p; ++i) {
        double sum = shift * x[static_cast<std::size_t>(i)];
        for (index_t j = 0; j < p; ++j) {
            sum += a[static_cast<std::size_t>(i + j * p)] * x[static_cast<std::size_t>(j)];
        }
        worst = std::max(worst, std::fabs(sum - b[static_cast<std::size_t>(i)]));
    }
    CHECK(worst < 1e-11);
    for (const int n_threads : {2, 3, 5, 8}) {
        std::vector<double> other_factor(a.size()), other(b.size());
        CHECK(solve_shifted(p, a.data(), shift, b.data(), other_factor.data(), other.data(),
                            n_threads));
        CHECK(other == x);
    }
}

/// The factor of a matrix whose columns are ld apart, and nothing written beside it.
void check_factor(index_t p, index_t ld) {
    const std::vector<double> a = positive_matrix(p);
    std::vector<double> factor(static_cast<std::size_t>((p - 1) * ld + p), 7.0);
    for (index_t j = 0; j < p; ++j) {
        for (index_t i = j; i < p; ++i) {
            factor[static_cast<std::size_t>(i + j * ld)] = a[static_cast<std::size_t>(i + j * p)];
        }
    }
    CHECK(kernel_table().cholesky_block(p, factor.data(), ld));
    double worst = 0.0;
    for (index_t j = 0; j < p; ++j) {
        for (index_t i = j; i < p; ++i) {
            double sum = 0.0;
            for (index_t k = 0; k <= j; ++k) {
                sum += factor[static_cast<std::size_t>(i + k * ld)] *
                       factor[static_cast<std::size_t>(j + k * ld)];
            }
            worst = std::max(worst, std::fabs(sum - a[static_cast<std::size_t>(i + j * p)]));
        }
    }
    CHECK(worst < 1e-14);
    bool alone = true;
    for (std::size_t at = 0; at < factor.size(); ++at) {
        const auto i = static_cast<index_t>(at) % ld, j = static_cast<index_t>(at) / ld;
        alone = alone && ((j <= i && i < p) || factor[at] == 7.0);
    }
    CHECK(alone);
}

void check_singular() {
    constexpr index_t p = 120;
    std::vector<double> a = positive_matrix(p), factor(a.size()), x(p);
    const std::vector<double> b = numbers(p, 11);
    for (index_t i = 0; i < p; ++i) {  // two equal rows and columns
        a[static_cast<std::size_t>(i + 1 * p)] = a[static_cast<std::size_t>(i)];
    }
    for (index_t i = 0; i < p; ++i) {
        a[static_cast<std::size_t>(1 + i * p)] = a[static_cast<std::size_t>(i * p)];
    }
    CHECK(!solve_shifted(p, a.data(), 1e-20, b.data(), factor.data(), x.data(), 1));
    CHECK(solve_shifted(p, a.data(), 1e-3, b.data(), factor.data(), x.data(), 1));
    a[0] = std::nan("");
    CHECK(!solve_shifted(p, a.data(), 1e-3, b.data(), factor.data(), x.data(), 1));
}

/// The estimate against the condition of a matrix whose inverse is known: diag(1, ..., 1, tiny).
void check_condition() {
    constexpr index_t p = 50;
    std::vector<double> factor(p * p, 0.0);
    for (index_t i = 0; i < p; ++i) factor[static_cast<std::size_t>(i * (p + 1))] = 1.0;
    factor[p * p - 1] = 1e-5;  // of the factor: 1e-10 in the matrix
    CHECK_CLOSE(reciprocal_condition(p, factor.data(), p, 1.0), 1e-10, 1e-16);
}

/// A value for n elements, written or added, and nothing beside them.
void check_fill(index_t n) {
    constexpr index_t beside = 8;
    for (const bool accumulate : {false, true}) {
        std::vector<double> out = numbers(n + beside, 13);
        const std::vector<double> before = out;
        kernel_table().fill(n, 0.5, out.data(), accumulate);
        bool same = true;
        for (std::size_t i = 0; i < out.size(); ++i) {
            const bool own = i < static_cast<std::size_t>(n);
            const double expected = !own ? before[i] : accumulate ? before[i] + 0.5 : 0.5;
            same = same && out[i] == expected;
        }
        CHECK(same);
    }
}

void check_mirror(index_t p) {
    std::vector<double> h = numbers(p * p, 12);
    const std::vector<double> before = h;
    kernel_table().mirror(p, 0, p, h.data(), p);
    bool same = true;
    for (index_t j = 0; j < p; ++j) {
        for (index_t i = 0; i < p; ++i) {
            const index_t from = i <= j ? i + j * p : j + i * p;
            same = same &&
                   h[static_cast<std::size_t>(i + j * p)] == before[static_cast<std::size_t>(from)];
        }
    }
    CHECK(same);
}

/// Products of rows with each other, and their symmetric copy, which writes p x p numbers alone.
void check_symmetric_product(index_t n, index_t p) {
    const Kernels& k = kernel_table();
    Workspace work;
    const double* x = lanes_of(n, p, 14, work);
    std::vector<Factor> rows;
    for (index_t r = 0; r < p; ++r) rows.push_back({x + r * n, nullptr});
    const index_t size = round_up(p, k.panel_rows), ld = p + 3;
    double* packed = work.doubles(size * n);
    k.pack_left(n, p, rows.data(), packed, k.panel_rows * n);
    double* products = work.doubles(size * size);
    k.symmetric_product(n, p, packed, k.panel_rows * n, products, size);
    std::vector<double> out(static_cast<std::size_t>(ld * p), 7.0);
    k.copy_symmetric(p, products, size, out.data(), ld);
    double worst = 0.0;
    bool alone = true;
    for (index_t c = 0; c < p; ++c) {
        for (index_t r = 0; r < ld; ++r) {
            const double value = out[static_cast<std::size_t>(r + c * ld)];
            alone = alone && (r < p || value == 7.0);
            double sum = 0.0;
            for (index_t z = 0; r < p && z < n; ++z) sum += x[r * n + z] * x[c * n + z];
            if (r < p) worst = std::max(worst, std::fabs(value - sum));
        }
    }
    CHECK(worst < 1e-14 * static_cast<double>(n));
    CHECK(alone);
}

/// A value's bits depend on nothing but itself: neither on its place among the packets, which are
/// taken in pairs, nor on whether the results replace the net inputs.
void check_transfer(Transfer f, index_t n, index_t h, index_t ld) {
    const auto size = static_cast<std::size_t>(h * ld);
    Workspace work;
    double* s = lanes_of(ld, h, 15, work);
    for (std::size_t i = 0; i < size; ++i) s[i] *= 3.0;
    std::vector<double> a(size, 7.0), d1(size, 7.0), d2(size, 7.0), in_place(s, s + size);
    const auto transfer = kernel_table().transfer;
    transfer(f, n, h, s, ld, a.data(), ld, d1.data(), d2.data(), ld);
    transfer(f, n, h, in_place.data(), ld, in_place.data(), ld, nullptr, nullptr, ld);
    bool same = true, alone = true;
    for (index_t j = 0; j < h; ++j) {
        for (index_t i = 0; i < ld; ++i) {
            const auto at = static_cast<std::size_t>(i + j * ld);
            if (i >= n) {
                alone = alone && a[at] == 7.0 && d1[at] == 7.0 && d2[at] == 7.0;
                continue;
            }
            double one[lanes], value[lanes], slope[lanes], curvature[lanes];
            std::fill_n(one, lanes, s[at]);
            transfer(f, lanes, 1, one, lanes, value, lanes, slope, curvature, lanes);
            const index_t lane = i % lanes;
            same = same && a[at] == value[lane] && d1[at] == slope[lane] &&
                   d2[at] == curvature[lane] && in_place[at] == value[lane];
        }
    }
    CHECK(same);
    CHECK(alone);
}

/// Two layers of three samples and two outputs, at every alignment, and nothing beside them: h x k,
/// and a run of so many values that are written as they are.
void check_jacobian_columns(index_t h, index_t k, index_t run, index_t gap, index_t shift,
                            bool stream) {
    constexpr index_t count = 3, outputs = 2, n_columns = count * outputs;
    const index_t ldu = round_up(k, lanes), ldd = round_up(h, lanes) + lanes;
    const index_t ldr = run + lanes, size = h * k + run, stride = size + gap;
    const std::vector<double> u = numbers(ldu * count, 1), r = numbers(lanes + ldr * n_columns, 3);
    std::vector<double> d = numbers(lanes + ldd * n_columns, 2);
    const double one = 1.0;
    for (index_t c = 0; c < n_columns; ++c) {
        double* own = d.data() + lanes + c * ldd;
        for (index_t i = h; i < ldd; ++i) own[i] = own[i % h];
    }
    Workspace work;
    const index_t total = shift + stride * n_columns + lanes;
    double* out = work.doubles(total);
    std::fill_n(out, total, 7.0);
    const OuterProducts parts[] = {{0, run, 1, &one, 0, r.data() + lanes, ldr},
                                   {run, h, k, u.data(), ldu, d.data() + lanes, ldd}};
    kernel_table().jacobian_columns(0, 3, outputs, 2, parts, out + shift, stride, stream);
    kernel_table().jacobian_columns(3, n_columns, outputs, 2, parts, out + shift, stride, stream);
    std::vector<double> expected(static_cast<std::size_t>(total), 7.0);
    for (index_t c = 0; c < n_columns; ++c) {
        double* column = expected.data() + shift + c * stride;
        for (index_t e = 0; e < run; ++e) column[e] = parts[0].d[c * ldr + e];
        for (index_t e = 0; e < h * k; ++e) {
            column[run + e] = u[static_cast<std::size_t>(c / outputs * ldu + e / h)] *
                              parts[1].d[c * ldd + e % h];
        }
    }
    CHECK(std::equal(expected.begin(), expected.end(), out));
}

/// Columns that are alike get the same bits in every tile; many lanes and columns.
void check_sums_at_any_position(index_t n, index_t rows, index_t columns) {
    Workspace work;
    double* x = lanes_of(n, rows, 7, work);
    double* y = lanes_of(n, columns, 8, work);
    for (index_t i = 1; i < rows; ++i) std::copy_n(x, n, x + i * n);
    for (index_t c = 1; c < columns; ++c) std::copy_n(y, n, y + c * n);
    std::vector<double> out(static_cast<std::size_t>(rows * columns), 0.1);
    kernel_table().sum_over_lanes(n, rows, columns, x, n, y, n, out.data(), rows);
    bool same = true;
    for (const double value : out) same = same && value == out[0];
    CHECK(same);
}

/// K r without K.
void check_curvature_product(bool matrix, index_t n, index_t h) {
    Workspace work;
    const Slope f{matrix, lanes_of(n, h, 1, work), lanes_of(n, h, 2, work), n, n};
    const double *d2 = lanes_of(n, h, 3, work), *v = lanes_of(n, h, 4, work);
    const double* r = lanes_of(n, h, 5, work);
    double* k = work.doubles(n * h * h);
    std::fill_n(k, n * h * h, 0.0);
    kernel_table().add_curvature(f, d2, n, h, v, n, k, n);
    double* out = work.doubles(n * h);
    std::fill_n(out, n * h, 0.5);
    kernel_table().multiply_curvature(f, d2, n, h, v, n, r, n, out, n);
    double worst = 0.0;
    for (index_t z = 0; z < n; ++z) {
        for (index_t i = 0; i < h; ++i) {
            double sum = 0.5;
            for (index_t j = 0; j < h; ++j) sum += k[(i + h * j) * n + z] * r[j * n + z];
            worst = std::max(worst, std::fabs(out[i * n + z] - sum));
        }
    }
    CHECK(worst < 1e-13 * static_cast<double>(h));
}

}  // namespace

int main() {
    for (const index_t h : {8, 9, 12, 15, 16, 21, 24, 32, 40, 48, 56, 64, 72, 1100}) {
        for (const index_t k : {1, 2, 3, 9}) {
            for (const index_t run : {1, 3, 5, 8, 21}) {
                for (const index_t gap : {0, 3}) {
                    for (index_t shift = 0; shift < 8; ++shift) {
                        check_jacobian_columns(h, k, run, gap, shift, false);
                        check_jacobian_columns(h, k, run, gap, shift, true);
                    }
                }
            }
        }
    }
    for (const index_t rows : {1, 5, 8, 16, 17, 31, 48}) {
        for (index_t columns = 1; columns <= 27; ++columns) {
            check_contraction(24, rows, columns, columns % 2 == 0);
        }
    }
    for (const index_t n : {8, 16, 24, 64, 72}) {
        for (const index_t h : {1, 3, 4, 6, 11, 12, 13, 29}) {
            for (const index_t k : {1, 2, 9, 40}) {
                check_layer_product(n, h, k, false);
                check_layer_product(n, h, k, true);
                check_sum_over_lanes(n, h, k);
            }
        }
    }
    for (const index_t p : {1, 2, 9, 31, 64, 96, 97, 130, 193, 300, 450}) check_cholesky(p);
    for (const index_t k : {256, 257, 600}) {  // several pieces of a wide layer
        check_layer_product(40, 29, k, false);
        check_layer_product(40, 29, k, true);
    }
    for (const index_t n : {40, 128, 264, 520}) {
        check_sum_over_lanes(n, 37, 41);
        check_sum_over_lanes(n, 300, 41);
        for (const index_t columns : {2, 7, 8, 25, 41}) check_sums_at_any_position(n, 37, columns);
    }
    check_layer_product(128, 256, 785, false);
    check_sum_over_lanes(128, 256, 785);
    for (index_t p = 1; p <= 40; ++p) {
        check_factor(p, p);
        check_factor(p, p + 3);
    }
    for (const index_t h : {1, 5, 17}) {
        check_curvature_product(false, 24, h);
        check_curvature_product(true, 24, h);
    }
    for (index_t n = 0; n <= 20; ++n) check_fill(n);
    check_singular();
    check_condition();
    for (const index_t p : {1, 7, 8, 31, 33, 100, 290, 520, 700}) check_mirror(p);
    for (const index_t p : {1, 2, 3, 7, 8, 9, 16, 17, 31, 40}) check_symmetric_product(24, p);
    for (const Transfer f : transfer_functions()) {
        if (couples_features(f)) continue;
        for (const index_t n : {8, 16, 24}) {
            for (const index_t h : {1, 2, 3}) {
                check_transfer(f, n, h, n);
                check_transfer(f, n, h, n + lanes);
            }
        }
    }
    return check::result();
}
