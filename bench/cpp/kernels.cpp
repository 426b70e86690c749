/// Micro-benchmarks of single kernels, for one instruction set: JACNET_ISA=avx2 bench_kernels
///
///     bench_kernels          one line per kernel and size, with a rate
///     bench_kernels --sets   the instruction sets that this machine can run
///
/// Every line is the median of 11 timings of at least 2 ms each, on one thread. Operands stay in
/// the caches, but for the lines that say otherwise.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "jacnet/runtime.hpp"
#include "kernels/kernels.hpp"
#include "workspace.hpp"

namespace {

using jacnet::index_t;
using jacnet::round_up;
using Clock = std::chrono::steady_clock;

constexpr int n_timings = 11;
constexpr double least_seconds = 2e-3;
constexpr index_t lanes = 128;  // samples of a block

/// Memory as the kernels want it: aligned to 64 bytes, filled with numbers in [-1, 1].
class Array {
public:
    explicit Array(index_t size)
        : data_(static_cast<double*>(std::aligned_alloc(64, bytes(size)))) {
        std::mt19937_64 source(1);
        std::uniform_real_distribution<double> uniform(-1.0, 1.0);
        for (index_t i = 0; i < size; ++i) data_[i] = uniform(source);
    }
    ~Array() { std::free(data_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;

    operator double*() const { return data_; }

private:
    static std::size_t bytes(index_t size) {
        return (static_cast<std::size_t>(size) * sizeof(double) + 127) / 64 * 64;
    }
    double* data_;
};

/// What the compiler must not remove.
void use(const double* p) { asm volatile("" : : "g"(p) : "memory"); }

template <class Call>
double seconds(const Call& call) {
    std::vector<double> found;
    long loops = 1;
    while (found.size() < n_timings) {
        const auto start = Clock::now();
        for (long i = 0; i < loops; ++i) call();
        const double time = std::chrono::duration<double>(Clock::now() - start).count();
        if (time < least_seconds) {
            loops *= 2;
        } else {
            found.push_back(time / static_cast<double>(loops));
        }
    }
    std::nth_element(found.begin(), found.begin() + n_timings / 2, found.end());
    return found[n_timings / 2];
}

void print(const std::string& kernel, double time, double amount, const char* unit) {
    const auto set = jacnet::instruction_set();
    std::printf("%-9.*s %-44s %10.3f us %9.3f %s\n", static_cast<int>(set.size()), set.data(),
                kernel.c_str(), 1e6 * time, amount, unit);
}

void transfer(const jacnet::Kernels& kernels, jacnet::Transfer f, bool slope, bool curvature) {
    constexpr index_t h = 16;
    const Array s(lanes * h), a(lanes * h), d1(lanes * h), d2(lanes * h);
    const double time = seconds([&] {
        kernels.transfer(f, lanes, h, s, lanes, a, lanes,
                         slope ? static_cast<double*>(d1) : nullptr,
                         curvature ? static_cast<double*>(d2) : nullptr, lanes);
        use(a);
    });
    const char* name = f == jacnet::Transfer::tansig ? "tansig" : "logsig";
    const std::string more = curvature ? ", slope, curvature" : slope ? ", slope" : "";
    print("transfer " + (name + more), time, 1e9 * time / (lanes * h), "ns/element");
}

std::string sizes(index_t a, index_t b, index_t c) {
    return std::to_string(a) + " x " + std::to_string(b) + " x " + std::to_string(c);
}

/// Forward: h neurons from k sources; backward: the other way.
void layer_product(const jacnet::Kernels& kernels, index_t h, index_t k, bool backward) {
    const Array a(lanes * k), b(k * h), c(lanes * h);
    const double time = seconds([&] {
        kernels.layer_product(lanes, h, k, a, lanes, b, backward ? k : 1, backward ? 1 : h, c,
                              lanes, false);
        use(c);
    });
    print("layer_product " + sizes(lanes, h, k) + (backward ? ", backward" : ""), time,
          2e-9 * static_cast<double>(lanes * h * k) / time, "Gflop/s");
}

void sum_over_lanes(const jacnet::Kernels& kernels, index_t h, index_t k) {
    const Array g(lanes * h), u(lanes * k), out(h * k);
    const double time = seconds([&] {
        kernels.sum_over_lanes(lanes, h, k, g, lanes, u, lanes, out, h);
        use(out);
    });
    print("sum_over_lanes " + sizes(h, k, lanes), time,
          2e-9 * static_cast<double>(lanes * h * k) / time, "Gflop/s");
}

/// Packing of both operands, and their contraction into a compact matrix.
void contract(const jacnet::Kernels& kernels, index_t rows, index_t columns, index_t n) {
    const Array x(n * rows), y(n * columns), h(rows * columns);
    const Array left((rows + kernels.panel_rows) * n), right(columns * n + 16);
    std::vector<jacnet::Factor> left_rows, right_columns;
    std::vector<index_t> row_offsets, column_offsets;
    for (index_t r = 0; r < rows; ++r) {
        left_rows.push_back({x + r * n, nullptr});
        row_offsets.push_back(r);
    }
    for (index_t c = 0; c < columns; ++c) {
        right_columns.push_back({y + c * n, y + (columns - 1 - c) * n});
        column_offsets.push_back(c * rows);
    }
    const double pack = seconds([&] {
        kernels.pack_left(n, rows, left_rows.data(), left, kernels.panel_rows * n);
        use(left);
    });
    print("pack_left " + std::to_string(rows) + " x " + std::to_string(n), pack,
          1e9 * pack / static_cast<double>(rows * n), "ns/element");
    kernels.pack_right(n, columns, right_columns.data(), right);
    const double time = seconds([&] {
        kernels.contract(n, rows, left, kernels.panel_rows * n, row_offsets.data(), columns, right,
                         column_offsets.data(), rows, h, true);
        use(h);
    });
    print("contract " + sizes(rows, columns, n), time,
          2e-9 * static_cast<double>(rows * columns * n) / time, "Gflop/s");
}

/// `total` samples in blocks into a Jacobian of that many samples.
void jacobian_columns(const jacnet::Kernels& kernels, index_t h, index_t k, index_t outputs,
                      index_t total, bool stream) {
    const index_t column = h * k;
    const index_t ldu = round_up(k, lanes), ldd = round_up(h, lanes) + lanes;
    const Array u(lanes * ldu), d(lanes + lanes * ldd * outputs), out(column * outputs * total);
    const jacnet::OuterProducts part{0, h, k, u, ldu, d + lanes, ldd};
    const double time = seconds([&] {
        for (index_t first = 0; first < total; first += lanes) {
            kernels.jacobian_columns(0, std::min(lanes, total - first) * outputs, outputs, 1, &part,
                                     out + first * outputs * column, column, stream);
        }
        use(out);
    });
    const double bytes = 8.0 * static_cast<double>(column * outputs * total);
    const std::string size = std::to_string(h) + " x " + std::to_string(k) + ", " +
                             std::to_string(outputs) + " outputs, N=" + std::to_string(total);
    print("jacobian_columns " + size + (stream ? ", streamed" : ""), time, 1e-9 * bytes / time,
          "GB/s");
}

void mirror(const jacnet::Kernels& kernels, index_t p) {
    const Array h(p * p);
    const double time = seconds([&] {
        kernels.mirror(p, 0, p, h, p);
        use(h);
    });
    const double bytes = 8.0 * static_cast<double>(p) * static_cast<double>(p);
    print("mirror " + std::to_string(p), time, 1e-9 * bytes / time, "GB/s, read and written");
}

void measure(const jacnet::Kernels& kernels) {
    for (const auto f : {jacnet::Transfer::tansig, jacnet::Transfer::logsig}) {
        transfer(kernels, f, false, false);
        transfer(kernels, f, true, false);
        transfer(kernels, f, true, true);
    }
    for (const index_t h : {10, 20, 64, 100}) {
        layer_product(kernels, h, h, false);
        layer_product(kernels, h, h, true);
        sum_over_lanes(kernels, h, h);
    }
    layer_product(kernels, 100, 785, false);
    layer_product(kernels, 256, 785, false);
    layer_product(kernels, 785, 256, true);
    layer_product(kernels, 128, 257, false);
    layer_product(kernels, 256, 128, true);
    sum_over_lanes(kernels, 256, 785);
    sum_over_lanes(kernels, 128, 257);
    contract(kernels, 10, 22, 96);
    contract(kernels, 210, 231, 512);
    contract(kernels, 4096, 96, 512);
    jacobian_columns(kernels, 10, 2, 1, 94, false);
    jacobian_columns(kernels, 64, 65, 5, 4, false);
    jacobian_columns(kernels, 64, 65, 5, 512, false);
    jacobian_columns(kernels, 64, 65, 5, 512, true);
    for (const index_t p : {31, 703, 5829}) mirror(kernels, p);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], "--sets") == 0) {
        for (const std::string& set : jacnet::available_instruction_sets()) {
            std::printf("%s\n", set.c_str());
        }
        return 0;
    }
    measure(jacnet::kernel_table());
    return 0;
}
