/// Interrupt checks: how a long computation notices that nobody wants its result any more.

#include "jacnet/runtime.hpp"
#include "parallel.hpp"

namespace jacnet {

namespace {

thread_local InterruptCheck* present = nullptr;

}  // namespace

InterruptCheck::InterruptCheck(std::function<void()> check)
    : check_(std::move(check)), asked_(std::chrono::steady_clock::now()), outer_(present) {
    present = this;
}

InterruptCheck::~InterruptCheck() { present = outer_; }

void InterruptCheck::poll() {
    const auto now = std::chrono::steady_clock::now();
    if (now - asked_ < std::chrono::milliseconds(100)) return;
    asked_ = now;
    check_();
}

void detail::poll_interrupt() {
    if (present != nullptr) present->poll();
}

}  // namespace jacnet
