#include "directory/sender_pattern.h"

#include "base/ascii.h"

namespace directory {

std::optional<SenderPattern> SenderPattern::parse(std::string_view text) {
  SenderPattern out;
  if (text == "*") return out;
  if (text.starts_with("*@")) {
    auto domain = grammar::Domain::parse(text.substr(2));
    if (!domain) return std::nullopt;
    out.kind_ = Kind::domain;
    out.mailbox_.domain = std::move(*domain);
    return out;
  }
  auto mailbox = grammar::Mailbox::parse(text);
  if (!mailbox) return std::nullopt;
  out.kind_ = Kind::mailbox;
  out.mailbox_ = std::move(*mailbox);
  return out;
}

bool SenderPattern::matches(const grammar::Mailbox& sender) const {
  switch (kind_) {
    case Kind::any: return true;
    case Kind::domain: return sender.domain == mailbox_.domain;
    case Kind::mailbox: return same_mailbox(sender, mailbox_);
  }
  return false;
}

bool same_mailbox(const grammar::Mailbox& a, const grammar::Mailbox& b) {
  return base::equal_nocase(a.local.value(), b.local.value()) && a.domain == b.domain;
}

}  // namespace directory
