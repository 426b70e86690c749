#include "tape.hpp"

#include <algorithm>
#include <bit>

namespace jacnet {

namespace {

/// Blocks that the samples are cut into, a matter of the network and the number of samples alone:
/// small enough for the caches, large enough for the products with the weights, twice as large
/// where these outgrow them, and more of them where a share of the samples is still worth a task.
/// Powers of two, or even numbers where there are many, which threads share without a rest.
index_t blocks_of(const Plan& plan, index_t samples, index_t doubles_per_sample) {
    constexpr index_t cached_doubles = index_t{1} << 16, shares = 16;
    constexpr double flops_worth_a_task = 6e5;
    if (samples == 0) return 0;
    const index_t least = plan.n_parameters > 2 * cached_doubles ? 128 : 64;
    const index_t cached = std::clamp(cached_doubles / doubles_per_sample, least, index_t{256});
    const index_t needed = (samples + cached - 1) / cached;
    if (needed > shares) return round_up(needed, 2);
    const auto worth = static_cast<index_t>(flops_worth_a_task / (3.0 * plan.forward_flops + 1.0));
    const index_t task = std::max(worth, 4 * lanes);
    const index_t tasks = std::min((samples + task - 1) / task, shares);
    const auto count = [](index_t n) { return static_cast<std::size_t>(n); };
    return static_cast<index_t>(
        std::max(std::bit_ceil(count(needed)), std::bit_floor(count(tasks))));
}

}  // namespace

Tape::Tape(const Plan& plan, const Batch& batch, bool keep) : plan_(plan), batch_(batch) {
    for (const PlanLayer& layer : plan.layers) {
        passes_ += layer.k_all + 5 * layer.h;
        sensitivities_ += layer.h * plan.n_outputs;
    }
    n_blocks_ = blocks_of(plan, batch.size(), passes_);
    if (keep) this->keep();
}

void Tape::keep() {
    if (kept()) return;
    index_t curvature = 3 * plan_.n_outputs;  // f'', and what is of the outputs
    for (const PlanLayer& layer : plan_.layers) curvature += layer.h;
    const auto fits = [&](index_t doubles) {
        const double bytes = 8.0 * static_cast<double>(doubles);
        return bytes * static_cast<double>(batch_.size()) <= static_cast<double>(kept_bytes);
    };
    if (!fits(passes_ + curvature)) return;
    keeps_sensitivities_ = fits(passes_ + curvature + sensitivities_);
    kept_.resize(static_cast<std::size_t>(n_blocks()));
}

Block Tape::start(index_t b, const Needs& needs, Workspace& work) const {
    const index_t first = first_of(b);
    Block block = make_block(plan_, first, first_of(b + 1) - first, needs.order, work);
    reserve_targets(plan_, block, work);
    return block;
}

/// Makes what is needed and not there yet.
void Tape::fill(Block& block, const Needs& needs, Kept& kept, Workspace& work) const {
    // A kept block has room for the slopes, which the next question will want.
    const Order order = kept.work ? std::max(needs.order, Order::slope) : needs.order;
    if (!kept.made || order > kept.have.order) {
        reserve_slopes(plan_, block, order, work);
        if (kept.made) {
            add_slopes(plan_, block, order);
        } else {
            forward(plan_, batch_, block, order);
        }
        kept.made = true;
        kept.have.order = order;
    }
    if (needs.outputs && !kept.have.outputs) {
        raw_outputs(plan_, block);
        kept.have.outputs = true;
    }
    if (needs.gradient && !kept.have.gradient) {
        reserve_gradient(plan_, block, work);
        load_targets(plan_, batch_, block, data_scale(plan_.performance, batch_.counted));
        backward(plan_, block, Objective::performance);
        kept.have.gradient = true;
    }
    if (needs.sensitivities && !kept.have.sensitivities) {
        reserve_sensitivities(plan_, block, work);
        sensitivities(plan_, block);
        kept.have.sensitivities = true;
    }
}

Block Tape::with_sensitivities(const Block& block, Workspace& work) const {
    Block whole = block;
    whole.layers = work.array<LayerTape>(plan_.n_layers());
    for (index_t l = 0; l < plan_.n_layers(); ++l) {
        whole.layers[l] = block.layers[l];
        whole.layers[l].d = nullptr;
    }
    reserve_sensitivities(plan_, whole, work);
    sensitivities(plan_, whole);
    return whole;
}

}  // namespace jacnet
