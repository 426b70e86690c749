#include "linearization.hpp"

#include <algorithm>

#include "own_loss.hpp"

namespace jacnet::python {

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

void PyLinearization::need_same_layout(const char* function) const {
    if (net_.n_parameters() == n_parameters_) return;
    throw py::value_error(text(function,
                               ": the network's layout has changed since linearize, and names "
                               "with it; make a new linearization"));
}

Linearization& PyLinearization::made(std::optional<double> flops) {
    if (!made_) {
        const double question = flops ? *flops : work(std::max(n_parameters_, n_columns_));
        const double reading = std::max(static_cast<double>(data_.count()) * 10.0, question);
        const InUse in_use(in_use_, function_);
        unlocked(reading, net_, [&](const Network& net) {
            made_.emplace(net, data_.take_samples(), function_, parameters_);
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
    const OwnLoss loss(dloss, d2loss, n_outputs_, n_samples());
    const Linearization& own = made();
    Linearization changed = ask("with_loss", static_cast<double>(n_samples()) * 10.0,
                                [&] { return own.with_loss(loss.view()); });
    auto made = std::make_unique<PyLinearization>(*this, std::move(changed), loss.arrays());
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
    const py::array g = exact_target(function, out, {{size, size}, instead::gram});
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
    python::refuse_overlap(jj, function, {&je, 1}, "itself");
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
    const auto what = [&] {
        return "the result of shape " + shape_text(form.shape) +
               ", in float64 before it is rounded,";
    };
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
    // What pybind11's own conversion looks up in every call; types stay registered for good.
    static const py::detail::type_info* const known = py::detail::get_type_info(typeid(Network));
    py::detail::type_caster_generic caster(known);
    if (caster.load(object, false) && caster.value) return *static_cast<Network*>(caster.value);
    look_at_network(function, object);
    throw py::type_error(text(function, ": net must be a jacnet.Network, got ", type_name(object)));
}

Parameter network_parameter() { return required("net", look_at_network); }

}  // namespace jacnet::python
