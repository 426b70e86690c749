#pragma once
/// MATLAB's default generator: Mersenne Twister, 53-bit uniforms on [0, 1).

#include <cstdint>
#include <optional>
#include <random>

namespace jacnet {

/// The stream of MATLAB's rng(seed) and of numpy.random.RandomState(seed).random_sample().
class UniformSource {
public:
    /// Without a seed, from fresh entropy.
    explicit UniformSource(std::optional<std::uint32_t> seed)
        : engine_(seed ? *seed : std::random_device{}()) {}

    double operator()() {
        const std::uint32_t high = static_cast<std::uint32_t>(engine_()) >> 5;
        const std::uint32_t low = static_cast<std::uint32_t>(engine_()) >> 6;
        return (high * 67108864.0 + low) / 9007199254740992.0;
    }

private:
    std::mt19937 engine_;
};

}  // namespace jacnet
