#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace grammar {

/// What `check-address` says about a path. Domains and local-part are as they were written.
struct AddressCheck {
  bool valid = false;
  std::vector<std::string> route;
  std::string local;
  std::string domain;  ///< Empty for `<postmaster>`; local is empty, too, for `<>`.
  std::string error;   ///< Empty if valid, else the reason and "(at octet N)", from 0.

  friend bool operator==(const AddressCheck&, const AddressCheck&) = default;
};

/// Whether `text`, with its angle brackets, is a forward-path or the null reverse-path.
[[nodiscard]] AddressCheck check_address(std::string_view text, bool smtputf8);

}  // namespace grammar
