#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "grammar/domain.h"
#include "grammar/mailbox.h"
#include "spool/types.h"

namespace boost::json {
class object;
}

namespace server {

/// `ADDRESS|DOMAIN` of the command line.
struct AddressFilter {
  std::optional<grammar::Mailbox> mailbox;
  grammar::Domain domain;

  [[nodiscard]] static std::expected<AddressFilter, std::string> parse(std::string_view text);
  [[nodiscard]] bool matches(const grammar::Mailbox& other) const;
};

/// Which recipients a `queue` command acts on: all that are given must match.
struct QueueFilter {
  std::optional<base::MessageId> id;
  std::optional<AddressFilter> to, from;
  bool all = false;
  bool dry_run = false;

  /// From a request of the control socket. The error is for people; so is asking for nothing.
  [[nodiscard]] static std::expected<QueueFilter, std::string> parse(
      const boost::json::object& request);

  [[nodiscard]] bool is_everything() const { return !id && !to && !from; }
  [[nodiscard]] bool may_match(base::MessageId message) const { return !id || *id == message; }
  /// The recipients that are still owed and match.
  [[nodiscard]] std::vector<std::uint32_t> matches(const spool::LoadedMessage& message) const;
};

}  // namespace server
