#pragma once

#include <string>

namespace cli {

/// Asks the server that runs on `data_dir`, if one does, to read its configuration and accounts
/// again. Returns why it could not, for people; empty: it has, or none runs.
[[nodiscard]] std::string request_reload(const std::string& data_dir);

}  // namespace cli
