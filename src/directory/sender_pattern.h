#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "grammar/mailbox.h"

namespace directory {

/// A value of `may_send_as`: `*`, `*@domain` (without its subdomains) or an address. Case does not
/// count.
class SenderPattern {
 public:
  [[nodiscard]] static std::optional<SenderPattern> parse(std::string_view text);
  [[nodiscard]] bool matches(const grammar::Mailbox& sender) const;

 private:
  enum class Kind : std::uint8_t { any, domain, mailbox };

  Kind kind_ = Kind::any;
  grammar::Mailbox mailbox_;  ///< Of a domain: without local-part.
};

/// The same mailbox when case does not count: ASCII letters in the local-part.
[[nodiscard]] bool same_mailbox(const grammar::Mailbox& a, const grammar::Mailbox& b);

}  // namespace directory
