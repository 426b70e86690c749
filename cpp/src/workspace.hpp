#pragma once
/// Scratch memory of a thread: a stack of 64-byte aligned doubles, kept between calls.

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "jacnet/view.hpp"

namespace jacnet {

/// Samples are handled in whole packets of this many lanes.
inline constexpr index_t lanes = 8;

inline index_t round_up(index_t n, index_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

/// Everything allocated through a Workspace is given back when it goes out of scope.
/// Workspaces of one thread nest; the memory stays with the thread, up to `kept_bytes`.
class Workspace {
public:
    static constexpr std::size_t kept_bytes = std::size_t{64} << 20;

    Workspace() : stack_(stack()), slab_(stack_.slab), used_(stack_.used) {}
    ~Workspace() {
        stack_.slab = slab_;
        stack_.used = used_;
        if (slab_ == 0 && used_ == 0 && stack_.slabs.size() > 1) stack_.trim();
    }
    /// Memory of its own, given back at the end, for what outlives a call.
    struct Own {
        index_t expected = 0;  ///< doubles that will be asked for first, and then stand together
    };
    explicit Workspace(Own own)
        : own_(std::make_unique<Stack>()), stack_(*own_), slab_(0), used_(0) {
        stack_.least = 1;
        if (own.expected > 0) stack_.slabs.emplace_back(static_cast<std::size_t>(own.expected));
    }
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    /// `n` uninitialised doubles.
    double* doubles(index_t n) {
        Stack& s = stack_;
        const auto need = static_cast<std::size_t>(round_up(n < 1 ? 1 : n, lanes));
        while (s.slab < s.slabs.size() && s.used + need > s.slabs[s.slab].size) {
            ++s.slab;
            s.used = 0;
        }
        if (s.slab == s.slabs.size()) s.slabs.push_back(Slab(need < s.least ? s.least : need));
        double* p = s.slabs[s.slab].data + s.used;
        s.used += need;
        return p;
    }

    /// `n` uninitialised values of a type that needs no destructor.
    template <class T>
    T* array(index_t n) {
        static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 64);
        const auto bytes = static_cast<index_t>(sizeof(T)) * n;
        return reinterpret_cast<T*>(doubles((bytes + 7) / 8));
    }

private:
    struct Slab {
        explicit Slab(std::size_t size_)
            : size(size_),
              data(static_cast<double*>(
                  ::operator new(size * sizeof(double), std::align_val_t{64}))) {}
        Slab(Slab&& other) noexcept : size(other.size), data(other.data) { other.data = nullptr; }
        Slab& operator=(Slab&&) = delete;
        ~Slab() { ::operator delete(data, std::align_val_t{64}); }
        std::size_t size;
        double* data;
    };
    struct Stack {
        std::vector<Slab> slabs;
        std::size_t slab = 0;
        std::size_t used = 0;
        std::size_t least = std::size_t{1} << 16;  ///< doubles of a slab

        void trim() {
            std::size_t total = 0;
            for (const Slab& s : slabs) total += s.size * sizeof(double);
            while (total > kept_bytes) {
                total -= slabs.back().size * sizeof(double);
                slabs.pop_back();
            }
        }
    };
    [[gnu::noinline]] static Stack& made() {
        thread_local Stack s;
        return s;
    }
    static Stack& stack() {
        // Found without asking whether it is constructed; gone for what a thread destroys last.
        thread_local Stack* here = nullptr;
        if (here == nullptr) here = &made();
        return *here;
    }
    std::unique_ptr<Stack> own_;
    Stack& stack_;
    std::size_t slab_;
    std::size_t used_;
};

}  // namespace jacnet
