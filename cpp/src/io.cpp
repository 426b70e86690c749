/// Network files: a text header that names everything, then the numbers as raw doubles.

#include "jacnet/io.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <locale>

#include "errors.hpp"

namespace jacnet {

namespace {

constexpr std::string_view magic = "jacnet network ";
constexpr int format_version = 1;

/// Text that may hold anything, on one line.
std::string escaped(const std::string& value) {
    std::string out;
    for (const char c : value) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

std::string unescaped(const std::string& value) {
    std::string out;
    for (std::size_t i = 0; i < value.size(); ++i) {
        if (value[i] != '\\' || i + 1 == value.size()) {
            out += value[i];
        } else {
            out += value[++i] == 'n' ? '\n' : value[i];
        }
    }
    return out;
}

std::uint64_t little_endian(std::uint64_t bits) {
    if constexpr (std::endian::native == std::endian::big) {
        std::uint64_t swapped = 0;
        for (int byte = 0; byte < 8; ++byte)
            swapped |= ((bits >> (8 * byte)) & 255) << (56 - 8 * byte);
        return swapped;
    }
    return bits;
}

/// Header lines and numbers, written side by side.
class Writer {
public:
    Writer() { header_.imbue(std::locale::classic()); }

    template <class... Words>
    void line(const Words&... words) {
        bool first = true;
        ((header_ << (first ? "" : " ") << words, first = false), ...);
        header_ << '\n';
    }
    void numbers(const std::vector<double>& values) {
        values_.insert(values_.end(), values.begin(), values.end());
    }
    void numbers(std::initializer_list<double> values) { numbers(std::vector<double>(values)); }
    void counted(const std::string& what, const std::vector<double>& values) {
        line(what, values.size());
        numbers(values);
    }
    void counted(const std::string& what, const std::vector<index_t>& values) {
        counted(what, std::vector<double>(values.begin(), values.end()));
    }
    std::string finish() {
        line("numbers", values_.size());
        std::string bytes = header_.str();
        for (const double value : values_) {
            const std::uint64_t bits = little_endian(std::bit_cast<std::uint64_t>(value));
            char raw[8];
            std::memcpy(raw, &bits, 8);
            bytes.append(raw, 8);
        }
        return bytes;
    }

private:
    std::ostringstream header_;
    std::vector<double> values_;
};

class Reader {
public:
    explicit Reader(const std::string& bytes) : bytes_(bytes) {
        if (bytes.compare(0, magic.size(), magic) != 0) {
            refuse("load: this is not a jacnet network file");
        }
        const int version = std::atoi(bytes.c_str() + magic.size());
        if (version != format_version) {
            refuse("load: the file has format ", version, ", this version of jacnet reads format ",
                   format_version);
        }
        next_line();
        const std::size_t mark = bytes.find("\nnumbers ");
        if (mark == std::string::npos) damaged("it has no numbers");
        const std::size_t end = bytes.find('\n', mark + 1);
        if (end == std::string::npos) damaged("its header is cut off");
        const auto announced = std::strtoull(bytes.c_str() + mark + 9, nullptr, 10);
        const std::size_t present = bytes.size() - (end + 1);
        if (announced > present / 8 || present != announced * 8) {
            damaged(text("it should hold ", announced, " numbers, but has ", present,
                         " bytes of them"));
        }
        number_ = end + 1;
    }

    /// Values of the line `word ...`.
    std::istringstream line(const std::string& word) {
        std::istringstream stream(next_line());
        stream.imbue(std::locale::classic());
        std::string first;
        stream >> first;
        if (first != word) damaged(text("'", word, "' expected, '", first, "' found"));
        return stream;
    }
    std::string rest(const std::string& word) {
        const std::string whole = next_line();
        if (whole.compare(0, word.size() + 1, word + " ") != 0) damaged("'" + word + "' expected");
        return whole.substr(word.size() + 1);
    }
    template <class T>
    T value(std::istringstream& stream) {
        T v{};
        if (!(stream >> v)) damaged("a header line is incomplete");
        return v;
    }
    index_t count(std::istringstream& stream) {
        const auto n = value<index_t>(stream);
        if (n < 0 || n > static_cast<index_t>(bytes_.size())) damaged(text("a count is ", n));
        return n;
    }
    std::vector<double> numbers(index_t n) {
        if (n < 0 || static_cast<std::size_t>(n) > (bytes_.size() - number_) / 8)
            damaged("numbers are missing");
        std::vector<double> values(static_cast<std::size_t>(n));
        for (double& v : values) {
            std::uint64_t bits = 0;
            std::memcpy(&bits, bytes_.data() + number_, 8);
            v = std::bit_cast<double>(little_endian(bits));
            number_ += 8;
        }
        return values;
    }
    std::vector<double> counted(const std::string& word) {
        std::istringstream stream = line(word);
        return numbers(count(stream));
    }
    std::vector<index_t> counted_indices(const std::string& word, index_t limit) {
        std::vector<index_t> indices;
        for (const double v : counted(word)) {
            if (!(v >= 0.0 && v < static_cast<double>(limit))) damaged(text(word, " holds ", v));
            indices.push_back(static_cast<index_t>(v));
        }
        return indices;
    }
    [[noreturn]] void damaged(const std::string& why) const {
        std::string shown;  // bytes that are no text must not spoil the message
        for (const char c : why) shown += c >= ' ' && c <= '~' ? c : '?';
        refuse("load: the network file is damaged: ", shown);
    }
    /// The ranges of `rows` rows, or none.
    std::vector<double> ranges(const std::string& word, index_t rows) {
        std::vector<double> values = counted(word);
        if (!values.empty() && static_cast<index_t>(values.size()) != 2 * rows) {
            damaged(text(word, " holds ", values.size(), " numbers for ", rows, " rows"));
        }
        return values;
    }
    void finish() {
        if (number_ != bytes_.size()) damaged("it holds more numbers than its header explains");
    }

private:
    std::string next_line() {
        const std::size_t end = bytes_.find('\n', position_);
        if (end == std::string::npos) damaged("its header is cut off");
        std::string whole = bytes_.substr(position_, end - position_);
        position_ = end + 1;
        return whole;
    }

    const std::string& bytes_;
    std::size_t position_ = 0;
    std::size_t number_ = 0;
};

void write(Writer& out, const Processing& processing) {
    out.line("steps", processing.steps.size());
    for (const ProcessStep& s : processing.steps) {
        out.line("step", name(s.function), s.xrows, s.yrows, s.no_change ? 1 : 0);
        out.numbers({s.ymin, s.ymax, s.ymean, s.ystd, s.max_range, s.maxfrac});
        out.counted("xmin", s.xmin);
        out.counted("xmax", s.xmax);
        out.counted("xmean", s.xmean);
        out.counted("xstd", s.xstd);
        out.counted("xoffset", s.xoffset);
        out.counted("gain", s.gain);
        out.counted("keep", s.keep);
        out.counted("remove", s.remove);
        out.counted("constants", s.constants);
        out.counted("unknown", s.unknown);
        out.counted("transform", s.transform);
        out.counted("inverse", s.inverse);
    }
}

bool ascending(const std::vector<index_t>& values) {
    return std::adjacent_find(values.begin(), values.end(), std::greater_equal<>()) == values.end();
}

/// Whether rows are kept or removed, each once.
bool divided(const ProcessStep& s) {
    std::vector<index_t> all(s.keep);
    all.insert(all.end(), s.remove.begin(), s.remove.end());
    std::sort(all.begin(), all.end());
    return ascending(s.keep) && ascending(s.remove) && ascending(all);
}

/// Whether the settings have the lengths and the order that the passes rely on.
bool consistent(const ProcessStep& s) {
    const auto rows = static_cast<std::size_t>(s.xrows), kept = static_cast<std::size_t>(s.yrows);
    if (s.xrows == 0 || s.no_change) return s.xrows == s.yrows;
    switch (s.function) {
        case Process::mapminmax:
        case Process::mapstd:
            return s.xoffset.size() == rows && s.gain.size() == rows && kept == rows;
        case Process::removeconstantrows:
            return s.keep.size() == kept && s.remove.size() == rows - kept &&
                   s.constants.size() == s.remove.size() && divided(s);
        case Process::fixunknowns:
            return s.xmean.size() == rows && kept == rows + s.unknown.size() &&
                   ascending(s.unknown);
        case Process::processpca:
            return s.transform.size() == rows * kept && s.inverse.size() == rows * kept;
    }
    return false;
}

Processing read_processing(Reader& in) {
    Processing processing;
    std::istringstream header = in.line("steps");
    const index_t n = in.count(header);
    for (index_t i = 0; i < n; ++i) {
        ProcessStep s;
        std::istringstream step = in.line("step");
        s.function = process_from_name(in.value<std::string>(step));
        s.xrows = in.count(step);
        s.yrows = in.count(step);
        s.no_change = in.value<int>(step) != 0;
        const std::vector<double> parameters = in.numbers(6);
        s.ymin = parameters[0], s.ymax = parameters[1];
        s.ymean = parameters[2], s.ystd = parameters[3];
        s.max_range = parameters[4], s.maxfrac = parameters[5];
        s.xmin = in.counted("xmin");
        s.xmax = in.counted("xmax");
        s.xmean = in.counted("xmean");
        s.xstd = in.counted("xstd");
        s.xoffset = in.counted("xoffset");
        s.gain = in.counted("gain");
        s.keep = in.counted_indices("keep", s.xrows);
        s.remove = in.counted_indices("remove", s.xrows);
        s.constants = in.counted("constants");
        s.unknown = in.counted_indices("unknown", s.xrows);
        s.transform = in.counted("transform");
        s.inverse = in.counted("inverse");
        if (!consistent(s)) in.damaged(text("the settings of ", name(s.function), " disagree"));
        if (!processing.steps.empty() && s.xrows != processing.steps.back().yrows) {
            in.damaged("the rows of two process functions disagree");
        }
        processing.steps.push_back(std::move(s));
    }
    return processing;
}

}  // namespace

std::string to_bytes(const Network& net) {
    const Structure& s = net.structure();
    Writer out;
    out.line("jacnet network", format_version);
    out.line("performance", name(net.performance.function), name(net.performance.normalization));
    out.numbers({net.performance.regularization});
    out.line("inputs", s.inputs.size());
    for (const Input& input : s.inputs) {
        out.line("input", input.size);
        out.counted("range", input.range);
        out.counted("processed_range", input.processed_range);
        write(out, input.processing);
    }
    out.line("layers", s.layers.size());
    for (const Layer& layer : s.layers) {
        out.line("layer", layer.size, name(layer.transfer), layer.connections.size());
        for (const Connection& c : layer.connections) {
            constexpr const char* kinds[] = {"bias", "input", "layer"};
            out.line("connection", kinds[static_cast<int>(c.kind)], c.source, "delay", c.delays[0],
                     c.learn ? "learn" : "frozen");
        }
    }
    out.line("outputs", s.outputs.size());
    for (const Output& output : s.outputs) {
        out.line("output", output.layer, output.size);
        out.counted("range", output.range);
        write(out, output.processing);
    }
    out.line("annotations", net.annotations.size());
    for (const auto& [key, value] : net.annotations) {
        out.line("key", escaped(key));
        out.line("text", escaped(value));
    }
    out.counted("parameters", *net.parameter_storage());
    out.counted("frozen", *net.frozen_storage());
    return out.finish();
}

namespace {

/// Weights and biases of a layer; in floating point, since a damaged header can hold any sizes.
double weights(const Structure& structure, const Layer& layer) {
    double columns = 0.0;
    for (const Connection& c : layer.connections) {
        const auto source = static_cast<std::size_t>(c.source);
        if (c.kind == SourceKind::bias) {
            columns += 1.0;
        } else if (c.kind == SourceKind::input && source < structure.inputs.size()) {
            const Input& input = structure.inputs[source];
            columns += static_cast<double>(input.processing.processed_rows(input.size));
        } else if (c.kind == SourceKind::layer && source < structure.layers.size()) {
            columns += static_cast<double>(structure.layers[source].size);
        }
    }
    return columns * static_cast<double>(layer.size);
}

}  // namespace

Network from_bytes(const std::string& bytes) {
    Reader in(bytes);
    PerformanceSettings performance;
    std::istringstream line = in.line("performance");
    performance.function = performance_from_name(in.value<std::string>(line));
    performance.normalization = normalization_from_name(in.value<std::string>(line));
    performance.regularization = in.numbers(1)[0];

    Structure s;
    line = in.line("inputs");
    for (index_t i = 0, n = in.count(line); i < n; ++i) {
        Input input;
        line = in.line("input");
        input.size = in.value<index_t>(line);
        input.range = in.ranges("range", input.size);
        input.processed_range = in.counted("processed_range");
        input.processing = read_processing(in);
        const auto processed = static_cast<index_t>(input.processed_range.size());
        if (processed != 0 && processed != 2 * input.processing.processed_rows(input.size)) {
            in.damaged("an input's processed range does not fit its processing");
        }
        const auto& steps = input.processing.steps;
        if (!steps.empty() && steps[0].xrows != 0 && steps[0].xrows != input.size) {
            in.damaged("an input and its processing disagree");
        }
        s.inputs.push_back(std::move(input));
    }
    line = in.line("layers");
    for (index_t l = 0, n = in.count(line); l < n; ++l) {
        Layer layer;
        line = in.line("layer");
        layer.size = in.value<index_t>(line);
        layer.transfer = transfer_from_name(in.value<std::string>(line));
        for (index_t c = 0, m = in.count(line); c < m; ++c) {
            std::istringstream words = in.line("connection");
            Connection connection;
            const auto kind = in.value<std::string>(words);
            if (kind != "bias" && kind != "input" && kind != "layer") {
                in.damaged("unknown connection '" + kind + "'");
            }
            connection.kind = kind == "bias"    ? SourceKind::bias
                              : kind == "input" ? SourceKind::input
                                                : SourceKind::layer;
            connection.source = in.value<index_t>(words);
            in.value<std::string>(words);
            connection.delays = {in.value<index_t>(words)};
            const auto learn = in.value<std::string>(words);
            if (learn != "learn" && learn != "frozen") in.damaged("unknown word '" + learn + "'");
            connection.learn = learn == "learn";
            layer.connections.push_back(std::move(connection));
        }
        s.layers.push_back(std::move(layer));
    }
    line = in.line("outputs");
    for (index_t o = 0, n = in.count(line); o < n; ++o) {
        Output output;
        line = in.line("output");
        output.layer = in.value<index_t>(line);
        output.size = in.value<index_t>(line);
        output.range = in.ranges("range", output.size);
        output.processing = read_processing(in);
        s.outputs.push_back(std::move(output));
    }
    // Before anything is allocated by these sizes: the file must hold as many numbers.
    for (const Layer& layer : s.layers) {
        if (layer.size > static_cast<index_t>(bytes.size())) in.damaged("a layer is too large");
    }
    for (const Output& output : s.outputs) {
        const auto& steps = output.processing.steps;
        const bool known =
            output.layer >= 0 && output.layer < static_cast<index_t>(s.layers.size());
        const index_t rows = known ? s.layers[static_cast<std::size_t>(output.layer)].size : 0;
        const index_t raw = steps.empty() || steps[0].xrows == 0 ? rows : steps[0].xrows;
        if (!known || output.size != raw) in.damaged("an output does not fit its layer");
    }
    std::map<std::string, std::string> annotations;
    line = in.line("annotations");
    for (index_t i = 0, n = in.count(line); i < n; ++i) {
        const std::string key = unescaped(in.rest("key"));
        annotations[key] = unescaped(in.rest("text"));
    }
    const std::vector<double> wb = in.counted("parameters");
    const std::vector<double> frozen = in.counted("frozen");
    in.finish();

    // The sizes of a damaged header must not reach an allocation.
    double announced = 0.0;
    for (const Layer& layer : s.layers) announced += weights(s, layer);
    if (announced != static_cast<double>(wb.size() + frozen.size())) {
        in.damaged("the number of parameters does not fit the structure");
    }
    const bool empty = s.inputs.empty() && s.layers.empty() && s.outputs.empty();
    Network net = empty ? Network() : Network(std::move(s));
    if (wb.size() != net.parameter_storage()->size() ||
        frozen.size() != net.frozen_storage()->size()) {
        in.damaged("the number of parameters does not fit the structure");
    }
    *net.parameter_storage() = wb;
    *net.frozen_storage() = frozen;
    net.performance = performance;
    net.annotations = std::move(annotations);
    return net;
}

void save(const Network& net, const std::string& path) {
    const std::string bytes = to_bytes(net);
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) throw std::runtime_error(text("save: cannot write '", path, "'"));
}

Network load(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error(text("load: cannot open '", path, "'"));
    std::string start(magic.size(), '\0');
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    std::ostringstream bytes;
    bytes << start;
    if (start == magic) bytes << file.rdbuf();  // anything else may never end
    return from_bytes(bytes.str());
}

}  // namespace jacnet
