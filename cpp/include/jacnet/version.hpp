/// @file
/// The version, stated here and read from here by CMake and by the Python package.
#pragma once

#define JACNET_VERSION_MAJOR 0
#define JACNET_VERSION_MINOR 1
#define JACNET_VERSION_PATCH 0

#define JACNET_STRINGIFY_(x) #x
#define JACNET_STRINGIFY(x) JACNET_STRINGIFY_(x)

/// "major.minor.patch"
#define JACNET_VERSION                     \
    JACNET_STRINGIFY(JACNET_VERSION_MAJOR) \
    "." JACNET_STRINGIFY(JACNET_VERSION_MINOR) "." JACNET_STRINGIFY(JACNET_VERSION_PATCH)
