#pragma once
/// Memory is planned: what cannot be had is refused with its size, before anything is touched.

#include <new>
#include <string>

namespace jacnet {

/// More memory than there is; the message says how much, and what to do instead.
class OutOfMemory : public std::bad_alloc {
public:
    explicit OutOfMemory(std::string message) : message_(std::move(message)) {}
    const char* what() const noexcept override { return message_.c_str(); }

private:
    std::string message_;
};

/// @param bytes  in floating point: products of sizes need not fit into an integer
/// @throws OutOfMemory when `what` needs more than a GiB and more than available_memory()
void need_memory(double bytes, const std::string& what, const char* remedy);

}  // namespace jacnet
