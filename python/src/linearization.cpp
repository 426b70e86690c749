#include "linearization.hpp"

#include <algorithm>
#include <limits>

#include "samples.hpp"

namespace jacnet::python {

namespace {

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

}  // namespace

Data::Data(const Network& net, const char* function, py::handle x, py::handle t, py::handle ew,
           py::handle samples)
    : net_(net), x_(x, {function, "x"}, input_rows(net)), ew_(ew, function) {
    if (!t.is_none()) t_ = Signals(t, {function, "t"}, output_rows(net));
    const index_t total = x_.views().empty() ? 0 : x_.views()[0].cols;
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

PyLinearization::InUse::InUse(std::atomic<bool>& flag, const char* function) : flag_(flag) {
    if (flag_.exchange(true)) {
        throw std::runtime_error(
            text(function,
                 ": this linearization is answering another question, of another thread or before "
                 "a signal handler came in; call linearize once for each thread"));
    }
}

PyLinearization::PyLinearization(const Network& net, const char* function, py::handle x,
                                 py::handle t, py::handle ew, py::handle samples, Real real)
    : net_(net),
      function_(function),
      data_(net, function, x, t, ew, samples),
      n_parameters_(net.n_parameters()),
      n_outputs_(net.n_outputs()),
      n_inputs_(data_.n_inputs()),
      n_columns_(data_.n_columns()),
      real_(real) {}

void PyLinearization::keep(py::object owner) {
    owner_ = std::move(owner);
    parameters_ = Parameters::copied;
    made();
}

Linearization& PyLinearization::made(std::optional<double> flops) {
    if (!made_) {
        const double question = flops ? *flops : work(std::max(n_parameters_, n_columns_));
        const double reading = std::max(static_cast<double>(data_.count()) * 10.0, question);
        const InUse in_use(in_use_, function_);
        unlocked(reading, net_, [&](const Network& net) {
            made_.emplace(net, data_.samples(), function_, parameters_);
        });
    }
    return *made_;
}

PyLinearization::PyLinearization(const PyLinearization& other, Linearization made,
                                 std::vector<py::array> held)
    : net_(other.net_),
      function_(other.function_),
      data_(other.data_),
      n_parameters_(other.n_parameters_),
      n_outputs_(other.n_outputs_),
      n_inputs_(other.n_inputs_),
      n_columns_(other.n_columns_),
      parameters_(Parameters::copied),
      made_(std::move(made)),
      held_(std::move(held)),
      real_(other.real_) {}

std::unique_ptr<PyLinearization> PyLinearization::with_loss(py::handle dloss, py::handle d2loss) {
    const py::array slope = doubles(dloss, {"with_loss", "dloss"});
    const index_t size = sizeof(double), s = n_outputs_, q = n_samples();
    const auto refuse_shape = [](const char* name, const py::array& array, const std::string& due) {
        throw py::value_error(std::string("with_loss: ") + name + " has shape " +
                              shape_text(array) + ", expected " + due);
    };
    const std::string matrix_text = "(" + std::to_string(s) + ", " + std::to_string(q) + ")";
    if (slope.ndim() != 2) refuse_shape("dloss", slope, matrix_text + ", as the outputs");
    OutputLoss loss;
    loss.slope = matrix(slope);
    std::vector<py::array> held{slope};
    if (!d2loss.is_none()) {
        const py::array curvature = doubles(d2loss, {"with_loss", "d2loss"});
        const bool diagonal =
            curvature.ndim() == 2 && curvature.shape(0) == s && curvature.shape(1) == q;
        const bool full = curvature.ndim() == 3 && curvature.shape(0) == q &&
                          curvature.shape(1) == s && curvature.shape(2) == s;
        if (!diagonal && !full) {
            refuse_shape("d2loss", curvature,
                         "(" + std::to_string(q) + ", " + std::to_string(s) + ", " +
                             std::to_string(s) + "), samples first, or " + matrix_text +
                             " where the outputs do not mix");
        }
        loss.curvature = static_cast<const double*>(curvature.data());
        loss.diagonal = diagonal;
        for (int axis = 0; axis < 3; ++axis) {
            if (full) loss.strides[axis] = curvature.strides(axis) / size;
        }
        if (diagonal) {
            loss.strides[0] = curvature.strides(1) / size;
            loss.strides[1] = curvature.strides(0) / size;
        }
        held.push_back(curvature);
    }
    const Linearization& own = made();
    Linearization changed =
        ask("with_loss", static_cast<double>(q) * 10.0, [&] { return own.with_loss(loss); });
    auto made = std::make_unique<PyLinearization>(*this, std::move(changed), std::move(held));
    made->owner_ = py::cast(this, py::return_value_policy::reference);
    return made;
}

/// question(view of the answer), of floats or doubles.
template <class Question>
void PyLinearization::into(const char* function, const py::array& answer, double flops,
                           Question&& question) {
    made(flops);
    if (real_ == Real::float32) {
        ask(function, flops, [&] { question(float_matrix(answer)); });
    } else {
        ask(function, flops, [&] { question(matrix(answer)); });
    }
}

py::array PyLinearization::outputs(const char* function, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const Answer y = target(function, out, {{n_outputs_, n_samples()}, instead::fewer_samples});
    made(work(1));
    ask(function, work(1), [&] { made_->outputs(matrix(y), threads); });
    return y.given();
}

double PyLinearization::performance(py::handle n_threads) {
    const auto threads = thread_count(n_threads, "performance");
    made(work(2));
    return ask("performance", work(2), [&] { return made_->performance(threads); });
}

py::array PyLinearization::gradient(const char* function, py::handle n_threads, py::handle out,
                                    double sign) {
    const auto threads = thread_count(n_threads, function);
    const Answer g = target(function, out, {{n_parameters_}, instead::fewer_parameters});
    const VectorView<double> view = vector(g);
    made(work(6));
    ask(function, work(6), [&] { made_->gradient(view, threads); });
    for (index_t i = 0; sign < 0.0 && i < view.size; ++i) view[i] = -view[i];
    return g.given();
}

py::array PyLinearization::jacobian_target(const char* function, py::handle out) const {
    return exact_target(function, out, {{n_parameters_, n_columns_}, instead::jacobian});
}

py::array PyLinearization::de_dwb(const char* function, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const py::array j = jacobian_target(function, out);
    into(function, j, work(n_outputs_), [&](const auto& view) { made_->de_dwb(view, threads); });
    return j;
}

py::array PyLinearization::jacobian(const char* function, py::handle n_threads, py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const py::array j = jacobian_target(function, out);
    into(function, j, work(n_outputs_), [&](const auto& view) { made_->jacobian(view, threads); });
    return j;
}

py::array PyLinearization::gram(const char* function, py::handle n_threads, py::handle out,
                                GramForm form) {
    const auto threads = thread_count(n_threads, function);
    const index_t size = form == GramForm::full ? n_columns_ : data_.count();
    const py::array g = exact_target(function, out, {{size, size}, instead::fewer_samples});
    into(function, g, work(n_columns_),
         [&](const auto& view) { made_->gram(view, threads, form); });
    return g;
}

py::tuple PyLinearization::normal_equations(const char* function, py::handle n_threads,
                                            py::handle out) {
    const auto threads = thread_count(n_threads, function);
    py::object out_jj = py::none(), out_je = py::none();
    if (!out.is_none()) {
        if (!py::isinstance<py::tuple>(out) || py::len(out) != 2) {
            throw py::type_error(text(
                function, ": out must be a tuple of two arrays, (JJ, Je), got ", type_name(out)));
        }
        const auto pair = py::reinterpret_borrow<py::tuple>(out);
        out_jj = pair[0];
        out_je = pair[1];
    }
    const py::array jj =
        exact_target(function, out_jj, {{n_parameters_, n_parameters_}, instead::normal_equations});
    const py::array je =
        exact_target(function, out_je, {{n_parameters_}, instead::fewer_parameters});
    python::refuse_overlap(jj, function, {je}, "itself");
    made(work(n_parameters_));
    const double sse = ask(function, work(n_parameters_), [&] {
        return real_ == Real::float32
                   ? made_->normal_equations(float_matrix(jj), float_vector(je), threads)
                   : made_->normal_equations(matrix(jj), vector(je), threads);
    });
    return py::make_tuple(jj, je, sse);
}

py::array PyLinearization::hessian(const char* function, Curvature kind, py::handle n_threads,
                                   py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const bool named = std::string_view(function) == "gauss_newton";
    const py::array h = exact_target(
        function, out,
        {{n_parameters_, n_parameters_}, named ? instead::gauss_newton : instead::hessian});
    into(function, h, work(n_parameters_),
         [&](const auto& view) { made_->hessian(view, kind, threads); });
    return h;
}

Answer PyLinearization::target(const char* function, py::handle out, const ResultForm& form) const {
    if (real_ == Real::float64) return Answer(exact_target(function, out, form));
    const double bytes = out.is_none() ? sizeof(double) + sizeof(float) : sizeof(double);
    const std::string what =
        "the result of shape " + shape_text(form.shape) + ", in float64 before it is rounded,";
    need_room({function, "out"}, what, bytes * form.elements(), form.instead);
    py::array given = exact_target(function, out, form);
    return {result(py::none(), {function, "out"}, form), given};
}

py::array PyLinearization::exact_target(const char* function, py::handle out,
                                        ResultForm form) const {
    form.real = real_;
    py::array array = result(out, {function, "out"}, form);
    if (!out.is_none()) {
        data_.refuse_overlap(array, function);
        python::refuse_overlap(array, function, held_, "the loss");
    }
    return array;
}

py::array PyLinearization::input_jacobian(const char* function, py::handle n_threads,
                                          py::handle out) {
    const auto threads = thread_count(n_threads, function);
    const Answer j =
        target(function, out, {{n_samples(), n_outputs_, n_inputs_}, instead::fewer_samples, true});
    const index_t size = sizeof(double);
    const index_t strides[3] = {j->strides(0) / size, j->strides(1) / size, j->strides(2) / size};
    auto* values = static_cast<double*>(const_cast<void*>(j->data()));
    made(work(2 * n_outputs_));
    ask(function, work(2 * n_outputs_), [&] { made_->input_jacobian(values, strides, threads); });
    return j.given();
}

double PyLinearization::work(index_t per_parameter) const {
    return static_cast<double>(n_parameters_ + 1) * static_cast<double>(data_.count()) *
           static_cast<double>(per_parameter);
}

namespace {

/// Refuses a linearization in place of a network.
void look_at_network(const char* function, py::handle object) {
    if (!py::isinstance<PyLinearization>(object)) return;
    const bool has_method = py::hasattr(py::type::of<PyLinearization>(), function);
    throw py::type_error(
        text(function, ": net is a jacnet.Linearization, expected a jacnet.Network; ",
             has_method ? text("use the linearization's method, lin.", function, "(...)")
                        : std::string("pass the network and the data that it was made of")));
}

}  // namespace

const Network& network(py::handle object, const char* function) {
    if (!py::isinstance<Network>(object)) {
        look_at_network(function, object);
        throw py::type_error(
            text(function, ": net must be a jacnet.Network, got ", type_name(object)));
    }
    return py::cast<const Network&>(object);
}

Parameter network_parameter() { return required("net", look_at_network); }

py::handle need(py::handle t, const char* function) {
    return t.is_none() ? doubles(t, {function, "t"}) : t;
}

}  // namespace jacnet::python
