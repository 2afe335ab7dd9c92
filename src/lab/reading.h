#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/section.h"
#include "lab/description.h"

// The parts of read_description(), each for some sections of the file.
namespace lab {

/// `projection`: a member of the elements.
template <class List, class Value, class Projection = std::identity>
[[nodiscard]] bool contains(const List& list, const Value& value, Projection projection = {}) {
  return std::ranges::find(list, value, projection) != list.end();
}

/// What all parts need. Refers to things of read_description().
struct Reading {
  const ReadOptions& options;
  Description& out;
  config::Problems& problems;
  std::vector<config::Mistake>& elsewhere;  ///< In files that the description names.

  /// Of all machines: each once.
  std::map<std::string, std::string> machines = {};       ///< Name to the key that has it.
  std::map<base::IpAddress, std::string> addresses = {};  ///< To the name of the machine.
  std::set<std::string> given_owners = {};     ///< Names with records that the file gives.
  std::set<std::string> given_addresses = {};  ///< Of these, who have an address or CNAME.
  bool complete = true;                        ///< Every configuration could be read.

  /// False: it is taken, and that was reported.
  bool take_address(config::Section& section, const base::IpAddress& address,
                    const std::string& name);
  /// One that is free, in 10.`second`.0.0/16.
  [[nodiscard]] base::IpAddress free_address(std::uint8_t second, const std::string& name);
};

/// A host name in lower case; nullopt: absent or wrong, which was reported.
[[nodiscard]] std::optional<std::string> read_name(config::Section& section, std::string_view key);
[[nodiscard]] std::optional<std::string> to_name(config::Section& section,
                                                 const config::Text& text);
/// The name of a [[server]] or [[foreign]].
[[nodiscard]] std::optional<std::string> to_machine(config::Section& section,
                                                    const config::Text& text,
                                                    const Reading& reading);
[[nodiscard]] std::optional<base::IpAddress> read_address(config::Section& section,
                                                          std::string_view key);
/// In thousandths.
void read_rate(config::Section& section, std::string_view key, unsigned& out);

/// `[[domain]]`: what the DNS says.
void read_domains(config::Section& root, Reading& reading);
/// `[[server]]`, `[[foreign]]`, and what the DNS says of them. Needs the domains.
void read_machines(config::Section& root, Reading& reading);
/// `[[link]]`, `[[outage]]`. Needs the machines.
void read_network(config::Section& root, Reading& reading);
/// `[[traffic]]`, `[expect]`. Needs the machines.
void read_traffic(config::Section& root, Reading& reading);

}  // namespace lab
