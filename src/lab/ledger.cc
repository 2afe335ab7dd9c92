#include "lab/ledger.h"

#include <algorithm>

#include "base/ascii.h"

namespace lab {
namespace {

constexpr std::string_view token_prefix = "lab-message-";

/// FNV-1a, 64 bits: by chance one content in 2^64 passes for another.
std::uint64_t sum_of(std::string_view octets) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const char octet : octets) {
    sum = (sum ^ static_cast<unsigned char>(octet)) * 0x100000001b3;
  }
  return sum;
}

/// The recipients of a report [RFC3464 2.3] that it says were not reached.
std::vector<std::string> failures_in(std::string_view report) {
  std::vector<std::string> out;
  std::string recipient;
  while (!report.empty()) {
    const std::size_t end = std::min(report.find("\r\n"), report.size());
    const std::string line = base::lower(report.substr(0, end));
    report.remove_prefix(std::min(end + 2, report.size()));
    constexpr std::string_view field = "final-recipient: rfc822;";
    if (line.starts_with(field)) {
      recipient = line.substr(std::min(line.find_first_not_of(' ', field.size()), line.size()));
    } else if (line.starts_with("action: failed") && !recipient.empty()) {
      out.push_back(std::exchange(recipient, {}));
    }
  }
  return out;
}

/// Of a field of the header section; without it an empty one.
std::string message_id_of(std::string_view content) {
  const std::string_view header = content.substr(0, content.find("\r\n\r\n"));
  constexpr std::string_view field = "Message-ID: ";
  const std::size_t at = header.find(field);
  if (at == header.npos) return {};
  return std::string(header.substr(at, header.find('\r', at) - at));
}

}  // namespace

std::string token_for(std::uint64_t number) {
  return std::string(token_prefix) + std::to_string(number);
}

std::string token_in(std::string_view content) {
  const std::size_t at = content.find(token_prefix);
  if (at == content.npos) return {};
  const std::size_t end = content.find_first_not_of("0123456789", at + token_prefix.size());
  return std::string(content.substr(at, end - at));
}

bool is_report(std::string_view content) {
  const std::string header = base::lower(content.substr(0, content.find("\r\n\r\n")));
  return header.contains("multipart/report");
}

std::vector<std::pair<std::string_view, std::uint64_t>> figures(const Totals& totals) {
  return {{"sent", totals.sent},       {"delivered", totals.delivered},
          {"bounced", totals.bounced}, {"queued", totals.queued},
          {"lost", totals.lost},       {"duplicated", totals.duplicated},
          {"refused", totals.refused}, {"unsent", totals.unsent},
          {"altered", totals.altered}, {"contradicted", totals.contradicted},
          {"reports", totals.reports}};
}

void Ledger::sent(const std::string& token, std::string_view content,
                  const std::vector<std::string>& recipients) {
  Message& message = messages_[token];
  message.octets = content.size();
  message.sum = sum_of(content);
  for (const std::string& recipient : recipients) message.recipients[base::lower(recipient)];
}

void Ledger::acknowledged(const std::string& token) {
  for (auto& [recipient, entry] : messages_[token].recipients) {
    if (!entry.refused) entry.acknowledged = true;
  }
}

void Ledger::refused(const std::string& token, const std::string& recipient) {
  messages_[token].recipients[base::lower(recipient)].refused = true;
}

Ledger::Entry* Ledger::find(const std::string& token, std::string_view recipient) {
  const auto message = messages_.find(token);
  if (message == messages_.end()) return nullptr;
  auto& recipients = message->second.recipients;
  const auto exact = recipients.find(base::lower(recipient));
  if (exact != recipients.end()) return &exact->second;
  return recipients.size() == 1 ? &recipients.begin()->second : nullptr;
}

void Ledger::arrived(std::string_view recipient, std::string_view content, bool replies) {
  const std::string token = token_in(content);
  const auto message = messages_.find(token);
  // Fields were put on top; everything else must be as it was.
  const bool whole =
      message != messages_.end() && content.size() >= message->second.octets &&
      sum_of(content.substr(content.size() - message->second.octets)) == message->second.sum;
  if (!whole) altered_.insert(token);
  Entry* const entry = find(token, recipient);
  if (entry == nullptr) return;
  Copies& copies = entry->copies[base::lower(recipient)];
  ++copies.all;
  if (!replies) ++copies.without_reply;
}

void Ledger::reported(std::string_view content) {
  ++reports_;
  const std::string token = token_in(content);
  // The same report may come twice when its first 250 was lost.
  const std::string id = message_id_of(content);
  for (const std::string& recipient : failures_in(content)) {
    if (Entry* const entry = find(token, recipient)) entry->failures.insert(id);
  }
}

void Ledger::queued(std::string_view recipient, std::string_view content) {
  const std::string token = token_in(content);
  if (!is_report(content)) {
    if (Entry* const entry = find(token, recipient)) entry->queued = true;
    return;
  }
  for (const std::string& about : failures_in(content)) {
    if (Entry* const entry = find(token, about)) entry->queued = true;
  }
}

bool Ledger::Entry::taken() const {
  return std::ranges::any_of(
      copies, [](const auto& one) { return one.second.all > one.second.without_reply; });
}

Totals Ledger::totals() const {
  Totals out{
      .altered = altered_.size(), .contradicted = wrongly_reported().size(), .reports = reports_};
  for (const auto& [token, message] : messages_) {
    for (const auto& [recipient, entry] : message.recipients) {
      for (const auto& [mailbox, copies] : entry.copies) out.duplicated += copies.all - 1;
      if (!entry.acknowledged) {
        ++(entry.refused ? out.refused : out.unsent);
        continue;
      }
      ++out.sent;
      if (!entry.copies.empty()) {
        ++out.delivered;
      } else if (!entry.failures.empty()) {
        ++out.bounced;
      } else {
        ++(entry.queued ? out.queued : out.lost);
      }
    }
  }
  return out;
}

template <class Condition>
std::set<Ledger::Key> Ledger::all_that(Condition condition) const {
  std::set<Key> out;
  for (const auto& [token, message] : messages_) {
    for (const auto& [recipient, entry] : message.recipients) {
      if (condition(entry)) out.insert({token, recipient});
    }
  }
  return out;
}

std::set<Ledger::Key> Ledger::lost() const {
  return all_that([](const Entry& entry) {
    return entry.acknowledged && entry.copies.empty() && entry.failures.empty() && !entry.queued;
  });
}

std::set<Ledger::Key> Ledger::doubled() const {
  return all_that([](const Entry& entry) {
    return std::ranges::any_of(entry.copies, [](const auto& one) {
      return one.second.all > one.second.without_reply + 1;
    });
  });
}

std::set<Ledger::Key> Ledger::wrongly_reported() const {
  return all_that([](const Entry& entry) {
    return entry.failures.size() > 1 || (!entry.failures.empty() && entry.taken());
  });
}

}  // namespace lab
