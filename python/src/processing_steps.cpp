#include "processing_steps.hpp"

#include <algorithm>

#include "words.hpp"

namespace jacnet::python {

namespace {

/// Parameters of process functions by the names that MATLAB gives them.
struct StepParameter {
    const char* name;
    double ProcessStep::* value;
    std::vector<Process> of;
};

const std::vector<StepParameter>& step_parameters() {
    static const std::vector<StepParameter> all{
        {"ymin", &ProcessStep::ymin, {Process::mapminmax}},
        {"ymax", &ProcessStep::ymax, {Process::mapminmax}},
        {"ymean", &ProcessStep::ymean, {Process::mapstd}},
        {"ystd", &ProcessStep::ystd, {Process::mapstd}},
        {"max_range", &ProcessStep::max_range, {Process::removeconstantrows}},
        {"maxfrac", &ProcessStep::maxfrac, {Process::processpca}},
    };
    return all;
}

bool has(const StepParameter& parameter, Process process) {
    return std::find(parameter.of.begin(), parameter.of.end(), process) != parameter.of.end();
}

/// @throws ValueError with the near name and the list
const StepParameter& parameter(Process process, py::handle key, const char* argument) {
    std::vector<std::string_view> known;
    for (const StepParameter& p : step_parameters()) {
        if (!has(p, process)) continue;
        if (py::str(p.name).equal(key)) return p;
        known.push_back(p.name);
    }
    std::string list;
    for (const auto& one : known) list += (list.empty() ? "" : ", ") + std::string(one);
    const std::string near = suggestion(key, known);
    throw py::value_error(
        text("Network: ", argument, ": ", name(process), " has no parameter ", quoted(key), near,
             near.empty() ? "; there are: " : " There are: ", list.empty() ? "none" : list));
}

py::array copied_matrix(const std::vector<double>& values, index_t rows, index_t cols) {
    py::array_t<double, py::array::f_style> out({rows, cols});
    std::copy(values.begin(), values.end(), out.mutable_data());
    return out;
}

}  // namespace

Processing make_processing(const Steps& steps, const char* argument) {
    Processing processing;
    for (const auto& [name, parameters] : steps) {
        ProcessStep step;
        step.function =
            named(name, "Network", argument, "the name of a process function", process_from_name);
        for (const auto& [key, value] : parameters) {
            step.*(parameter(step.function, key, argument).value) = py::cast<double>(value);
        }
        processing.steps.push_back(std::move(step));
    }
    return processing;
}

py::dict step_dict(const ProcessStep& step) {
    py::dict d;
    d["name"] = std::string(name(step.function));
    for (const StepParameter& p : step_parameters()) {
        if (has(p, step.function)) d[p.name] = step.*(p.value);
    }
    if (step.xrows == 0) return d;
    d["xrows"] = step.xrows;
    d["yrows"] = step.yrows;
    d["no_change"] = step.no_change;
    switch (step.function) {
        case Process::mapminmax:
            d["xmin"] = copied(step.xmin);
            d["xmax"] = copied(step.xmax);
            d["xoffset"] = copied(step.xoffset);
            d["gain"] = copied(step.gain);
            break;
        case Process::mapstd:
            d["xmean"] = copied(step.xmean);
            d["xstd"] = copied(step.xstd);
            d["xoffset"] = copied(step.xoffset);
            d["gain"] = copied(step.gain);
            break;
        case Process::removeconstantrows:
            d["keep"] = copied(step.keep);
            d["remove"] = copied(step.remove);
            d["constants"] = copied(step.constants);
            break;
        case Process::fixunknowns:
            d["unknown"] = copied(step.unknown);
            d["xmeans"] = copied(step.xmean);
            break;
        case Process::processpca:
            if (!step.transform.empty()) {
                d["transform"] = copied_matrix(step.transform, step.yrows, step.xrows);
                d["inverse"] = copied_matrix(step.inverse, step.xrows, step.yrows);
            }
            break;
    }
    return d;
}

}  // namespace jacnet::python
