#include "output_map.hpp"

#include <algorithm>

#include "kernels/kernels.hpp"

namespace jacnet {

void add_output_row(const PlanOutput& output, index_t i, index_t n, const double* a, double* y) {
    for (index_t j = 0; j < output.linear.cols; ++j) {
        const double gain = output.linear(i, j);
        if (gain != 0.0) kernel_table().scale(n, a + j * n, gain, y, true);
    }
}

void output_of_layer(const PlanOutput& output, index_t n, const double* a, double* y) {
    std::fill_n(y, n * output.rows, 0.0);
    for (index_t i = 0; i < output.rows; ++i) add_output_row(output, i, n, a, y + i * n);
}

void add_to_layer(const PlanOutput& output, index_t n, const double* u, double* v) {
    for (index_t j = 0; j < output.linear.cols; ++j) {
        for (index_t i = 0; i < output.rows; ++i) {
            const double gain = output.linear(i, j);
            if (gain != 0.0) kernel_table().scale(n, u + i * n, gain, v + j * n, true);
        }
    }
}

void add_gains(const PlanOutput& output, index_t i, index_t n, double* v) {
    for (index_t j = 0; j < output.linear.cols; ++j) {
        const double gain = output.linear(i, j);
        if (gain != 0.0) kernel_table().fill(n, gain, v + j * n, true);
    }
}

}  // namespace jacnet
