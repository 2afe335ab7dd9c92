#pragma once

#include <string>

#include "base/error.h"

namespace cli {

/// Whether a server answers at a Unix socket. IoErrorCode::not_found and refused: none runs there.
[[nodiscard]] base::Io<> knock(const std::string& path);

/// What knock() says of a server that is stopped.
[[nodiscard]] inline bool is_stopped(const base::Io<>& knocked) {
  return !knocked && (knocked.error().code == base::IoErrorCode::not_found ||
                      knocked.error().code == base::IoErrorCode::refused);
}

}  // namespace cli
