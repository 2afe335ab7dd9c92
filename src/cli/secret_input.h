#pragma once

#include <expected>
#include <string>

#include "crypto/secret.h"

namespace cli {

/// The first line of stdin; from a terminal with a prompt, twice, without echo. The error is for
/// people.
[[nodiscard]] std::expected<crypto::Secret, std::string> read_new_password();

/// The first line of a file.
[[nodiscard]] std::expected<crypto::Secret, std::string> read_password_file(
    const std::string& path);

}  // namespace cli
