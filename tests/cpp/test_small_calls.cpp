/// Small calls take their memory from the thread's workspace: once it is warm, they allocate
/// nothing but the linearization itself.

#include <cstdlib>
#include <new>
#include <utility>

#include "check.hpp"
#include "networks.hpp"

using namespace jacnet;

namespace {

long n_allocations = 0;

void* counted(std::size_t size, std::size_t alignment) {
    ++n_allocations;
    const std::size_t whole = (size + alignment - 1) / alignment * alignment;
    void* p = std::aligned_alloc(alignment, whole > 0 ? whole : alignment);
    if (!p) throw std::bad_alloc();
    return p;
}

}  // namespace

void* operator new(std::size_t size) { return counted(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace {

/// Allocations of a call that was made before.
template <class Call>
long allocations(Call&& call) {
    call();
    const long before = n_allocations;
    call();
    return n_allocations - before;
}

/// A small network, data, and room for answers.
struct Small {
    Network net = example::chain({2, 10, 3});
    index_t p = net.n_parameters();
    example::Matrix x = example::numbers(2, 94, 0.1), t = example::numbers(3, 94, 0.2);
    example::Matrix y{3, 94}, j{p, 3 * 94}, g{p, 1};

    VectorView<double> gradient() { return {g.values.data(), p}; }
    Samples samples() { return {.x = {x.view()}, .t = {t.view()}}; }
};

void check_kept() {
    Small small;
    Linearization lin(small.net, small.samples());
    CHECK_EQUAL(allocations([&] { lin.outputs(small.y.view()); }), 0);
    CHECK_EQUAL(allocations([&] { lin.errors(small.y.view()); }), 0);
    CHECK_EQUAL(allocations([&] { lin.performance(); }), 0);
    CHECK_EQUAL(allocations([&] { lin.gradient(small.gradient()); }), 0);
    CHECK_EQUAL(allocations([&] { lin.jacobian(small.j.view()); }), 0);
    CHECK_EQUAL(allocations([&] { lin.de_dwb(small.j.view()); }), 0);
}

/// Samples that are handed over are kept as they are.
void check_new() {
    Small small;
    const auto ask = [&](auto&& question) {
        Samples samples = small.samples();
        const long before = n_allocations;
        Linearization lin(small.net, std::move(samples), "test", Parameters::borrowed);
        question(lin);
        return n_allocations - before;
    };
    const auto de_dwb = [&](Linearization& lin) { lin.de_dwb(small.j.view()); };
    const auto gradient = [&](Linearization& lin) { lin.gradient(small.gradient()); };
    ask(de_dwb);
    CHECK_EQUAL(ask(de_dwb), 1);
    CHECK_EQUAL(ask(gradient), 1);
}

}  // namespace

int main() {
    check_kept();
    check_new();
    return check::result();
}
