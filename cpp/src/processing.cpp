#include "jacnet/processing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "errors.hpp"
#include "kernels/kernels.hpp"
#include "names.hpp"
#include "parallel.hpp"
#include "process_steps.hpp"

namespace jacnet {

namespace {

constexpr std::array<std::string_view, 5> names{"mapminmax", "mapstd", "removeconstantrows",
                                                "fixunknowns", "processpca"};
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Rows x samples, column-major.
struct Data {
    const double* values;
    index_t rows, samples;
    double operator()(index_t i, index_t q) const { return values[i + q * rows]; }
};

void fit_mapminmax(ProcessStep& step, const Data& x) {
    step.no_change = true;
    for (index_t i = 0; i < x.rows; ++i) {
        detail::poll_interrupt();
        double lo = infinity, hi = -infinity;
        for (index_t q = 0; q < x.samples; ++q) {
            lo = x(i, q) < lo ? x(i, q) : lo;
            hi = x(i, q) > hi ? x(i, q) : hi;
        }
        double gain = (step.ymax - step.ymin) / (hi - lo);
        double offset = lo;
        if (!std::isfinite(hi - lo) || hi == lo || std::fabs(gain) > 1e14) {
            gain = 1.0;
            offset = step.ymin;
        }
        step.xmin.push_back(lo);
        step.xmax.push_back(hi);
        step.gain.push_back(gain);
        step.xoffset.push_back(offset);
        // MATLAB's quirk: data exactly on [0, ymax - ymin] are passed on unshifted.
        step.no_change = step.no_change && gain == 1.0 && offset == 0.0;
    }
}

void fit_mapstd(ProcessStep& step, const Data& x) {
    step.no_change = true;
    for (index_t i = 0; i < x.rows; ++i) {
        detail::poll_interrupt();
        index_t known = 0;
        double sum = 0.0;
        for (index_t q = 0; q < x.samples; ++q) {
            if (std::isnan(x(i, q))) continue;
            ++known;
            sum += x(i, q);
        }
        const double mean = sum / static_cast<double>(known);
        double squares = 0.0;
        for (index_t q = 0; q < x.samples; ++q) {
            if (!std::isnan(x(i, q))) squares += (x(i, q) - mean) * (x(i, q) - mean);
        }
        const double deviation =
            known > 1 ? std::sqrt(squares / static_cast<double>(known - 1)) : 0.0;
        double gain = step.ystd / deviation;
        double offset = mean;
        if (!std::isfinite(gain) || deviation == 0.0 || std::fabs(gain) > 1e14) {
            gain = 1.0;
            offset = step.ymean;
        }
        step.xmean.push_back(mean);
        step.xstd.push_back(deviation);
        step.gain.push_back(gain);
        step.xoffset.push_back(offset);
        step.no_change = step.no_change && gain == 1.0 && offset == 0.0 && step.ymean == 0.0;
    }
}

void fit_removeconstantrows(ProcessStep& step, const Data& x) {
    for (index_t i = 0; i < x.rows; ++i) {
        detail::poll_interrupt();
        double lo = infinity, hi = -infinity;
        for (index_t q = 0; q < x.samples; ++q) {
            lo = x(i, q) < lo ? x(i, q) : lo;
            hi = x(i, q) > hi ? x(i, q) : hi;
        }
        if (hi - lo <= step.max_range) {
            step.remove.push_back(i);
            step.constants.push_back(lo + (hi - lo) / 2.0);
        } else {
            step.keep.push_back(i);
        }
    }
    step.no_change = step.remove.empty();
}

void fit_fixunknowns(ProcessStep& step, const Data& x) {
    for (index_t i = 0; i < x.rows; ++i) {
        detail::poll_interrupt();
        index_t known = 0;
        double sum = 0.0;
        for (index_t q = 0; q < x.samples; ++q) {
            if (!std::isfinite(x(i, q))) continue;
            ++known;
            sum += x(i, q);
        }
        step.xmean.push_back(known > 0 ? sum / static_cast<double>(known) : 0.0);
        if (known < x.samples) step.unknown.push_back(i);
    }
    step.no_change = step.unknown.empty();
}

void fit_processpca(ProcessStep& step, const Data& x) {
    std::vector<double> known;  // samples without NaN
    for (index_t q = 0; q < x.samples; ++q) {
        bool whole = true;
        for (index_t i = 0; i < x.rows; ++i) {
            if (std::isinf(x(i, q))) refuse("processpca: the data have infinite values");
            whole = whole && !std::isnan(x(i, q));
        }
        if (whole) known.insert(known.end(), x.values + q * x.rows, x.values + (q + 1) * x.rows);
    }
    const index_t whole = x.rows > 0 ? static_cast<index_t>(known.size()) / x.rows : 0;
    if (x.rows <= 1 || x.rows > x.samples || whole == 0) {
        step.no_change = true;
        return;
    }
    // Samples of zeros change nothing and make the matrix as wide as it is high.
    const index_t samples = std::max(whole, x.rows);
    known.resize(at(x.rows * samples), 0.0);
    std::vector<double> u(at(x.rows * x.rows)), s(at(x.rows));
    svd(x.rows, samples, known.data(), u.data(), s.data());
    double total = 0.0;
    for (const double value : s) total += value * value;
    index_t kept = 0;
    while (kept < std::min(x.rows, whole) && s[at(kept)] * s[at(kept)] >= step.maxfrac * total)
        ++kept;
    if (kept == 0) refuse("processpca: maxfrac = ", step.maxfrac, " leaves no component; lower it");
    step.yrows = kept;
    step.transform.resize(at(kept * x.rows));
    step.inverse.resize(at(x.rows * kept));
    for (index_t c = 0; c < kept; ++c) {
        for (index_t i = 0; i < x.rows; ++i) {
            // The columns of u are orthonormal: the pseudo-inverse is the transpose.
            step.transform[at(c + i * kept)] = u[at(i + c * x.rows)];
            step.inverse[at(i + c * x.rows)] = u[at(i + c * x.rows)];
        }
    }
}

/// out = matrix (rows x in.rows, column-major) * in.
void multiply_rows(const std::vector<double>& matrix, const LaneMatrix& in, const LaneMatrix& out) {
    kernel_table().layer_product(in.n, out.rows, in.rows, in.data, in.ld, matrix.data(), 1,
                                 out.rows, out.data, out.ld, false);
}

LaneMatrix fresh(index_t rows, const LaneMatrix& like, Workspace& work) {
    return {work.doubles(rows * like.n), like.n, rows, like.n};
}

void copy_row(const double* from, double* to, index_t n) { std::copy(from, from + n, to); }

LaneMatrix apply(const ProcessStep& step, const LaneMatrix& x, Workspace& work) {
    const LaneMatrix y = fresh(step.yrows, x, work);
    switch (step.function) {
        case Process::mapminmax:
        case Process::mapstd: {
            const double shift = step.function == Process::mapminmax ? step.ymin : step.ymean;
            for (index_t i = 0; i < x.rows; ++i) {
                const double offset = step.xoffset[at(i)], gain = step.gain[at(i)];
                for (index_t z = 0; z < x.n; ++z) {
                    y.row(i)[z] = (x.row(i)[z] - offset) * gain + shift;
                }
            }
            break;
        }
        case Process::removeconstantrows:
            for (index_t i = 0; i < y.rows; ++i) copy_row(x.row(step.keep[at(i)]), y.row(i), x.n);
            break;
        case Process::fixunknowns:
            for (index_t i = 0, target = 0, next = 0; i < x.rows; ++i, ++target) {
                const bool fixed =
                    next < static_cast<index_t>(step.unknown.size()) && step.unknown[at(next)] == i;
                copy_row(x.row(i), y.row(target), x.n);
                if (!fixed) continue;
                for (index_t z = 0; z < x.n; ++z) {
                    const bool known = std::isfinite(x.row(i)[z]);
                    if (!known) y.row(target)[z] = step.xmean[at(i)];
                    y.row(target + 1)[z] = known ? 1.0 : 0.0;
                }
                ++target;
                ++next;
            }
            break;
        case Process::processpca:
            multiply_rows(step.transform, x, y);
            break;
    }
    return y;
}

LaneMatrix reverse(const ProcessStep& step, const LaneMatrix& y, Workspace& work) {
    const LaneMatrix x = fresh(step.xrows, y, work);
    switch (step.function) {
        case Process::mapminmax:
        case Process::mapstd: {
            const double shift = step.function == Process::mapminmax ? step.ymin : step.ymean;
            for (index_t i = 0; i < y.rows; ++i) {
                const double offset = step.xoffset[at(i)], gain = step.gain[at(i)];
                for (index_t z = 0; z < y.n; ++z) {
                    x.row(i)[z] = (y.row(i)[z] - shift) / gain + offset;
                }
            }
            break;
        }
        case Process::removeconstantrows:
            for (std::size_t i = 0; i < step.keep.size(); ++i) {
                copy_row(y.row(static_cast<index_t>(i)), x.row(step.keep[i]), y.n);
            }
            for (std::size_t i = 0; i < step.remove.size(); ++i) {
                std::fill_n(x.row(step.remove[i]), y.n, step.constants[i]);
            }
            break;
        case Process::fixunknowns:
            for (index_t i = 0, source = 0, next = 0; i < x.rows; ++i, ++source) {
                copy_row(y.row(source), x.row(i), y.n);
                if (next < static_cast<index_t>(step.unknown.size()) &&
                    step.unknown[at(next)] == i) {
                    ++source;
                    ++next;
                }
            }
            break;
        case Process::processpca:
            multiply_rows(step.inverse, y, x);
            break;
    }
    return x;
}

/// The linear part of a function on lane matrices: f(unit vectors) - f(0), exactly for
/// selections and to rounding for gains, which are then set exactly by the caller's formula.
template <class Step>
void chain_linear(LinearPart& total, const ProcessStep& step, Step&& entry, index_t rows,
                  bool diagonal) {
    LinearPart next;
    next.rows = rows;
    next.cols = total.cols;
    next.diagonal = diagonal && total.diagonal;
    if (next.diagonal) {
        for (index_t i = 0; i < rows; ++i) {
            next.values.push_back(entry(step, i, i) * total.values[at(i)]);
        }
    } else {
        next.values.assign(at(rows * total.cols), 0.0);
        for (index_t j = 0; j < total.cols; ++j) {
            for (index_t k = 0; k < total.rows; ++k) {
                const double inner = total(k, j);
                if (inner == 0.0) continue;
                for (index_t i = 0; i < rows; ++i) {
                    next.values[at(i + j * rows)] += entry(step, i, k) * inner;
                }
            }
        }
    }
    total = std::move(next);
}

/// Row of the output that carries row i, when unknown rows are followed by a flag.
index_t fixed_row(const ProcessStep& step, index_t i) {
    return i +
           (std::lower_bound(step.unknown.begin(), step.unknown.end(), i) - step.unknown.begin());
}

double forward_entry(const ProcessStep& step, index_t i, index_t j) {
    switch (step.function) {
        case Process::mapminmax:
        case Process::mapstd:
            return i == j ? step.gain[at(i)] : 0.0;
        case Process::removeconstantrows:
            return step.keep[at(i)] == j ? 1.0 : 0.0;
        case Process::fixunknowns:
            return fixed_row(step, j) == i ? 1.0 : 0.0;
        case Process::processpca:
            return step.transform[at(i + j * step.yrows)];
    }
    return 0.0;
}

double reverse_entry(const ProcessStep& step, index_t i, index_t j) {
    switch (step.function) {
        case Process::mapminmax:
        case Process::mapstd:
            return i == j ? 1.0 / step.gain[at(i)] : 0.0;
        case Process::removeconstantrows:
            return step.keep[at(j)] == i ? 1.0 : 0.0;
        case Process::fixunknowns:
            return fixed_row(step, i) == j ? 1.0 : 0.0;
        case Process::processpca:
            return step.inverse[at(i + j * step.xrows)];
    }
    return 0.0;
}

bool keeps_rows(const ProcessStep& step) {
    return step.function == Process::mapminmax || step.function == Process::mapstd;
}

LinearPart identity(index_t rows) { return {rows, rows, true, std::vector<double>(at(rows), 1.0)}; }

}  // namespace

std::string_view name(Process process) { return names[static_cast<std::size_t>(process)]; }

Process process_from_name(std::string_view name) {
    return enumerator<Process>("process function", name, names);
}

const std::vector<Process>& process_functions() {
    static const std::vector<Process> all{Process::mapminmax, Process::mapstd,
                                          Process::removeconstantrows, Process::fixunknowns,
                                          Process::processpca};
    return all;
}

bool LinearPart::is_identity() const {
    return diagonal && std::all_of(values.begin(), values.end(), [](double v) { return v == 1.0; });
}

void fit(ProcessStep& step, const std::vector<double>& x, index_t rows, index_t samples) {
    ProcessStep fitted;  // drops the settings of an earlier fit, keeps the parameters
    fitted.function = step.function;
    fitted.ymin = step.ymin, fitted.ymax = step.ymax;
    fitted.ymean = step.ymean, fitted.ystd = step.ystd;
    fitted.max_range = step.max_range, fitted.maxfrac = step.maxfrac;
    step = std::move(fitted);
    step.xrows = step.yrows = rows;
    const Data data{x.data(), rows, samples};
    switch (step.function) {
        case Process::mapminmax:
            fit_mapminmax(step, data);
            break;
        case Process::mapstd:
            fit_mapstd(step, data);
            break;
        case Process::removeconstantrows:
            fit_removeconstantrows(step, data);
            step.yrows = static_cast<index_t>(step.keep.size());
            break;
        case Process::fixunknowns:
            fit_fixunknowns(step, data);
            step.yrows = rows + static_cast<index_t>(step.unknown.size());
            break;
        case Process::processpca:
            fit_processpca(step, data);
            break;
    }
}

bool changes(const Processing& processing) {
    return !std::all_of(processing.steps.begin(), processing.steps.end(),
                        [](const ProcessStep& step) { return step.no_change; });
}

LaneMatrix apply(const Processing& processing, LaneMatrix x, Workspace& work) {
    for (const ProcessStep& step : processing.steps) {
        if (!step.no_change) x = apply(step, x, work);
    }
    return x;
}

LaneMatrix reverse(const Processing& processing, LaneMatrix y, Workspace& work) {
    for (auto step = processing.steps.rbegin(); step != processing.steps.rend(); ++step) {
        if (!step->no_change) y = reverse(*step, y, work);
    }
    return y;
}

LinearPart forward_part(const Processing& processing, index_t raw_rows) {
    LinearPart total = identity(raw_rows);
    for (const ProcessStep& step : processing.steps) {
        if (!step.no_change) {
            chain_linear(total, step, forward_entry, step.yrows, keeps_rows(step));
        }
    }
    return total;
}

LinearPart reverse_part(const Processing& processing, index_t raw_rows) {
    LinearPart total = identity(processing.processed_rows(raw_rows));
    for (auto step = processing.steps.rbegin(); step != processing.steps.rend(); ++step) {
        if (!step->no_change) {
            chain_linear(total, *step, reverse_entry, step->xrows, keeps_rows(*step));
        }
    }
    return total;
}

std::vector<double> Processing::fit(MatrixView<const double> x, bool reversible) {
    const index_t n = round_up(x.cols, lanes);
    std::vector<double> data(at(x.rows * x.cols));
    for (index_t q = 0; q < x.cols; ++q) {
        detail::poll_interrupt();
        for (index_t i = 0; i < x.rows; ++i) data[at(i + q * x.rows)] = x(i, q);
    }
    index_t rows = x.rows;
    for (ProcessStep& step : steps) {
        if (reversible && step.function == Process::fixunknowns) {
            refuse("fixunknowns cannot process outputs: NaN targets already mean don't care");
        }
        jacnet::fit(step, data, rows, x.cols);
        if (step.no_change) continue;
        Workspace work;
        LaneMatrix in{work.doubles(rows * n), n, rows, n};
        for (index_t i = 0; i < rows; ++i) {
            for (index_t q = 0; q < n; ++q) {
                in.row(i)[q] = q < x.cols ? data[at(i + q * rows)] : nan;
            }
        }
        const LaneMatrix out = apply(step, in, work);
        rows = out.rows;
        data.resize(at(rows * x.cols));
        for (index_t q = 0; q < x.cols; ++q) {
            for (index_t i = 0; i < rows; ++i) data[at(i + q * rows)] = out.row(i)[q];
        }
    }
    return data;
}

bool Processing::fitted() const {
    return std::all_of(steps.begin(), steps.end(),
                       [](const ProcessStep& s) { return s.xrows > 0; });
}

index_t Processing::processed_rows(index_t raw_rows) const {
    for (const ProcessStep& step : steps) {
        if (step.xrows > 0) raw_rows = step.yrows;
    }
    return raw_rows;
}

index_t Processing::raw_rows(index_t processed_rows) const {
    return steps.empty() || steps.front().xrows == 0 ? processed_rows : steps.front().xrows;
}

std::vector<double> row_ranges(MatrixView<const double> x) {
    std::vector<double> ranges;
    for (index_t i = 0; i < x.rows; ++i) {
        detail::poll_interrupt();
        double lo = infinity, hi = -infinity;
        for (index_t q = 0; q < x.cols; ++q) {
            const double value = x(i, q);
            lo = value < lo ? value : lo;
            hi = value > hi ? value : hi;
        }
        ranges.push_back(lo);
        ranges.push_back(hi);
    }
    return ranges;
}

}  // namespace jacnet
