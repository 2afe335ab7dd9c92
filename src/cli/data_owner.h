#pragma once

#include <expected>
#include <string>

namespace cli {

/// What root does in the data folder of a server that runs as another user, it does as that user:
/// otherwise files would be left there that the server cannot read. Does nothing for anybody else.
/// For good. The error is for people.
[[nodiscard]] std::expected<void, std::string> become_owner_of(const std::string& data_dir);

/// Makes the folder for a server that will run as this user, as root; one that is there must be its
/// own. The error is for people.
[[nodiscard]] std::expected<void, std::string> make_for_owner(const std::string& data_dir,
                                                              const std::string& user);

}  // namespace cli
