#include "data.hpp"

#include <algorithm>
#include <limits>
#include <span>

#include "results.hpp"
#include "samples.hpp"
#include "workspace.hpp"

namespace jacnet::python {

namespace {

/// The sizes of inputs or outputs, in memory that lives as long as `work`.
template <class Ports>
std::span<const index_t> rows(const Ports& ports, Workspace& work) {
    const std::span<index_t> sizes(work.array<index_t>(static_cast<index_t>(ports.size())),
                                   ports.size());
    std::transform(ports.begin(), ports.end(), sizes.begin(), [](const auto& p) { return p.size; });
    return sizes;
}

template <class Ports>
std::vector<index_t> listed_rows(const Ports& ports) {
    Workspace work;
    const auto sizes = rows(ports, work);
    return {sizes.begin(), sizes.end()};
}

template <class Ports>
Signals signals(py::handle object, const Argument& argument, const Ports& ports) {
    Workspace work;
    return Signals(object, argument, rows(ports, work));
}

index_t columns(const Signals& x) { return x.views().empty() ? 0 : x.views()[0].cols; }

}  // namespace

std::vector<index_t> input_rows(const Network& net) { return listed_rows(net.structure().inputs); }

std::vector<index_t> output_rows(const Network& net) {
    return listed_rows(net.structure().outputs);
}

Data::Data(const Network& net, const char* function, py::handle x, py::handle t, py::handle ew,
           py::handle samples)
    : net_(net),
      x_(signals(x, {function, "x"}, net.structure().inputs)),
      ew_(ew, function, net.n_outputs(), columns(x_)) {
    if (!t.is_none()) t_ = signals(t, {function, "t"}, net.structure().outputs);
    const index_t total = columns(x_);
    samples_.x = x_.take_views();
    samples_.t = t_.take_views();
    samples_.ew = ew_.view();
    samples_.indices = sample_indices(samples, total, function);
    count_ = samples_.indices ? static_cast<index_t>(samples_.indices->size()) : total;
}

index_t Data::n_columns() const {
    constexpr index_t most = std::numeric_limits<index_t>::max();
    const index_t outputs = net_.n_outputs();
    return outputs > 0 && count_ > most / outputs ? most : outputs * count_;
}

index_t Data::n_inputs() const {
    index_t rows = 0;
    for (const Input& input : net_.structure().inputs) rows += input.size;
    return rows;
}

py::tuple Data::arrays() const {
    const auto list = [](std::span<const py::array> arrays) -> py::object {
        if (arrays.empty()) return py::none();
        py::list all;
        for (const py::array& array : arrays) all.append(array);
        return all;
    };
    py::object chosen = py::none();
    if (samples_.indices) {
        const auto& indices = *samples_.indices;
        chosen = py::array_t<index_t>(static_cast<py::ssize_t>(indices.size()), indices.data());
    }
    return py::make_tuple(list(x_.arrays()), list(t_.arrays()), list(ew_.arrays()), chosen);
}

void Data::refuse_overlap(const py::array& out, const char* function) const {
    python::refuse_overlap(out, function, x_.arrays(), "x");
    python::refuse_overlap(out, function, t_.arrays(), "t");
    python::refuse_overlap(out, function, ew_.arrays(), "ew");
    python::refuse_overlap(out, function, net_);
}

py::handle need(py::handle t, const char* function) {
    return t.is_none() ? doubles(t, {function, "t"}) : t;
}

}  // namespace jacnet::python
