#pragma once
/// Network: layers, connections, process functions, and one vector of parameters.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jacnet/layout.hpp"
#include "jacnet/performance.hpp"
#include "jacnet/processing.hpp"
#include "jacnet/transfer.hpp"
#include "jacnet/view.hpp"

namespace jacnet {

/// Where a connection begins.
enum class SourceKind { bias, input, layer };

/// Weights that a layer applies to one source; a bias is the weight of a constant input 1.
struct Connection {
    SourceKind kind = SourceKind::bias;
    index_t source = -1;             ///< input or layer, counted from 0; -1 for the bias
    std::vector<index_t> delays{0};  ///< only {0}: static networks
    bool learn = true;               ///< false: present, but not a parameter
};

struct Input {
    index_t size = 0;           ///< raw rows; 0 until configured
    Processing processing;      ///< applied in order
    std::vector<double> range;  ///< raw range of each row in the data configured with: lo, hi, ...
    std::vector<double> processed_range;
};

struct Layer {
    index_t size = 0;  ///< 0 for an output layer until configured
    Transfer transfer = Transfer::tansig;
    std::vector<Connection> connections;  ///< bias, then inputs, then layers, each ascending
};

struct Output {
    index_t layer = 0;
    index_t size = 0;           ///< raw rows; 0 until configured
    Processing processing;      ///< reversed, last to first
    std::vector<double> range;  ///< raw range of each row of the targets configured with
};

/// The shape of a network: everything but its parameters.
/// A layer may read any input and any earlier layer; skip connections, cascades and several inputs
/// and outputs are the same thing.
struct Structure {
    std::vector<Input> inputs;
    std::vector<Layer> layers;
    std::vector<Output> outputs;  ///< ascending by layer; their rows are stacked in this order
};

/// Layers of the given sizes in a chain, `sizes` from the input to the output.
/// Hidden layers get `hidden`, the last one `output`; no processing.
Structure chain(const std::vector<index_t>& sizes, Transfer hidden = Transfer::tansig,
                Transfer output = Transfer::purelin);

struct Graph;

/// A network and its parameters.
///
/// Reading from several threads at once is safe; a network must not be changed by one thread while
/// another uses it. Copies are deep.
class Network {
public:
    Network() = default;
    /// Parameters are zero until `initialize` or `set_parameters`.
    /// @throws std::invalid_argument when the structure is inconsistent
    explicit Network(Structure structure);
    Network(const Network& other);
    Network& operator=(const Network& other);
    /// What was moved from may only be assigned to or destroyed.
    Network(Network&&) noexcept = default;
    Network& operator=(Network&&) noexcept = default;
    /// The network as it is now, but for annotations, with the same values in memory: to be read
    /// while this one may get another structure. Costs next to nothing.
    Network shared_copy() const;

    /// Valid until the structure changes.
    const Structure& structure() const { return description_->structure; }
    const Layout& layout() const { return description_->layout; }
    /// Whether every size is known and every process function fitted to data.
    bool configured() const { return description_->graph != nullptr; }
    index_t n_parameters() const { return static_cast<index_t>(wb_->size()); }
    index_t n_outputs() const;  ///< raw rows of all outputs, stacked

    /// The parameter vector, in the order of the layout. Writing changes the network.
    VectorView<double> wb() { return {wb_->data(), n_parameters()}; }
    VectorView<const double> wb() const { return {wb_->data(), n_parameters()}; }
    /// Values of one block, learning or frozen.
    /// @throws std::invalid_argument for a name that the layout does not have
    MatrixView<double> block(const std::string& name);
    MatrixView<double> block(const ParameterBlock& block);
    MatrixView<const double> block(const ParameterBlock& block) const;
    /// Copies `wb` into the parameters.
    /// @throws std::invalid_argument unless it has n_parameters() finite elements
    void set_parameters(VectorView<const double> wb);
    /// Freezes or frees a block; its values stay, the parameter vector is laid out anew.
    void set_learn(const std::string& block, bool learn);
    void set_transfer(index_t layer, Transfer transfer);

    /// Takes sizes, ranges and process settings from data; parameters become zero.
    /// A softmax output layer of a size yet unknown that gets a single row becomes logsig, as in
    /// patternnet.
    /// @param x  one R_i x Q matrix per input   @param t  one S_i x Q matrix per output
    /// @throws std::invalid_argument when shapes disagree or data cannot be fitted
    void configure(const std::vector<MatrixView<const double>>& x,
                   const std::vector<MatrixView<const double>>& t);

    /// Nguyen-Widrow initialisation, layer by layer, drawn from MATLAB's Mersenne Twister
    /// (numpy.random.RandomState(seed).random_sample()); without a seed, from fresh entropy.
    void initialize(std::optional<std::uint32_t> seed);

    PerformanceSettings performance;
    /// Text carried along with the network and stored with it; the library does not read it.
    std::map<std::string, std::string> annotations;

    /// Owners of the values, for views that must outlive the network.
    std::shared_ptr<std::vector<double>> parameter_storage() const { return wb_; }
    std::shared_ptr<std::vector<double>> frozen_storage() const { return frozen_; }
    /// For the library's own passes; null unless configured.
    const std::shared_ptr<const Graph>& graph() const { return description_->graph; }

private:
    /// All but the values; never changed, and shared by copies.
    struct Description {
        Structure structure;
        Layout layout;
        std::shared_ptr<const Graph> graph;
    };
    using Values = std::shared_ptr<std::vector<double>>;
    Network(const PerformanceSettings& performance_, std::shared_ptr<const Description> description,
            Values wb, Values frozen)
        : performance(performance_),
          description_(std::move(description)),
          wb_(std::move(wb)),
          frozen_(std::move(frozen)) {}
    static std::shared_ptr<const Description> describe(Structure structure, Layout layout);
    /// Gets another structure, and values that are zero.
    void become(Structure structure);

    std::shared_ptr<const Description> description_ = std::make_shared<const Description>();
    Values wb_ = std::make_shared<std::vector<double>>();
    Values frozen_ = std::make_shared<std::vector<double>>();
};

}  // namespace jacnet
