#include "parameter_rectangles.hpp"

#include <algorithm>
#include <map>

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
index_t size_of(const auto& values) { return static_cast<index_t>(values.size()); }

/// Parameters of one layer: position in the result by (source, neuron).
using LayerPlaces = std::vector<std::pair<std::pair<index_t, index_t>, index_t>>;

ParameterRectangle rectangle(index_t layer, std::vector<index_t> i, std::vector<index_t> p,
                             const LayerPlaces& places) {
    ParameterRectangle r{layer, std::move(i), std::move(p), {}};
    for (const auto& [parameter, position] : places) {
        const auto a = std::lower_bound(r.i.begin(), r.i.end(), parameter.second) - r.i.begin();
        const auto b = std::lower_bound(r.p.begin(), r.p.end(), parameter.first) - r.p.begin();
        r.places.emplace_back(a + size_of(r.i) * b, position);
    }
    return r;
}

/// One rectangle where what is asked for fills half of it, else one for every set of sources that
/// neurons have in common.
void cut_layer(index_t layer, const LayerPlaces& places, std::vector<ParameterRectangle>& found) {
    std::map<index_t, std::vector<index_t>> sources;  // of every neuron
    std::vector<index_t> all;
    for (const auto& [parameter, position] : places) {
        sources[parameter.second].push_back(parameter.first);
        all.push_back(parameter.first);
    }
    const auto tidy = [](std::vector<index_t>& values) {
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
    };
    tidy(all);
    std::map<std::vector<index_t>, std::vector<index_t>> neurons;  // of every set of sources
    std::vector<index_t> every;
    index_t asked = 0;
    for (auto& [neuron, set] : sources) {
        tidy(set);
        asked += size_of(set);
        neurons[set].push_back(neuron);
        every.push_back(neuron);
    }
    if (size_of(every) * size_of(all) <= 2 * asked) {
        found.push_back(rectangle(layer, every, all, places));
        return;
    }
    for (const auto& [set, own] : neurons) {
        LayerPlaces inside;
        for (const auto& place : places) {
            if (std::binary_search(own.begin(), own.end(), place.first.second)) {
                inside.push_back(place);
            }
        }
        found.push_back(rectangle(layer, own, set, inside));
    }
}

}  // namespace

bool ParameterRectangle::natural() const {
    for (index_t e = 0; e < size_of(places); ++e) {
        if (places[at(e)] != std::pair{e, places[0].second + e}) return false;
    }
    return size_of(places) == size_of(i) * size_of(p);
}

std::vector<ParameterRectangle> parameter_rectangles(const Plan& plan,
                                                     const std::vector<index_t>& indices) {
    std::vector<LayerPlaces> layers(plan.layers.size());
    for (index_t e = 0; e < size_of(indices); ++e) {
        const index_t index = indices[at(e)];
        index_t l = plan.n_layers() - 1;
        while (index < plan.layers[at(l)].offset || plan.layers[at(l)].size() == 0) --l;
        const PlanLayer& layer = plan.layers[at(l)];
        const index_t inside = index - layer.offset;
        layers[at(l)].push_back({{inside / layer.h, inside % layer.h}, e});
    }
    std::vector<ParameterRectangle> found;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        if (!layers[at(l)].empty()) cut_layer(l, layers[at(l)], found);
    }
    return found;
}

}  // namespace jacnet
