#pragma once
/// Networks in files: a short text header, then raw little-endian doubles. See docs/format.md.

#include <string>

#include "jacnet/network.hpp"

namespace jacnet {

/// The file's content as a string of bytes.
std::string to_bytes(const Network& net);
/// @throws std::invalid_argument when the bytes are not a network, damaged, or of a later format
Network from_bytes(const std::string& bytes);

/// @throws std::runtime_error when the file cannot be written
void save(const Network& net, const std::string& path);
/// @throws std::runtime_error when the file cannot be read, std::invalid_argument as from_bytes
Network load(const std::string& path);

}  // namespace jacnet
