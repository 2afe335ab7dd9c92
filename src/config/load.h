#pragma once

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
  void warn(std::string text) const { config.warnings.push_back(std::move(text)); }
};

/// `hostname`, or a machine's name, in ASCII; empty if it is no domain name.
[[nodiscard]] std::string hostname_from(std::string_view text);

/// `[limits]`, `[delivery]`, `[queue]`, `[trace]`, `[log]`: how the server works.
void read_operation(Section& root, const Loading& loading);

/// `[[domain]]`, `[[alias]]` and `[[user]]`: who is here. Fills `directory` and `local_domains`.
void read_directory(Section& root, const Loading& loading);

/// `[relay]` and `[[route]]`: what goes on. Needs `directory`. Fills `relay` and `routes`.
void read_routing(Section& root, const Loading& loading);

}  // namespace config
