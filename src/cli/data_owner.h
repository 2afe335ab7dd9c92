#pragma once

#include <expected>
#include <string>

namespace cli {

/// What root does in the data folder of a server that runs as another user, it does as that user:
/// otherwise files would be left there that the server cannot read. Does nothing for anybody else.
/// For good. The error is for people.
[[nodiscard]] std::expected<void, std::string> become_owner_of(const std::string& data_dir);

}  // namespace cli
