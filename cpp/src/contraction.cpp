#include "contraction.hpp"

#include <algorithm>
#include <type_traits>

#include "parallel.hpp"

namespace jacnet {

namespace {

using What = LaneArray::What;

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }

/// Flops of a task per lane: a task is then worth some hundred microseconds.
constexpr index_t task_flops = index_t{1} << 15;
/// Bytes of a packed right operand, which should stay in the second-level cache.
constexpr index_t right_bytes = index_t{256} << 10;

/// The lanes of an array in a block that is still at hand.
const double* values(const LaneArray& array, const Plan& plan, const Block& block,
                     const CurvatureTape* tape, index_t output) {
    switch (array.what) {
        case What::none:
            return nullptr;
        case What::b:
            return tape->b(array.l, array.k);
        case What::c:
            return tape->c(array.l, array.k);
        case What::u:
            return block.layers[array.l].u;
        case What::v:
            return block.layers[array.l].v;
        case What::g:
            return block.layers[array.l].g;
        case What::d1:
            return block.layers[array.l].d1;
        case What::d2:
            return block.layers[array.l].d2;
        case What::d:
            return block.layers[array.l].d + output * plan.layers[at(array.l)].h * block.n;
    }
    return nullptr;
}

}  // namespace

index_t Contraction::panel_rows() const {
    return precision_ == Precision::float32 ? float_kernel_table().panel_rows
                                            : kernel_table().panel_rows;
}

index_t Contraction::bytes_of_product() const {
    return static_cast<index_t>(precision_ == Precision::float32 ? sizeof(float) : sizeof(double));
}

template <class Values>
void Contraction::point(const Operand& operand, index_t first, index_t last, index_t n,
                        Values&& values, Factor* factors) const {
    for (index_t s = 0; s < operand.n_segments; ++s) {
        const Segment& segment = operand.segments[s];
        const index_t end = std::min(segment.end, last);
        if (first >= end) continue;
        const double* x = values(segment.x);
        const double* y = values(segment.y);
        for (; first < end; ++first) {
            *factors++ = {x + operand.x_lane[first] * n,
                          y ? y + operand.y_lane[first] * n : nullptr};
        }
    }
}

const double* Contraction::kept(const LaneArray& array) const {
    for (const Kept& k : kept_) {
        if (k.array == array) return k.values;
    }
    return nullptr;
}

void Contraction::reserve(index_t n, Workspace& work) {
    n_ = n;
    for (Packed& packed : packed_) {
        const index_t size = n * round_up(packed.operand.count, panel_rows());
        if (precision_ == Precision::float32) {
            packed.floats = work.array<float>(size);
        } else {
            packed.values = work.doubles(size);
        }
    }
    for (Kept& kept : kept_) kept.values = work.doubles(n * kept.features);
    cut(n);
}

void Contraction::take(index_t begin, const Block& block, const CurvatureTape* tape,
                       index_t output) {
    const index_t panel = panel_rows();
    const auto own = [&](const LaneArray& array) {
        return values(array, plan_, block, tape, output);
    };
    for (const Packed& packed : packed_) {
        Workspace work;
        const index_t count = packed.operand.count;
        Factor* factors = work.array<Factor>(count);
        point(packed.operand, 0, count, block.n, own, factors);
        if (packed.floats) {
            float_kernel_table().pack_left(block.n, count, factors, packed.floats + begin * panel,
                                           panel * n_);
        } else {
            kernel_table().pack_left(block.n, count, factors, packed.values + begin * panel,
                                     panel * n_);
        }
    }
    for (const Kept& kept : kept_) {
        const double* from = own(kept.array);
        for (index_t f = 0; f < kept.features; ++f) {
            std::copy_n(from + f * block.n, block.n, kept.values + f * n_ + begin);
        }
    }
}

/// Shares of the terms; they depend on the problem alone.
void Contraction::cut(index_t n) {
    const index_t panel = panel_rows();
    main_tasks_.clear();
    correction_tasks_.clear();
    for (std::size_t t = 0; t < terms_.size(); ++t) {
        const Term& term = terms_[t];
        const index_t rows = packed_[at(term.left)].operand.count, columns = term.right.count;
        const index_t width = std::clamp(right_bytes / (bytes_of_product() * n) / 12 * 12,
                                         index_t{24}, std::max(columns, index_t{24}));
        const index_t height = std::max(round_up(8 * task_flops / width, panel), 8 * panel);
        const index_t column_parts = (columns + width - 1) / width;
        for (index_t c = 0; c < column_parts; ++c) {
            const index_t first_column = columns * c / column_parts;
            const index_t last_column = columns * (c + 1) / column_parts;
            const index_t last_row = term.triangular ? last_column : rows;
            const index_t row_parts = (last_row + height - 1) / height;
            const index_t row_panels = (last_row + panel - 1) / panel;
            for (index_t r = 0; r < row_parts; ++r) {
                const index_t first = panel * (row_panels * r / row_parts);
                const index_t last = std::min(panel * (row_panels * (r + 1) / row_parts), last_row);
                (term.main ? main_tasks_ : correction_tasks_)
                    .push_back({static_cast<index_t>(t), first, last, first_column, last_column});
            }
        }
    }
}

template <class Result>
void Contraction::run(const Task& task, Result* h, bool accumulate) const {
    const Term& term = terms_[at(task.term)];
    const Packed& left = packed_[at(term.left)];
    const index_t rows = task.last_row - task.first_row;
    const index_t columns = task.last_column - task.first_column;
    const index_t diagonal = term.triangular ? task.first_column - task.first_row : rows;
    const index_t shift = task.first_row * n_, stride = panel_rows() * n_;
    Workspace work;
    Factor* factors = work.array<Factor>(columns);
    point(
        term.right, task.first_column, task.last_column, n_,
        [&](const LaneArray& array) { return kept(array); }, factors);
    const auto contract = [&](const auto& pack_right, const auto& kernel, const auto* packed,
                              auto* right) {
        pack_right(n_, columns, factors, right);
        kernel(n_, rows, packed + shift, stride, term.rows + task.first_row, columns, right,
               term.right.offset + task.first_column, diagonal, h, accumulate || !term.main);
    };
    const index_t size = columns * n_ + 16;
    const Kernels& kernels = kernel_table();
    const FloatKernels& floats = float_kernel_table();
    if constexpr (std::is_same_v<Result, float>) {
        contract(floats.pack_right, floats.contract, left.floats, work.array<float>(size));
    } else if (precision_ == Precision::float32) {
        contract(floats.pack_right, floats.contract_wide, left.floats, work.array<float>(size));
    } else {
        contract(kernels.pack_right, kernels.contract, left.values, work.doubles(size));
    }
}

template <class Result>
void Contraction::contract(Result* h, bool accumulate, int n_threads) const {
    for (const std::vector<Task>* tasks : {&main_tasks_, &correction_tasks_}) {
        parallel_for(static_cast<index_t>(tasks->size()), n_threads,
                     [&](index_t t) { run((*tasks)[at(t)], h, accumulate); });
    }
}

template void Contraction::contract(double*, bool, int) const;
template void Contraction::contract(float*, bool, int) const;

}  // namespace jacnet
