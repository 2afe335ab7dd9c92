#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"

namespace cli {

/// What a command works with.
struct Configuration {
  std::string file;  ///< Empty: the sandbox.
  std::shared_ptr<const config::Config> config;
};

/// Reads the file that is named, or the default one; without that one it is the sandbox, with its
/// data below XDG_STATE_HOME. Finds all mistakes, also files that are named and missing,
/// certificates that no server could use, and accounts that can't be read.
[[nodiscard]] std::expected<Configuration, std::vector<config::Mistake>> load_configuration(
    const std::string& named);

/// The same, but looks at no other files than accounts and tables: for who wants to know what addresses
/// mean, and may not read keys.
[[nodiscard]] std::expected<Configuration, std::vector<config::Mistake>> read_with_accounts(
    const std::string& named);

/// The same, but looks at no other file: for who only wants to know where the data are.
[[nodiscard]] std::expected<Configuration, std::vector<config::Mistake>> read_configuration(
    const std::string& named);

/// On stderr, one a line.
void print_mistakes(const std::vector<config::Mistake>& mistakes);

/// What this machine calls itself.
[[nodiscard]] std::string machine_name();

}  // namespace cli
