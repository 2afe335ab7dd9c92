#include "server/queue_filter.h"

#include <boost/json.hpp>

#include "directory/snapshot.h"
#include "grammar/path.h"

namespace server {

namespace json = boost::json;

std::expected<AddressFilter, std::string> AddressFilter::parse(std::string_view text) {
  AddressFilter out;
  if (text.find('@') == text.npos) {
    const auto domain = grammar::Domain::parse(text);
    if (!domain) return std::unexpected("neither an address nor a domain: " + std::string(text));
    out.domain = *domain;
    return out;
  }
  auto mailbox = grammar::Mailbox::parse(text);
  if (!mailbox) return std::unexpected("no address: " + std::string(text));
  out.mailbox = std::move(*mailbox);
  return out;
}

bool AddressFilter::matches(const grammar::Mailbox& other) const {
  return mailbox ? directory::same_mailbox(*mailbox, other) : other.domain == domain;
}

std::expected<QueueFilter, std::string> QueueFilter::parse(const json::object& request) {
  QueueFilter out;
  const auto text = [&](const char* key) -> std::optional<std::string_view> {
    const json::value* value = request.if_contains(key);
    if (value == nullptr || !value->is_string()) return std::nullopt;
    return std::string_view(value->as_string());
  };
  const auto flag = [&](const char* key) {
    const json::value* value = request.if_contains(key);
    return value != nullptr && value->is_bool() && value->as_bool();
  };
  if (const auto id = text("id")) {
    out.id = base::parse_message_id(*id);
    if (!out.id) return std::unexpected("no such id: " + std::string(*id));
  }
  for (const char* key : {"to", "from"}) {
    const auto given = text(key);
    if (!given) continue;
    auto filter = AddressFilter::parse(*given);
    if (!filter) return std::unexpected(filter.error());
    (key[0] == 't' ? out.to : out.from) = std::move(*filter);
  }
  out.all = flag("all");
  out.dry_run = flag("dry_run");
  if (out.is_everything() && !out.all) return std::unexpected("say which messages, or all");
  return out;
}

std::vector<std::uint32_t> QueueFilter::matches(const spool::LoadedMessage& message) const {
  std::vector<std::uint32_t> out;
  if (!may_match(message.id)) return out;
  if (from) {
    const auto path = grammar::ReversePath::parse(message.envelope.reverse_path);
    if (!path || !path->mailbox || !from->matches(*path->mailbox)) return out;
  }
  for (std::uint32_t i = 0; i < message.envelope.recipients.size(); ++i) {
    if (is_final(message.statuses[i].state)) continue;
    const auto path = grammar::ForwardPath::parse(message.envelope.recipients[i].forward_path);
    if (path && (!to || to->matches(path->mailbox))) out.push_back(i);
  }
  return out;
}

}  // namespace server
