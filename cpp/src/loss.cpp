#include "loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "workspace.hpp"

namespace jacnet {

namespace {

constexpr double eps = std::numeric_limits<double>::epsilon();

double clamped(double v) { return v < 0.0 ? 0.0 : v > 1.0 ? 1.0 : v; }
double softplus(double v) { return (v > 0.0 ? v : 0.0) + std::log1p(std::exp(-std::fabs(v))); }
double logistic(double v) {
    const double e = std::exp(-std::fabs(v));
    return v >= 0.0 ? 1.0 / (1.0 + e) : e / (1.0 + e);
}

/// A sample's -log of y, clamped, with its derivatives.
struct Log {
    double value, first, second;
};

Log minus_log(double y) {
    const double inside = clamped(y);
    if (inside <= eps) return {-std::log(eps), 0.0, 0.0};
    if (y > 1.0) return {0.0, 0.0, 0.0};
    return {-std::log(y), -1.0 / y, 1.0 / (y * y)};
}

/// Cross-entropy of one element.
Log entropy(double t, double y, bool binary) {
    t = clamped(t);
    const Log p = minus_log(y);
    Log sum{t * p.value, t * p.first, t * p.second};
    if (binary) {
        const Log q = y < 0.0 ? Log{0.0, 0.0, 0.0} : minus_log(1.0 - y);
        sum.value += (1.0 - t) * q.value;
        sum.first -= (1.0 - t) * q.first;
        sum.second += (1.0 - t) * q.second;
    }
    return sum;
}

/// Calls body(value), value(t, y, norm) being the loss of one element of `function`.
template <class Body>
double with_element_value(Performance function, bool binary, Body&& body) {
    switch (function) {
        case Performance::mse:
        case Performance::sse:
            return body([](double t, double y, double norm) {
                const double e = norm * (t - y);
                return e * e;
            });
        case Performance::mae:
        case Performance::sae:
            return body([](double t, double y, double norm) { return std::fabs(norm * (t - y)); });
        case Performance::crossentropy:
            return body([=](double t, double y, double) { return entropy(t, y, binary).value; });
    }
    return 0.0;
}

/// Sum of w value(i, z) over the elements that count, by as many sums as a packet has lanes: one
/// sum alone would wait for its last addition.
template <class Value>
double weighted_sum(const LossLanes& l, Value&& value) {
    double sums[lanes] = {};
    for (index_t i = 0; i < l.rows; ++i) {
        const double* w = l.w + i * l.ldtw;
        for (index_t z = 0; z < l.n; ++z) {
            if (w[z] != 0.0) sums[z % lanes] += w[z] * value(i, z);
        }
    }
    double sum = 0.0;
    for (const double part : sums) sum += part;
    return sum;
}

/// The sum of all values but number i, which are not negative and add up to `total`: to full
/// precision, also where value i is nearly all of it.
template <class Value>
double rest(index_t n, index_t i, double total, Value&& value) {
    if (2.0 * value(i) <= total) return total - value(i);
    double sum = 0.0;
    for (index_t j = 0; j < n; ++j) sum += j == i ? 0.0 : value(j);
    return sum;
}

/// Cross-entropy of softmax from its net inputs. From the largest one on, -log of its share is the
/// log1p of the others': no digits are lost where the network is sure.
double softmax_entropy_value(const LossLanes& l) {
    double sum = 0.0;
    for (index_t z = 0; z < l.n; ++z) {
        index_t largest = 0;
        const auto s = [&](index_t i) { return l.s[i * l.ld + z]; };
        for (index_t i = 1; i < l.rows; ++i) largest = s(i) > s(largest) ? i : largest;
        double others = 0.0;
        for (index_t i = 0; i < l.rows; ++i) {
            if (i != largest) others += std::exp(s(i) - s(largest));
        }
        const double least = std::log1p(others);
        for (index_t i = 0; i < l.rows; ++i) {
            const double w = l.w[i * l.ldtw + z];
            if (w != 0.0) sum += w * clamped(l.t[i * l.ldtw + z]) * (least + (s(largest) - s(i)));
        }
    }
    return sum;
}

}  // namespace

LossForm loss_form(const Plan& plan, const PlanOutput& output, Objective objective) {
    if (plan.own_loss && objective == Objective::performance) return LossForm::own;
    const PlanLayer& layer = plan.layers[static_cast<std::size_t>(output.layer)];
    if (objective != Objective::performance ||
        plan.performance.function != Performance::crossentropy || !output.linear.is_identity()) {
        return LossForm::output;
    }
    if (layer.transfer == Transfer::softmax && output.rows > 1) return LossForm::softmax_entropy;
    if (layer.transfer == Transfer::logsig) return LossForm::logsig_entropy;
    return LossForm::output;
}

double loss_value(Performance function, LossForm form, const LossLanes& l) {
    switch (form) {
        case LossForm::output:
            return with_element_value(function, l.binary, [&](auto&& element) {
                return weighted_sum(l, [&](index_t i, index_t z) {
                    return element(l.t[i * l.ldtw + z], l.y[i * l.ld + z], l.norm[i]);
                });
            });
        case LossForm::softmax_entropy:
            return softmax_entropy_value(l);
        case LossForm::logsig_entropy:
            return weighted_sum(l, [&](index_t i, index_t z) {
                const double s = l.s[i * l.ld + z], p = clamped(l.t[i * l.ldtw + z]);
                return p * softplus(-s) + (l.binary ? (1.0 - p) * softplus(s) : 0.0);
            });
        case LossForm::own:  // its value is not known
            return 0.0;
    }
    return 0.0;
}

namespace {

/// First and second derivative with respect to an element of y.
struct Slopes {
    double first, second;
};

/// Writes slopes(t, y, w, norm) of every element; `second` may be null.
template <class Of>
void write_slopes(const LossLanes& l, double* first, double* second, index_t ld, Of&& slopes) {
    for (index_t i = 0; i < l.rows; ++i) {
        const double *w = l.w + i * l.ldtw, *t = l.t + i * l.ldtw, *y = l.y + i * l.ld;
        const double norm = l.norm[i];
        for (index_t z = 0; z < l.n; ++z) {
            const Slopes s = slopes(t[z], y[z], w[z], norm);
            first[i * ld + z] = s.first;
            if (second) second[i * ld + z] = s.second;
        }
    }
}

}  // namespace

void loss_output_slopes(const Plan& plan, Objective objective, const LossLanes& l, double* first,
                        double* second, index_t ld) {
    const bool sse = objective == Objective::half_sse, binary = l.binary;
    if (plan.own_loss && !sse) {
        for (index_t i = 0; i < l.rows; ++i) std::copy_n(l.t + i * l.ldtw, l.n, first + i * ld);
        return;  // the second derivatives are no affair of single elements
    }
    switch (sse ? Performance::sse : plan.performance.function) {
        case Performance::mse:
        case Performance::sse: {
            const double factor = sse ? 1.0 : 2.0;  // of half_sse, the half is in
            write_slopes(l, first, second, ld, [=](double t, double y, double w, double norm) {
                const double c = factor * w * norm;
                return Slopes{-c * (norm * (t - y)), c * norm};
            });
            break;
        }
        case Performance::mae:
        case Performance::sae:
            write_slopes(l, first, second, ld, [](double t, double y, double w, double norm) {
                return Slopes{-w * norm * sign(t - y), 0.0};
            });
            break;
        case Performance::crossentropy:
            write_slopes(l, first, second, ld, [=](double t, double y, double w, double) {
                if (w == 0.0) return Slopes{0.0, 0.0};
                const Log log = entropy(t, y, binary);
                return Slopes{w * log.first, w * log.second};
            });
            break;
    }
}

void loss_net_slopes(LossForm form, const LossLanes& l, double* first, index_t ld,
                     double* curvature, index_t ldc) {
    const bool binary = l.binary;
    const auto tau = [&](index_t i, index_t z) {
        return l.w[i * l.ldtw + z] * clamped(l.t[i * l.ldtw + z]);
    };
    for (index_t z = 0; z < l.n; ++z) {
        double total = 0.0;
        for (index_t i = 0; i < l.rows; ++i) total += tau(i, z);
        for (index_t i = 0; i < l.rows; ++i) {
            const double a = l.a[i * l.ld + z], w = l.w[i * l.ldtw + z];
            if (form == LossForm::softmax_entropy) {
                // total a - tau and a - a^2, by what the others have: a may be 1 to the last digit.
                const double own = tau(i, z);
                const double others =
                    rest(l.rows, i, 1.0, [&](index_t j) { return l.a[j * l.ld + z]; });
                const double tau_others =
                    rest(l.rows, i, total, [&](index_t j) { return tau(j, z); });
                first[i * ld + z] = tau_others * a - own * others;
                for (index_t j = 0; curvature && j < l.rows; ++j) {
                    curvature[(i + j * l.rows) * ldc + z] =
                        total * a * (i == j ? others : -l.a[j * l.ld + z]);
                }
                continue;
            }
            const double other = logistic(-l.s[i * l.ld + z]);  // 1 - a, to full precision
            const double p = clamped(l.t[i * l.ldtw + z]);
            first[i * ld + z] = binary ? w * ((1.0 - p) * a - p * other) : -w * p * other;
            for (index_t j = 0; curvature && j < l.rows; ++j) {
                curvature[(i + j * l.rows) * ldc + z] =
                    i == j ? (binary ? w : w * p) * a * other : 0.0;
            }
        }
    }
}

namespace {

/// out += total (diag(a) - a a') r of lane z. Everything is taken relative to the largest a, of
/// index k, and row k as minus the sum of the others: for a confident sample, where 1 - a_k
/// vanishes, nothing cancels.
void add_softmax_product(const LossLanes& l, index_t z, double total, const double* r, index_t ldr,
                         double* out, index_t ldo) {
    index_t k = 0;
    for (index_t i = 1; i < l.rows; ++i) k = l.a[i * l.ld + z] > l.a[k * l.ld + z] ? i : k;
    const double base = r[k * ldr + z];
    double mean = 0.0;
    for (index_t i = 0; i < l.rows; ++i) mean += l.a[i * l.ld + z] * (r[i * ldr + z] - base);
    double others = 0.0;
    for (index_t i = 0; i < l.rows; ++i) {
        if (i == k) continue;
        const double product = total * l.a[i * l.ld + z] * ((r[i * ldr + z] - base) - mean);
        out[i * ldo + z] += product;
        others += product;
    }
    out[k * ldo + z] -= others;
}

}  // namespace

void add_net_curvature_product(LossForm form, const LossLanes& l, const double* r, index_t ldr,
                               double* out, index_t ldo) {
    for (index_t z = 0; z < l.n; ++z) {
        if (form == LossForm::softmax_entropy) {
            double total = 0.0;
            for (index_t i = 0; i < l.rows; ++i) {
                total += l.w[i * l.ldtw + z] * clamped(l.t[i * l.ldtw + z]);
            }
            add_softmax_product(l, z, total, r, ldr, out, ldo);
            continue;
        }
        for (index_t i = 0; i < l.rows; ++i) {
            const double a = l.a[i * l.ld + z], w = l.w[i * l.ldtw + z];
            const double other = logistic(-l.s[i * l.ld + z]);
            const double weight = l.binary ? w : w * clamped(l.t[i * l.ldtw + z]);
            out[i * ldo + z] += weight * a * other * r[i * ldr + z];
        }
    }
}

double data_scale(const PerformanceSettings& settings, index_t counted) {
    const double share = 1.0 - settings.regularization;
    if (!is_mean(settings.function)) return share;
    return counted > 0 ? share / static_cast<double>(counted) : 0.0;
}

}  // namespace jacnet
