#include "tape.hpp"

#include <algorithm>

namespace jacnet {

Tape::Tape(const Plan& plan, const Batch& batch, bool keep) : plan_(plan), batch_(batch) {
    index_t passes = 1, sensitivities = 0;  // doubles per sample
    for (const PlanLayer& layer : plan.layers) {
        passes += layer.k_all + 5 * layer.h;
        sensitivities += layer.h * plan.n_outputs;
    }
    // Few enough samples for the caches, many enough for the products with the weights.
    constexpr index_t cached_doubles = index_t{1} << 16;
    block_samples_ = std::clamp(cached_doubles / passes / lanes * lanes, index_t{64}, index_t{256});
    const double bytes = 8.0 * static_cast<double>(passes + sensitivities + 3 * plan.n_outputs) *
                         static_cast<double>(batch.size());
    if (keep && bytes <= static_cast<double>(kept_bytes)) {
        kept_.resize(static_cast<std::size_t>(n_blocks()));
    }
}

Block Tape::start(index_t b, const Needs& needs, Workspace& work) const {
    const index_t first = b * block_samples_;
    const index_t count = std::min(block_samples_, batch_.size() - first);
    Block block = make_block(plan_, first, count, needs.order, work);
    reserve_gradient(plan_, block, work);
    if (needs.sensitivities) reserve_sensitivities(plan_, block, work);
    return block;
}

/// Makes what is needed and not there yet.
void Tape::fill(Block& block, const Needs& needs, Kept& kept) const {
    if (!kept.made || needs.order > kept.have.order) {
        // A kept block has room for the slopes, which the next question will want.
        const Order order = kept.work ? everything.order : needs.order;
        forward(plan_, batch_, block, order);
        kept.made = true;
        kept.have.order = order;
    }
    if (needs.gradient && !kept.have.gradient) {
        load_targets(plan_, batch_, block, data_scale(plan_.performance, batch_.counted));
        backward(plan_, block, Objective::performance);
        kept.have.gradient = true;
    }
    if (needs.sensitivities && !kept.have.sensitivities) {
        sensitivities(plan_, block);
        kept.have.sensitivities = true;
    }
}

}  // namespace jacnet
