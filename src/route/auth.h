#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/time.h"

namespace route {

/// As whom we log in at a smart host, and where the secret is kept: exactly one of `password_file`,
/// `token_file` and `token_command` is filled. The secret itself is never here.
struct RouteAuth {
  std::string user;
  std::string password_file;    ///< A path; read when the server starts or reloads.
  std::string token_file = {};  ///< A path; read at each login: tokens are short-lived.
  /// A program and its arguments, which writes the token on its standard output.
  std::vector<std::string> token_command = {};
  base::Duration token_lifetime = std::chrono::minutes(50);  ///< Of one made by the command.
  /// "SCRAM-SHA-256", …; empty: the strongest one that the host offers.
  std::string mechanism = {};

  [[nodiscard]] bool has_token() const { return !token_file.empty() || !token_command.empty(); }
  /// For people, and different for different logins: "u (/etc/p)", "u (token of get-token)". Of a
  /// command's arguments only a checksum: somebody may have put a secret there.
  [[nodiscard]] std::string print() const;

  friend bool operator==(const RouteAuth&, const RouteAuth&) = default;
};

}  // namespace route
