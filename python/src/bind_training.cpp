/// train: settings from a dict, the record as a dict.

#include <chrono>

#include <pybind11/stl.h>

#include "data.hpp"
#include "fast_call.hpp"
#include "options.hpp"
#include "unlocked.hpp"

namespace py = pybind11;
using namespace jacnet;
using namespace jacnet::python;

namespace {

template <class T>
void take(const py::dict& from, const char* key, T& to) {
    if (from.contains(key)) to = py::cast<T>(from[key]);
}

std::vector<index_t> indices(const py::dict& from, const char* key) {
    std::vector<index_t> all;
    if (!from.contains(key)) return all;
    for (const py::handle item : py::iter(from[key])) all.push_back(py::cast<index_t>(item));
    return all;
}

TrainingSettings settings_of(const py::dict& options) {
    TrainingSettings s;
    take(options, "epochs", s.lm.epochs);
    take(options, "goal", s.lm.goal);
    take(options, "max_fail", s.lm.max_fail);
    take(options, "min_grad", s.lm.min_grad);
    take(options, "mu", s.lm.mu);
    take(options, "mu_dec", s.lm.mu_dec);
    take(options, "mu_inc", s.lm.mu_inc);
    take(options, "mu_max", s.lm.mu_max);
    take(options, "time", s.lm.time);
    if (options.contains("divideFcn")) {
        s.division.function = division_from_name(py::cast<std::string>(options["divideFcn"]));
    }
    if (options.contains("divideParam")) {
        const py::dict d = options["divideParam"];
        take(d, "trainRatio", s.division.train_ratio);
        take(d, "valRatio", s.division.validation_ratio);
        take(d, "testRatio", s.division.test_ratio);
        s.division.train = indices(d, "trainInd");
        s.division.validation = indices(d, "valInd");
        s.division.test = indices(d, "testInd");
    }
    return s;
}

py::dict state_dict(const EpochState& s) {
    py::dict d;
    d["epoch"] = s.epoch;
    d["time"] = s.time;
    d["perf"] = s.perf;
    d["vperf"] = s.vperf;
    d["tperf"] = s.tperf;
    d["mu"] = s.mu;
    d["gradient"] = s.gradient;
    d["val_fail"] = s.val_fail;
    return d;
}

template <class Get>
py::array column(const TrainingRecord& record, Get&& get) {
    using T = decltype(get(record.epochs[0]));
    py::array_t<T> values(static_cast<py::ssize_t>(record.epochs.size()));
    for (std::size_t e = 0; e < record.epochs.size(); ++e) {
        values.mutable_data()[e] = get(record.epochs[e]);
    }
    return values;
}

py::dict record_dict(const TrainingRecord& r) {
    py::dict d;
    d["trainInd"] = copied(r.division.train);
    d["valInd"] = copied(r.division.validation);
    d["testInd"] = copied(r.division.test);
    d["stop"] = std::string(message(r.stop));
    d["num_epochs"] = static_cast<index_t>(r.epochs.size()) - 1;
    d["best_epoch"] = r.best_epoch;
    d["states"] = py::cast(std::vector<std::string>{"epoch", "time", "perf", "vperf", "tperf", "mu",
                                                    "gradient", "val_fail"});
    d["epoch"] = column(r, [](const EpochState& s) { return s.epoch; });
    d["time"] = column(r, [](const EpochState& s) { return s.time; });
    d["perf"] = column(r, [](const EpochState& s) { return s.perf; });
    d["vperf"] = column(r, [](const EpochState& s) { return s.vperf; });
    d["tperf"] = column(r, [](const EpochState& s) { return s.tperf; });
    d["mu"] = column(r, [](const EpochState& s) { return s.mu; });
    d["gradient"] = column(r, [](const EpochState& s) { return s.gradient; });
    d["val_fail"] = column(r, [](const EpochState& s) { return s.val_fail; });
    const EpochState& best = r.epochs[static_cast<std::size_t>(r.best_epoch)];
    d["best_perf"] = best.perf;
    d["best_vperf"] = best.vperf;
    d["best_tperf"] = best.tperf;
    d["warnings"] = py::cast(r.warnings);
    return d;
}

/// Asks Python once per epoch for its callback, and a few times a second for Ctrl-C.
class Interrupts {
public:
    explicit Interrupts(py::object callback)
        : callback_(std::move(callback)), signals_(handles_signals()) {}

    bool signals() const { return signals_; }

    bool operator()(const EpochState& state) {
        if (callback_.is_none() && !signals_) return false;
        const auto now = std::chrono::steady_clock::now();
        const bool due = now - asked_ >= std::chrono::milliseconds(20);
        if (callback_.is_none() && !due) return false;
        asked_ = now;
        const py::gil_scoped_acquire lock;
        if (interrupted()) return true;  // at this epoch boundary, with the best network so far
        return !callback_.is_none() && py::cast<bool>(py::bool_(callback_(state_dict(state))));
    }

    /// Within an epoch: ends it.
    static void check() {
        const py::gil_scoped_acquire lock;
        if (interrupted()) throw Interrupted();
    }

private:
    /// Whether there was a Ctrl-C, which is taken; what other signal handlers raise goes through.
    static bool interrupted() {
        if (PyErr_CheckSignals() == 0) return false;
        if (!PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) throw py::error_already_set();
        PyErr_Clear();
        return true;
    }

    py::object callback_;
    bool signals_;  ///< whether this thread handles them
    std::chrono::steady_clock::time_point asked_{};
};

py::dict python_train(py::object net_object, py::object x, py::object t, py::object ew,
                      py::object options, py::object seed, py::object callback,
                      py::object n_threads) {
    need_self<Network>("train", net_object);
    auto& net = py::cast<Network&>(net_object);
    TrainingSettings settings = settings_of(options);
    settings.seed = random_seed(seed, "train");
    settings.n_threads = thread_count(n_threads, "train");
    const Signals sx(x, {"train", "x"}, input_rows(net)), st(t, {"train", "t"}, output_rows(net));
    index_t outputs = 0;
    for (const auto& targets : st.views()) outputs += targets.rows;
    const Weights weights(ew, "train", outputs, sx.views().empty() ? 0 : sx.views()[0].cols);
    Interrupts interrupts(callback);
    settings.callback = [&](const EpochState& state) { return interrupts(state); };
    TrainingRecord record;
    try {
        std::optional<InterruptCheck> check;
        if (interrupts.signals()) check.emplace(Interrupts::check);
        const Released released;
        record = train(net, sx.views(), st.views(), settings, weights.view());
    } catch (const Interrupted&) {  // before the first epoch: there is nothing to return
        PyErr_SetNone(PyExc_KeyboardInterrupt);
        throw py::error_already_set();
    }
    return record_dict(record);
}

}  // namespace

void bind_training(py::module_& m) {
    def_fast(m, "train",
             "Trains the network in place and returns the record as a dict; see jacnet.train.",
             {required("net"), required("x"), required("t"), required("ew"), required("options"),
              required("seed"), required("callback"), required("n_threads")},
             python_train);
}
