#pragma once
/// Where large results go: through the caches, or past them.

namespace jacnet {

/// Whether so many threads write a result of so many bytes past the caches. One that fits into the
/// last level is written through it: it finds its lines there the next time, as whoever reads the
/// result does. So is one of twice the size where several threads fetch lines; beyond, it would
/// only flush them.
bool past_caches(double bytes, int n_threads);

}  // namespace jacnet
