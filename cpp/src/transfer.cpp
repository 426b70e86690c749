#include "jacnet/transfer.hpp"

#include <array>
#include <cstddef>
#include <limits>
#include <numbers>
#include <stdexcept>
#include <string>

#include "errors.hpp"
#include "nearest.hpp"

namespace jacnet {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

struct Entry {
    Transfer function;
    std::string_view name;
    Range output;
    Range active;
    bool bends;
};

// The infima of elu's relatives: selu's is -lambda alpha, the others' are the values at the zeros
// of their slopes.
constexpr std::array table{
    Entry{Transfer::tansig, "tansig", {-1, 1}, {-2, 2}, true},
    Entry{Transfer::logsig, "logsig", {0, 1}, {-4, 4}, true},
    Entry{Transfer::purelin, "purelin", {-inf, inf}, {-inf, inf}, false},
    Entry{Transfer::poslin, "poslin", {0, inf}, {0, inf}, false},
    Entry{Transfer::satlin, "satlin", {0, 1}, {0, 1}, false},
    Entry{Transfer::satlins, "satlins", {-1, 1}, {-1, 1}, false},
    Entry{Transfer::hardlim, "hardlim", {0, 1}, {0, 0}, false},
    Entry{Transfer::hardlims, "hardlims", {-1, 1}, {0, 0}, false},
    Entry{Transfer::radbas, "radbas", {0, 1}, {-2, 2}, true},
    Entry{Transfer::radbasn, "radbasn", {0, 1}, {-2, 2}, true},
    Entry{Transfer::tribas, "tribas", {0, 1}, {-1, 1}, false},
    Entry{Transfer::elliotsig, "elliotsig", {-1, 1}, {-8, 8}, true},
    Entry{Transfer::elliot2sig, "elliot2sig", {-1, 1}, {-4, 4}, true},
    Entry{Transfer::softmax, "softmax", {0, 1}, {-inf, inf}, true},
    Entry{Transfer::netinv, "netinv", {-inf, inf}, {-inf, inf}, true},
    Entry{Transfer::compet, "compet", {0, 1}, {-inf, inf}, false},
    Entry{Transfer::relu, "relu", {0, inf}, {0, inf}, false},
    Entry{Transfer::leaky_relu, "leaky_relu", {-inf, inf}, {-inf, inf}, false},
    Entry{Transfer::elu, "elu", {-1, inf}, {-2, 2}, true},
    Entry{Transfer::selu, "selu", {-1.7580993408473766, inf}, {-2, 2}, true},
    Entry{Transfer::gelu, "gelu", {-0.16997120747990366, inf}, {-2, 2}, true},
    Entry{Transfer::gelu_tanh, "gelu_tanh", {-0.17004075057125406, inf}, {-2, 2}, true},
    Entry{Transfer::silu, "silu", {-0.2784645427610738, inf}, {-4, 4}, true},
    Entry{Transfer::softplus, "softplus", {0, inf}, {-4, 4}, true},
    Entry{Transfer::mish, "mish", {-0.30884341301725043, inf}, {-4, 4}, true},
    Entry{Transfer::sin, "sin", {-1, 1}, {-std::numbers::pi / 2, std::numbers::pi / 2}, true},
};

struct Alias {
    std::string_view word;
    Transfer function;
};

constexpr std::array aliases{
    Alias{"tanh", Transfer::tansig},      Alias{"sigmoid", Transfer::logsig},
    Alias{"logistic", Transfer::logsig},  Alias{"linear", Transfer::purelin},
    Alias{"identity", Transfer::purelin}, Alias{"swish", Transfer::silu},
    Alias{"gelu_exact", Transfer::gelu},
};

constexpr bool in_order() {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (static_cast<std::size_t>(table[i].function) != i) return false;
    }
    return true;
}
static_assert(in_order(), "the table follows the enumeration");

const Entry& entry(Transfer f) { return table.at(static_cast<std::size_t>(f)); }

[[noreturn]] void refuse(std::string_view word) {
    std::vector<std::string_view> known;
    for (const Entry& e : table) known.push_back(e.name);
    for (const Alias& a : aliases) known.push_back(a.word);
    std::string message = "unknown transfer function '" + shown(word) + "'";
    const std::string near = nearest(word, known);
    if (!near.empty()) message += "; did you mean '" + near + "'?";
    message += near.empty() ? "; known are " : " Known are ";
    for (const Entry& e : table) message += std::string(&e == &table[0] ? "" : ", ") += e.name;
    throw std::invalid_argument(message);
}

}  // namespace

std::string_view name(Transfer f) { return entry(f).name; }

Transfer transfer_from_name(std::string_view word) {
    for (const Entry& e : table) {
        if (e.name == word) return e.function;
    }
    for (const Alias& a : aliases) {
        if (a.word == word) return a.function;
    }
    refuse(word);
}

const std::vector<Transfer>& transfer_functions() {
    static const std::vector<Transfer> all = [] {
        std::vector<Transfer> functions;
        for (const Entry& e : table) functions.push_back(e.function);
        return functions;
    }();
    return all;
}

Range output_range(Transfer f) { return entry(f).output; }

Range active_range(Transfer f) { return entry(f).active; }

bool bends(Transfer f) { return entry(f).bends; }

bool couples_features(Transfer f) { return has_matrix_slope(f) || f == Transfer::compet; }

bool has_matrix_slope(Transfer f) { return f == Transfer::softmax || f == Transfer::radbasn; }

}  // namespace jacnet
