#include "buffers.hpp"

#include <algorithm>
#include <list>
#include <memory>
#include <mutex>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "jacnet/runtime.hpp"

namespace jacnet::python {

namespace py = pybind11;

namespace {

constexpr std::size_t least_bytes = std::size_t{4}
                                    << 20;              // below, the allocator reuses well enough
constexpr std::align_val_t page{std::size_t{2} << 20};  // a huge page: fewer faults

struct Buffer {
    void* data = nullptr;
    std::size_t size = 0;
};

/// Freed buffers, the latest last. Never destroyed: arrays may outlive the module.
class Kept {
public:
    Buffer take(std::size_t bytes) {
        {
            const std::lock_guard lock(mutex_);
            const auto fits = [&](const Buffer& b) {
                return b.size >= bytes && b.size - bytes <= bytes / 8;
            };
            const auto found = std::find_if(idle_.rbegin(), idle_.rend(), fits);
            if (found != idle_.rend()) {
                const Buffer buffer = *found;
                idle_.erase(std::next(found).base());
                total_ -= buffer.size;
                return buffer;
            }
        }
        Buffer buffer{fresh(bytes), bytes};
#ifdef MADV_HUGEPAGE
        madvise(buffer.data, bytes, MADV_HUGEPAGE);  // a hint: nothing is lost if it fails
#endif
        return buffer;
    }
    void give(Buffer buffer) noexcept {
        const std::lock_guard lock(mutex_);
        try {
            idle_.push_back(buffer);
        } catch (const std::bad_alloc&) {
            ::operator delete(buffer.data, page);
            return;
        }
        total_ += buffer.size;
        shrink(limit_);
    }
    void limit(std::size_t bytes) {
        const std::lock_guard lock(mutex_);
        limit_ = bytes;
        shrink(limit_);
    }
    std::size_t limit() {
        const std::lock_guard lock(mutex_);
        return limit_;
    }
    std::size_t total() {
        const std::lock_guard lock(mutex_);
        return total_;
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        shrink(0);
    }

private:
    /// New memory; what is kept is freed rather than that there is none.
    void* fresh(std::size_t bytes) {
        try {
            return ::operator new(bytes, page);
        } catch (const std::bad_alloc&) {
            clear();
            return ::operator new(bytes, page);
        }
    }
    /// Frees the oldest until `bytes` are left at most.
    void shrink(std::size_t bytes) {
        while (total_ > bytes) {
            total_ -= idle_.front().size;
            ::operator delete(idle_.front().data, page);
            idle_.pop_front();
        }
    }

    std::mutex mutex_;
    std::list<Buffer> idle_;
    std::size_t total_ = 0;
    std::size_t limit_ = static_cast<std::size_t>(
        std::min(memory_limit() / 16.0, static_cast<double>(std::size_t{1} << 30)));
};

Kept& kept() {
    static Kept* const all = new Kept;
    return *all;
}

/// NumPy's constructor; the memory is NumPy's own, or that of `owner`.
py::array made(py::dtype dtype, std::span<const py::ssize_t> shape, const py::ssize_t* strides,
               void* data, py::handle owner) {
    const auto& numpy = py::detail::npy_api::get();
    auto array = py::reinterpret_steal<py::array>(numpy.PyArray_NewFromDescr_(
        numpy.PyArray_Type_, dtype.release().ptr(), static_cast<int>(shape.size()), shape.data(),
        strides, data, data ? py::detail::npy_api::NPY_ARRAY_WRITEABLE_ : 0, nullptr));
    if (!array) throw py::error_already_set();
    if (owner) numpy.PyArray_SetBaseObject_(array.ptr(), owner.inc_ref().ptr());
    return array;
}

}  // namespace

py::array new_array(py::dtype dtype, std::span<const py::ssize_t> shape, const py::ssize_t* strides,
                    std::size_t bytes) {
    if (bytes < least_bytes || kept().limit() == 0) {
        return made(std::move(dtype), shape, strides, nullptr, {});
    }
    auto buffer = std::make_unique<Buffer>();
    const py::capsule owner(buffer.get(), [](void* p) {
        auto* freed = static_cast<Buffer*>(p);
        if (freed->data) kept().give(*freed);
        delete freed;
    });
    Buffer* held = buffer.release();  // the capsule's now
    *held = kept().take(bytes);
    return made(std::move(dtype), shape, strides, held->data, owner);
}

void set_buffer_limit(std::size_t bytes) { kept().limit(bytes); }
std::size_t buffer_limit() { return kept().limit(); }
std::size_t buffered() { return kept().total(); }
void clear_buffers() { kept().clear(); }

}  // namespace jacnet::python
