#include "pieces.hpp"

namespace jacnet::python {

namespace {

/// The keyword `structure`.
enum class Form { full, diagonal, block };

Form form_of(py::handle structure, const char* function) {
    constexpr Form forms[] = {Form::full, Form::block, Form::diagonal};
    return forms[one_of(structure, function, "structure", {"full", "block", "diagonal"})];
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

/// Refuses blocks that fit into memory one by one, but not together.
void need_room_for_blocks(const PyLinearization& lin, const char* function,
                          const std::vector<std::pair<index_t, index_t>>& ranges) {
    const std::size_t item = sizeof(double) + (lin.real() == Real::float32 ? sizeof(float) : 0);
    double bytes = 0.0;
    std::string shapes;
    for (const auto& [first, last] : ranges) {
        const index_t size = last - first;
        bytes += static_cast<double>(item) * static_cast<double>(size) * static_cast<double>(size);
        if (ranges.size() <= 8) shapes += text(" ", shape_text({size, size}));
    }
    const auto what = [&] {
        return text("the result, a block for each of ", ranges.size(), " layers",
                    shapes.empty() ? "" : ":", shapes, ",");
    };
    need_room({function, "out"}, what, bytes, instead::blocks);
}

py::list layer_blocks(PyLinearization& lin, const char* function, Curvature kind,
                      const ParameterOrder& order, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, function);
    lin.need_same_layout(function);
    const auto ranges = layer_ranges(lin.network());
    const bool given = !out.is_none();
    if (given && (!py::isinstance<py::list>(out) || py::len(out) != ranges.size())) {
        throw py::type_error(text(function, ": out must be a list of ", ranges.size(),
                                  " arrays, one per layer, got ", type_name(out)));
    }
    if (!given) need_room_for_blocks(lin, function, ranges);
    std::vector<Answer> answers;
    std::vector<py::array> arrays;  // the caller's
    std::vector<MatrixView<double>> views;
    for (std::size_t l = 0; l < ranges.size(); ++l) {
        const index_t size = ranges[l].second - ranges[l].first;
        const py::object own =
            given ? py::object(py::reinterpret_borrow<py::list>(out)[l]) : py::object(py::none());
        answers.push_back(lin.target(function, own, {{size, size}, instead::blocks}));
        arrays.push_back(answers.back().caller());
        const std::vector<py::array> earlier(arrays.begin(), arrays.end() - 1);
        if (given) python::refuse_overlap(arrays.back(), function, earlier, "itself");
        views.push_back(matrix(answers.back()));
    }
    Linearization& made = lin.made();
    lin.ask(function, lin.work(lin.n_parameters()),
            [&] { made.hessian_layers(views, kind, threads); });
    py::list blocks;
    for (std::size_t l = 0; l < ranges.size(); ++l) {
        answers[l].given();
        order.layer(arrays[l], ranges[l].first, ranges[l].second);
        blocks.append(arrays[l]);
    }
    return given ? py::reinterpret_borrow<py::list>(out) : blocks;
}

py::array packed_hessian(PyLinearization& lin, const char* function, Curvature kind,
                         const ParameterOrder& order, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const index_t p = lin.n_parameters();
    const Answer h = lin.target(function, out, {{p * (p + 1) / 2}, instead::blocks});
    Linearization& made = lin.made();
    lin.ask(function, lin.work(p), [&] { made.hessian_packed(vector(h), kind, threads); });
    order.packed(vector(h), p);
    return h.given();
}

/// What Layout.select makes of a choice of parameters, which come and count in an order.
std::vector<index_t> selected(const Network& net, const char* function, const char* argument,
                              py::handle choice, const ParameterOrder& order) {
    const py::object indices = py::cast(net, py::return_value_policy::reference)
                                   .attr("layout")
                                   .attr("_selected")(choice, function, argument, order.index());
    const auto array =
        py::array_t<std::int64_t, py::array::forcecast | py::array::c_style>(indices);
    return {array.data(), array.data() + array.size()};
}

}  // namespace

Curvature curvature_kind(const char* function, py::handle kind) {
    const bool exact = one_of(kind, function, "kind", {"exact", "gauss-newton"}) == 0;
    return exact ? Curvature::exact : Curvature::gauss_newton;
}

py::object hessian(PyLinearization& lin, const char* function, py::handle kind,
                   py::handle structure, py::handle packed, py::handle order, py::handle n_threads,
                   py::handle out) {
    const Curvature curvature = curvature_kind(function, kind);
    const Form form = form_of(structure, function);
    const ParameterOrder rearrange(function, lin.network(), order);
    if (flag(packed, function, "packed")) {
        if (form != Form::full) {
            throw py::value_error(
                text(function, ": packed=True needs structure='full', got ", quoted(structure)));
        }
        return packed_hessian(lin, function, curvature, rearrange, n_threads, out);
    }
    if (form == Form::block)
        return layer_blocks(lin, function, curvature, rearrange, n_threads, out);
    if (form == Form::diagonal)
        return hessian_diagonal(lin, function, curvature, order, n_threads, out);
    return rearrange(lin.hessian(function, curvature, n_threads, out), {0, 1});
}

py::array hessian_diagonal(PyLinearization& lin, const char* function, Curvature kind,
                           py::handle order, py::handle n_threads, py::handle out) {
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    const Answer d = lin.target(function, out, {{lin.n_parameters()}, instead::fewer_parameters});
    Linearization& made = lin.made();
    lin.ask(function, lin.work(20), [&] { made.hessian_diagonal(vector(d), kind, threads); });
    return rearrange(d.given(), {0});
}

double hessian_trace(PyLinearization& lin, const char* function, Curvature kind,
                     py::handle n_threads) {
    const auto threads = thread_count(n_threads, function);
    Linearization& made = lin.made();
    return lin.ask(function, lin.work(20), [&] { return made.hessian_trace(kind, threads); });
}

py::array hessian_block(PyLinearization& lin, const char* function, py::handle rows,
                        py::handle cols, Curvature kind, py::handle order, py::handle n_threads,
                        py::handle out) {
    const auto threads = thread_count(n_threads, function);
    lin.need_same_layout(function);
    const Network& net = lin.network();
    const ParameterOrder counted(function, net, order);
    const std::vector<index_t> r = selected(net, function, "rows", rows, counted);
    const std::vector<index_t> c =
        cols.is_none() ? r : selected(net, function, "cols", cols, counted);
    const auto n_rows = static_cast<index_t>(r.size()), n_cols = static_cast<index_t>(c.size());
    const Answer h = lin.target(function, out, {{n_rows, n_cols}, instead::fewer_rows});
    Linearization& made = lin.made();
    const double entries = static_cast<double>(r.size()) * static_cast<double>(c.size());
    const double sums = 2.0 * entries * static_cast<double>(lin.n_samples());
    lin.ask(function, lin.work(20) + sums,
            [&] { made.hessian_block(r, c, matrix(h), kind, threads); });
    return h.given();
}

py::array gradients(PyLinearization& lin, const char* function, py::handle order,
                    py::handle n_threads, py::handle out) {
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    const Answer g =
        lin.target(function, out, {{lin.n_parameters(), lin.n_samples()}, instead::fewer_samples});
    Linearization& made = lin.made();
    lin.ask(function, lin.work(7), [&] { made.gradients(matrix(g), threads); });
    return rearrange(g.given(), {0});
}

py::array hessians(PyLinearization& lin, const char* function, Curvature kind, py::handle order,
                   py::handle n_threads, py::handle out) {
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    const index_t p = lin.n_parameters();
    const Answer h =
        lin.target(function, out, {{lin.n_samples(), p, p}, instead::fewer_samples, true});
    constexpr index_t size = sizeof(double);
    // Symmetric: whichever of the last two axes is contiguous may be called the first.
    const bool swap = h->strides(2) < h->strides(1);
    const index_t strides[3] = {h->strides(0) / size, h->strides(swap ? 2 : 1) / size,
                                h->strides(swap ? 1 : 2) / size};
    auto* values = static_cast<double*>(const_cast<void*>(h->data()));
    Linearization& made = lin.made();
    lin.ask(function, lin.work(p), [&] { made.hessians(values, strides, kind, threads); });
    return rearrange(h.given(), {1, 2});
}

py::array fisher(PyLinearization& lin, const char* function, Fisher kind, py::handle structure,
                 py::handle order, py::handle n_threads, py::handle out) {
    const bool diagonal = one_of(structure, function, "structure", {"full", "diagonal"}) == 1;
    const ParameterOrder rearrange(function, lin.network(), order);
    const auto threads = thread_count(n_threads, function);
    const index_t p = lin.n_parameters();
    const Answer f = diagonal ? lin.target(function, out, {{p}, instead::fewer_parameters})
                              : lin.target(function, out, {{p, p}, instead::fisher});
    Linearization& made = lin.made();
    lin.ask(function, lin.work(diagonal ? 20 : p), [&] {
        if (diagonal) {
            made.fisher_diagonal(vector(f), kind, threads);
        } else {
            made.fisher(matrix(f), kind, threads);
        }
    });
    return diagonal ? rearrange(f.given(), {0}) : rearrange(f.given(), {0, 1});
}

}  // namespace jacnet::python
