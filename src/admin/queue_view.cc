#include "admin/queue_view.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/escape.h"
#include "grammar/path.h"

namespace admin {

namespace json = boost::json;
using spool::RecipientState;

namespace {

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(base::escaped(text));
}

std::string address_of(std::string_view path) {
  return base::escaped(path.size() >= 2 ? path.substr(1, path.size() - 2) : path);
}

/// What an owed recipient waits for; the operator's will before everything else.
Waiting waiting_of(const spool::RecipientStatus& status, const Outlook& outlook) {
  if (status.state == RecipientState::held) return {WaitsFor::an_operator};
  if (outlook.waiting) return *outlook.waiting;
  if (outlook.trouble != nullptr) return {WaitsFor::next_hop};
  return {status.attempts > 0 ? WaitsFor::retry : WaitsFor::turn};
}

json::object describe_recipient(const spool::LoadedMessage& message, std::uint32_t index,
                                const FindOutlook& find_outlook) {
  const spool::Recipient& recipient = message.envelope.recipients[index];
  spool::RecipientStatus status = message.statuses[index];
  std::optional<Waiting> waiting;
  if (!is_final(status.state)) {
    const Outlook outlook = find_outlook(message, index);
    waiting = waiting_of(status, outlook);
    status.via = outlook.via;
    if (const HopTrouble* trouble = outlook.trouble) {
      const auto since = std::ranges::lower_bound(trouble->failures, message.envelope.received);
      const auto count = trouble->failures.end() - since;
      status.attempts += static_cast<std::uint32_t>(count);
      const bool newest = count > 0 && trouble->failures.back() > status.last_attempt;
      if (newest) status.last_reply = trouble->reply;
      if (status.state == RecipientState::ready && count > 0) {
        status.state = RecipientState::deferred;
      }
      status.next_attempt = std::max(status.next_attempt, trouble->next_probe);
    }
    status.next_attempt =
        std::max({status.next_attempt, message.envelope.received, outlook.not_before});
  }
  json::object out;
  out["to"] = base::escaped(grammar::mailbox_text(recipient.forward_path));
  out["state"] = to_string(status.state);
  out["attempts"] = status.attempts;
  const bool has_time =
      waiting && waiting->what != WaitsFor::an_operator && waiting->what != WaitsFor::etrn;
  out["next_attempt"] = has_time ? json::value(base::rfc3339(status.next_attempt)) : nullptr;
  out["last_reply"] = text_or_null(status.last_reply);
  out["via"] = text_or_null(status.via);
  if (waiting) {
    out["waits"] = name_of(waiting->what);
    if (!waiting->subject.empty()) out["waits_subject"] = base::escaped(waiting->subject);
  }
  if (status.unknown) out["unknown"] = true;
  if (!status.reroute.empty()) out["reroute"] = base::escaped(status.reroute);
  return out;
}

/// A message is as ready as its readiest recipient.
std::string_view state_of(const json::array& recipients) {
  bool deferred = false, held = false;
  for (const json::value& recipient : recipients) {
    const auto& state = recipient.at("state").as_string();
    if (state == "ready") return "ready";
    deferred = deferred || state == "deferred";
    held = held || state == "held";
  }
  return deferred ? "deferred" : held ? "held" : "ready";
}

}  // namespace

json::object describe(const spool::LoadedMessage& message, const FindOutlook& outlook, bool whole) {
  const spool::Envelope& envelope = message.envelope;
  json::array recipients;
  for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
    if (!whole && is_final(message.statuses[i].state)) continue;
    recipients.push_back(describe_recipient(message, i, outlook));
  }
  json::object out;
  out["id"] = base::to_string(message.id);
  out["from"] = address_of(envelope.reverse_path);
  out["size"] = message.size;
  out["received"] = base::rfc3339(envelope.received);
  out["state"] = state_of(recipients);
  out["recipients"] = std::move(recipients);
  if (whole) {
    out["client"] = text_or_null(envelope.client);
    out["helo"] = text_or_null(envelope.helo);
    out["auth"] = text_or_null(envelope.auth);
    out["tls"] = text_or_null(envelope.tls);
    out["listener"] = text_or_null(envelope.listener);
    out["eight_bit"] = envelope.eight_bit;
  }
  return out;
}

const spool::Damage* find_damage(std::span<const spool::Damage> all, base::MessageId id) {
  const auto found = std::ranges::find(all, id, &spool::Damage::id);
  return id.value == 0 || found == all.end() ? nullptr : &*found;
}

json::object describe_damage(const spool::Damage& damage) {
  json::object out;
  out["id"] = base::to_string(damage.id);
  out["state"] = "quarantined";
  out["file"] = damage.file;
  out["offset"] = damage.offset;
  out["what"] = damage.what;
  return out;
}

}  // namespace admin
