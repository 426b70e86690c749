#include "parameter_sets.hpp"

#include <algorithm>

namespace jacnet {

namespace {

std::size_t at(index_t i) { return static_cast<std::size_t>(i); }
index_t size_of(const auto& values) { return static_cast<index_t>(values.size()); }

using Parameter = std::pair<index_t, index_t>;  ///< source, neuron

template <class T>
void tidy(std::vector<T>& values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
}

template <class T>
index_t find(const std::vector<T>& values, const T& value) {
    return std::lower_bound(values.begin(), values.end(), value) - values.begin();
}

/// A product where what is asked for fills half of it.
ParameterSet set_of(index_t layer, const std::vector<std::pair<Parameter, index_t>>& chosen) {
    ParameterSet set;
    set.layer = layer;
    std::vector<Parameter> parameters;
    for (const auto& [parameter, position] : chosen) {
        parameters.push_back(parameter);
        set.p.push_back(parameter.first);
        set.i.push_back(parameter.second);
    }
    tidy(parameters);
    tidy(set.p);
    tidy(set.i);
    set.product = size_of(set.i) * size_of(set.p) <= 2 * size_of(parameters);
    for (const auto& [parameter, position] : chosen) {
        const index_t number = set.product ? find(set.i, parameter.second) +
                                                 size_of(set.i) * find(set.p, parameter.first)
                                           : find(parameters, parameter);
        set.places.emplace_back(number, position);
    }
    if (set.product) return set;
    set.p.clear();
    set.i.clear();
    for (const auto& [source, neuron] : parameters) {
        set.p.push_back(source);
        set.i.push_back(neuron);
    }
    return set;
}

}  // namespace

bool ParameterSet::natural() const {
    for (index_t e = 0; e < size_of(places); ++e) {
        if (places[at(e)] != std::pair{e, places[0].second + e}) return false;
    }
    return size_of(places) == count();
}

ParameterSet ParameterSet::scattered() const {
    if (!product) return {layer, i, p, false, {}};
    ParameterSet set{layer, {}, {}, false, {}};
    for (const index_t source : p) {
        for (const index_t neuron : i) {
            set.p.push_back(source);
            set.i.push_back(neuron);
        }
    }
    return set;
}

std::vector<ParameterSet> parameter_sets(const Plan& plan, const std::vector<index_t>& indices) {
    std::vector<std::vector<std::pair<Parameter, index_t>>> layers(plan.layers.size());
    for (index_t e = 0; e < size_of(indices); ++e) {
        const index_t index = indices[at(e)];
        index_t l = plan.n_layers() - 1;
        while (index < plan.layers[at(l)].offset || plan.layers[at(l)].size() == 0) --l;
        const PlanLayer& layer = plan.layers[at(l)];
        const index_t inside = index - layer.offset;
        layers[at(l)].push_back({{inside / layer.h, inside % layer.h}, e});
    }
    std::vector<ParameterSet> found;
    for (index_t l = 0; l < plan.n_layers(); ++l) {
        if (!layers[at(l)].empty()) found.push_back(set_of(l, layers[at(l)]));
    }
    return found;
}

}  // namespace jacnet
