#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "broker/message.h"
#include "config/config.h"

namespace broker {

/// What one configuration lets a worker ask for. Whatever a worker says, nothing else is done for
/// it. Immutable.
class Rules {
 public:
  explicit Rules(const config::Config& config);

  [[nodiscard]] bool may_listen(const base::Endpoint& endpoint) const;
  [[nodiscard]] bool may_open(std::string_view path) const;
  [[nodiscard]] bool may_log(std::string_view path) const;
  /// A program that is configured to run as this user, with its placeholders filled in; or a
  /// delivery into a configured place of a home. Whether the home's owner may have mail is
  /// config::may_have_mail()'s to say.
  [[nodiscard]] bool may_run(const StartRun& run) const;

  [[nodiscard]] const config::Privileges& privileges() const { return privileges_; }

 private:
  void add(const route::Target& target);

  std::vector<base::Endpoint> endpoints_;
  std::set<std::string, std::less<>> files_;
  std::string log_;
  std::set<std::string, std::less<>> homes_;                ///< Targets, printed.
  std::set<std::pair<std::string, std::string>> programs_;  ///< ARGV and user.
  config::Privileges privileges_;
};

/// Whether `argument` is `pattern` with something in the place of each `{…}`.
[[nodiscard]] bool is_filled_in(std::string_view pattern, std::string_view argument);

}  // namespace broker
