#include "data.hpp"

#include <limits>

#include "results.hpp"
#include "samples.hpp"

namespace jacnet::python {

std::vector<index_t> input_rows(const Network& net) {
    std::vector<index_t> rows;
    for (const Input& input : net.structure().inputs) rows.push_back(input.size);
    return rows;
}

std::vector<index_t> output_rows(const Network& net) {
    std::vector<index_t> rows;
    for (const Output& output : net.structure().outputs) rows.push_back(output.size);
    return rows;
}

namespace {

index_t columns(const Signals& x) { return x.views().empty() ? 0 : x.views()[0].cols; }

}  // namespace

Data::Data(const Network& net, const char* function, py::handle x, py::handle t, py::handle ew,
           py::handle samples)
    : net_(net),
      x_(x, {function, "x"}, input_rows(net)),
      ew_(ew, function, net.n_outputs(), columns(x_)) {
    if (!t.is_none()) t_ = Signals(t, {function, "t"}, output_rows(net));
    const index_t total = columns(x_);
    samples_.x = x_.views();
    samples_.t = t_.views();
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
    const auto list = [](const std::vector<py::array>& arrays) -> py::object {
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
