#pragma once

#include <memory>

#include "sys/tls.h"

namespace sys::real {

/// OpenSSL over buffers in memory: TLS 1.2 and 1.3, no compression, renegotiation or resumption.
/// May be used from any thread; a session from one at a time.
[[nodiscard]] std::unique_ptr<Tls> make_tls();

}  // namespace sys::real
