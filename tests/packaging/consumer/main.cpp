// The smallest user of jacnet: every public header, and enough calls to need the whole library.
#include <iostream>

#include "jacnet/jacnet.hpp"

int main() {
    const jacnet::BuildInfo info = jacnet::build_info();
    std::cout << "jacnet " << info.version << ' ' << info.instruction_set << ' '
              << jacnet::max_threads() << " threads\n";
    return info.version == JACNET_VERSION ? 0 : 1;
}
