#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/section.h"

// The parts of load(), each for some sections of the file.
namespace config {

/// What all parts need. Refers to things of load().
struct Loading {
  const LoadOptions& options;
  Config& config;

  /// A path of the file as an absolute one.
  [[nodiscard]] std::string resolve(std::string_view path) const;
  /// The same, of a file that must be there.
  std::string name_file(const Text& text) const;
  void warn(std::string text) const { config.warnings.push_back(std::move(text)); }
};

/// `hostname`, or a machine's name, in ASCII; empty if it is no domain name.
[[nodiscard]] std::string hostname_from(std::string_view text);

/// In octets, of the path of a Unix socket: what the system can take.
inline constexpr std::size_t unix_path_octets_max = 107;

/// An address such as `alice@example.org`; reports what is none.
[[nodiscard]] std::optional<grammar::Mailbox> read_mailbox(Section& section, const Text& text);

/// What `deliver` and `via` name has paths and placeholders: makes the paths absolute, and reports
/// mistakes. False: there was one.
[[nodiscard]] bool complete_target(Section& section, const Text& text, const Loading& loading,
                                   route::Target& target);

/// `[limits]`, `[delivery]`, `[queue]`, `[trace]`, `[log]`: how the server works.
void read_operation(Section& root, const Loading& loading);

/// `[[domain]]`, `[[alias]]`, `[[user]]` and the accounts: who is here. Needs `data_dir`. Fills
/// `directory` and `local_domains`.
void read_directory(Section& root, const Loading& loading);

/// `[relay]` and `[[route]]`: what goes on. Needs `directory` and `delivery`. Fills `relay` and
/// `routes`.
void read_routing(Section& root, const Loading& loading);

}  // namespace config
