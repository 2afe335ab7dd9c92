#pragma once

#include <expected>
#include <functional>
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

/// The text of a configuration file, and what it says.
struct ConfigurationText {
  std::string file;  ///< Absolute.
  std::string text;
  std::shared_ptr<const config::Config> config;
};
/// The same as load_configuration() for who has privileges and reads what root alone may change:
/// neither accounts nor certificates. Without a file there is nothing.
[[nodiscard]] std::expected<ConfigurationText, std::vector<config::Mistake>> read_privileged(
    const std::string& named);
/// The rest of load_configuration(), for whoever got the text from there. `read` reads files that
/// it may not read itself.
using FileReader = std::function<std::expected<std::string, std::string>(const std::string& path)>;
[[nodiscard]] std::expected<Configuration, std::vector<config::Mistake>> load_text(
    const std::string& file, const std::string& text, const FileReader& read);

/// On stderr, one a line.
void print_mistakes(const std::vector<config::Mistake>& mistakes);

/// What this machine calls itself.
[[nodiscard]] std::string machine_name();

}  // namespace cli
