#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

// The accounting of the simulation. It stands outside of the code under test: what clients were
// told, what foreign hosts hold, and what reports came back to the originators.
namespace server::foreign {

/// One message for one host: the token of its subject and the host's domain.
using Key = std::pair<std::string, std::string>;

/// What hosts hold of one Key.
struct Copies {
  int all = 0;
  int without_reply = 0;  ///< The host took it, and its client cannot have heard so.
};

class Ledger {
 public:
  /// A client is about to send a message; what arrives is compared with this content.
  void sent(const std::string& token, const std::string& content) { contents_[token] = content; }
  /// It has read the 250.
  void acknowledged(const Key& key) { acknowledged_.insert(key); }

  /// A host has taken a content for a recipient in `domain`.
  void arrived(const std::string& domain, std::string_view content, bool replies) {
    const std::string token = token_of(content);
    const auto sent = contents_.find(token);
    // Fields were put on top; everything else must be as it was.
    if (sent == contents_.end() || !content.ends_with(sent->second)) altered_.insert(token);
    Copies& copies = copies_[{token, domain}];
    ++copies.all;
    if (!replies) ++copies.without_reply;
  }
  /// An originator's host has taken a report.
  void reported(std::string_view content) {
    ++reports_;
    const std::string token = token_of(content);
    // The same report may come twice when its first 250 was lost.
    const std::size_t id = content.find("Message-ID: ");
    const std::string report(content.substr(id, content.find('\r', id) - id));
    constexpr std::string_view field = "Final-Recipient: rfc822;";
    for (std::size_t at = content.find(field); at != content.npos;
         at = content.find(field, at + 1)) {
      const std::size_t begin = content.find('@', at) + 1;
      failed_[{token, std::string(content.substr(begin, content.find('\r', at) - begin))}].insert(
          report);
    }
  }

  // What there must be none of.

  /// Acknowledged, and neither arrived nor reported.
  [[nodiscard]] std::set<Key> lost() const {
    std::set<Key> out;
    for (const Key& key : acknowledged_)
      if (!copies_.contains(key) && !failed_.contains(key)) out.insert(key);
    return out;
  }
  /// Arrived again, although the host had said that it has it.
  [[nodiscard]] std::set<Key> doubled() const {
    std::set<Key> out;
    for (const auto& [key, copies] : copies_)
      if (copies.all - copies.without_reply > 1) out.insert(key);
    return out;
  }
  /// Reported as failed more than once, or although a host said that it has it.
  [[nodiscard]] std::set<Key> wrongly_reported() const {
    std::set<Key> out;
    for (const auto& [key, reports] : failed_) {
      const auto copies = copies_.find(key);
      const bool taken =
          copies != copies_.end() && copies->second.all > copies->second.without_reply;
      if (reports.size() > 1 || taken) out.insert(key);
    }
    return out;
  }
  [[nodiscard]] const std::set<std::string>& altered() const { return altered_; }

  [[nodiscard]] std::size_t acknowledged() const { return acknowledged_.size(); }
  [[nodiscard]] std::size_t arrived() const { return copies_.size(); }
  [[nodiscard]] std::size_t failed() const { return failed_.size(); }
  [[nodiscard]] std::size_t reports() const { return reports_; }

 private:
  /// The first one: of a report, that of the message that it is about.
  [[nodiscard]] static std::string token_of(std::string_view content) {
    const std::size_t at = content.find("token-");
    if (at == content.npos) return "";
    return std::string(content.substr(at, content.find_first_not_of("0123456789", at + 6) - at));
  }

  std::map<std::string, std::string> contents_;
  std::set<Key> acknowledged_;
  std::map<Key, Copies> copies_;
  std::map<Key, std::set<std::string>> failed_;  ///< The reports.
  std::set<std::string> altered_;
  std::size_t reports_ = 0;
};

}  // namespace server::foreign
