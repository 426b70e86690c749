#include "pieces.hpp"

#include <algorithm>

namespace jacnet::python {

namespace {

[[noreturn]] void refuse(const char* function, const std::string& message) {
    throw py::value_error(std::string(function) + ": " + message);
}

std::string structure_word(const char* function, py::handle structure, bool blocks) {
    const char* expected = blocks ? "'full', 'block' or 'diagonal'" : "'full' or 'diagonal'";
    const std::string name = word(structure, function, "structure", expected);
    if (name != "full" && name != "diagonal" && (name != "block" || !blocks)) {
        refuse(function, "structure is '" + name + "', expected " + expected);
    }
    return name;
}

/// Parameters of every layer: [first, last).
std::vector<std::pair<index_t, index_t>> layer_ranges(const Network& net) {
    std::vector<std::pair<index_t, index_t>> ranges(net.structure().layers.size(), {0, 0});
    for (const ParameterBlock& block : net.layout()) {
        if (!block.learn) continue;
        auto& [first, last] = ranges[static_cast<std::size_t>(block.layer)];
        if (last == 0) first = block.offset;
        last = block.offset + block.size();
    }
    return ranges;
}

py::list layer_blocks(PyLinearization& lin, const char* function, Curvature kind,
                      const ParameterOrder& order, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const auto ranges = layer_ranges(lin.network());
    const bool given = !out.is_none();
    if (given && (!py::isinstance<py::list>(out) || py::len(out) != ranges.size())) {
        throw py::type_error(std::string(function) + ": out must be a list of " +
                             std::to_string(ranges.size()) + " arrays, one per layer");
    }
    std::vector<Answer> answers;
    std::vector<py::array> arrays;  // the caller's
    std::vector<MatrixView<double>> views;
    for (std::size_t l = 0; l < ranges.size(); ++l) {
        const index_t size = ranges[l].second - ranges[l].first;
        const py::object own =
            given ? py::object(py::reinterpret_borrow<py::list>(out)[l]) : py::object(py::none());
        answers.push_back(lin.target(function, own, {size, size}));
        arrays.push_back(answers.back().caller());
        const std::vector<py::array> earlier(arrays.begin(), arrays.end() - 1);
        if (given) python::refuse_overlap(arrays.back(), function, earlier, "itself");
        views.push_back(matrix(answers.back()));
    }
    Linearization& made = lin.made();
    lin.ask(lin.work(lin.n_parameters()), [&] { made.hessian_layers(views, kind, threads); });
    py::list blocks;
    for (std::size_t l = 0; l < ranges.size(); ++l) {
        answers[l].given();
        order.layer(arrays[l], ranges[l].first, ranges[l].second);
        blocks.append(arrays[l]);
    }
    return given ? py::reinterpret_borrow<py::list>(out) : blocks;
}

py::array packed_hessian(PyLinearization& lin, const char* function, Curvature kind,
                         py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const index_t p = lin.n_parameters();
    const Answer h = lin.target(function, out, {p * (p + 1) / 2});
    Linearization& made = lin.made();
    lin.ask(lin.work(p), [&] { made.hessian_packed(vector(h), kind, threads); });
    return h.given();
}

/// What Layout.select makes of a choice of parameters.
std::vector<index_t> selected(const Network& net, const char* function, const char* argument,
                              py::handle choice) {
    const py::object indices = py::cast(net, py::return_value_policy::reference)
                                   .attr("layout")
                                   .attr("_selected")(choice, function, argument);
    const auto array =
        py::array_t<std::int64_t, py::array::forcecast | py::array::c_style>(indices);
    return {array.data(), array.data() + array.size()};
}

}  // namespace

Curvature curvature_kind(const char* function, py::handle kind) {
    const std::string name = word(kind, function, "kind", "'exact' or 'gauss-newton'");
    if (name == "exact") return Curvature::exact;
    if (name == "gauss-newton") return Curvature::gauss_newton;
    refuse(function, "kind is '" + name + "', expected 'exact' or 'gauss-newton'");
}

py::object hessian(PyLinearization& lin, const char* function, py::handle kind,
                   py::handle structure, py::handle packed, py::handle order, py::handle n_threads,
                   py::handle out) {
    const Curvature curvature = curvature_kind(function, kind);
    const std::string name = structure_word(function, structure, true);
    const ParameterOrder rearrange(function, lin.network(), order);
    if (!py::isinstance<py::bool_>(packed)) {
        throw py::type_error(std::string(function) + ": packed must be True or False, got " +
                             type_name(packed));
    }
    if (py::cast<bool>(packed)) {
        if (name != "full")
            refuse(function, "packed=True needs structure='full', got '" + name + "'");
        if (!rearrange.natural()) {
            refuse(function,
                   "packed=True comes in the layout's order only; leave order out, or "
                   "take the full matrix");
        }
        return packed_hessian(lin, function, curvature, n_threads, out);
    }
    if (name == "block") return layer_blocks(lin, function, curvature, rearrange, n_threads, out);
    if (name == "diagonal")
        return hessian_diagonal(lin, function, curvature, order, n_threads, out);
    const char* kind_name = curvature == Curvature::exact ? "exact" : "gauss-newton";
    return rearrange(lin.hessian(function, kind_name, n_threads, out), {0, 1});
}

py::array hessian_diagonal(PyLinearization& lin, const char* function, Curvature kind,
                           py::handle order, py::handle n_threads, py::handle out) {
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    const Answer d = lin.target(function, out, {lin.n_parameters()});
    Linearization& made = lin.made();
    lin.ask(lin.work(20), [&] { made.hessian_diagonal(vector(d), kind, threads); });
    return rearrange(d.given(), {0});
}

double hessian_trace(PyLinearization& lin, const char* function, Curvature kind,
                     py::handle n_threads) {
    const auto threads = thread_count(n_threads, function);
    Linearization& made = lin.made();
    return lin.ask(lin.work(20), [&] { return made.hessian_trace(kind, threads); });
}

py::array hessian_block(PyLinearization& lin, const char* function, py::handle rows,
                        py::handle cols, Curvature kind, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const std::vector<index_t> r = selected(lin.network(), function, "rows", rows);
    const std::vector<index_t> c =
        cols.is_none() ? r : selected(lin.network(), function, "cols", cols);
    const auto n_rows = static_cast<index_t>(r.size()), n_cols = static_cast<index_t>(c.size());
    const Answer h = lin.target(function, out, {n_rows, n_cols});
    Linearization& made = lin.made();
    const double entries = static_cast<double>(r.size()) * static_cast<double>(c.size());
    const double sums = 2.0 * entries * static_cast<double>(lin.n_samples());
    lin.ask(lin.work(20) + sums, [&] { made.hessian_block(r, c, matrix(h), kind, threads); });
    return h.given();
}

py::array gradients(PyLinearization& lin, const char* function, py::handle order,
                    py::handle n_threads, py::handle out) {
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    const Answer g = lin.target(function, out, {lin.n_parameters(), lin.n_samples()});
    Linearization& made = lin.made();
    lin.ask(lin.work(7), [&] { made.gradients(matrix(g), threads); });
    return rearrange(g.given(), {0});
}

py::array hessians(PyLinearization& lin, const char* function, Curvature kind, py::handle order,
                   py::handle n_threads, py::handle out) {
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    const index_t p = lin.n_parameters();
    const Answer h = lin.target(function, out, {lin.n_samples(), p, p}, true);
    constexpr index_t size = sizeof(double);
    // Symmetric: whichever of the last two axes is contiguous may be called the first.
    const bool swap = h->strides(2) < h->strides(1);
    const index_t strides[3] = {h->strides(0) / size, h->strides(swap ? 2 : 1) / size,
                                h->strides(swap ? 1 : 2) / size};
    auto* values = static_cast<double*>(const_cast<void*>(h->data()));
    Linearization& made = lin.made();
    lin.ask(lin.work(p), [&] { made.hessians(values, strides, kind, threads); });
    return rearrange(h.given(), {1, 2});
}

py::array fisher(PyLinearization& lin, const char* function, Fisher kind, py::handle structure,
                 py::handle order, py::handle n_threads, py::handle out) {
    const bool diagonal = structure_word(function, structure, false) == "diagonal";
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    const index_t p = lin.n_parameters();
    const Answer f = diagonal ? lin.target(function, out, {p}) : lin.target(function, out, {p, p});
    Linearization& made = lin.made();
    lin.ask(lin.work(diagonal ? 20 : p), [&] {
        if (diagonal) {
            made.fisher_diagonal(vector(f), kind, threads);
        } else {
            made.fisher(matrix(f), kind, threads);
        }
    });
    return diagonal ? rearrange(f.given(), {0}) : rearrange(f.given(), {0, 1});
}

}  // namespace jacnet::python
