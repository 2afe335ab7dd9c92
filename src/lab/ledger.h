#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lab {

/// The name of a message, which stands in its Subject and Message-ID, so that it is found again in
/// whatever arrives: "lab-message-17".
[[nodiscard]] std::string token_for(std::uint64_t number);
/// The first one in a content: of a report, that of the message which it is about. Empty: none.
[[nodiscard]] std::string token_in(std::string_view content);
/// Whether a content is a notification [RFC3464].
[[nodiscard]] bool is_report(std::string_view content);

/// The figures; but for the last ones they count recipients of messages.
/// sent = delivered + bounced + queued + lost.
struct Totals {
  std::uint64_t sent = 0;  ///< A server said 250.
  std::uint64_t delivered = 0;
  std::uint64_t bounced = 0;       ///< Not delivered, and the originator has a report that says so.
  std::uint64_t queued = 0;        ///< Neither, and it, or its report, is in a queue.
  std::uint64_t lost = 0;          ///< None of these.
  std::uint64_t duplicated = 0;    ///< Copies beyond the first one in a mailbox.
  std::uint64_t refused = 0;       ///< 5yz at the submission.
  std::uint64_t unsent = 0;        ///< Still with their client at the end.
  std::uint64_t altered = 0;       ///< Messages that did not arrive as they were sent.
  std::uint64_t contradicted = 0;  ///< Reported as failed, though a host said that it has them.
  std::uint64_t reports = 0;       ///< Notifications that arrived, delays, too.
};

/// By their names, in the order above.
[[nodiscard]] std::vector<std::pair<std::string_view, std::uint64_t>> figures(const Totals& totals);

/// The accounting. It stands outside of the servers: what clients were told, what mailboxes and
/// foreign hosts hold, and what reports came back to the originators.
///
/// Contents are not kept. Recipients compare without case. What arrives at an address that the
/// message was not sent to (an alias led there) counts for its recipient if it has only one.
class Ledger {
 public:
  /// One message for one recipient.
  using Key = std::pair<std::string, std::string>;

  /// A client is about to send a message; what arrives is compared with this content. Again: it
  /// tries again.
  void sent(const std::string& token, std::string_view content,
            const std::vector<std::string>& recipients);
  /// It has read the 250.
  void acknowledged(const std::string& token);
  /// It was told 5yz: for this recipient.
  void refused(const std::string& token, const std::string& recipient);

  /// A mailbox has a content; lines end in CRLF. `replies`: its client can have heard so.
  void arrived(std::string_view recipient, std::string_view content, bool replies = true);
  /// An originator has a report.
  void reported(std::string_view content);
  /// A server keeps it for this recipient; of a report: for whom it is about.
  void queued(std::string_view recipient, std::string_view content);

  [[nodiscard]] Totals totals() const;

  // What there must be none of.

  /// Acknowledged, and neither arrived nor reported nor queued.
  [[nodiscard]] std::set<Key> lost() const;
  /// Arrived again, although the host had said that it has it.
  [[nodiscard]] std::set<Key> doubled() const;
  /// Reported as failed more than once, or although a host said that it has it.
  [[nodiscard]] std::set<Key> wrongly_reported() const;
  /// Messages.
  [[nodiscard]] const std::set<std::string>& altered() const { return altered_; }

 private:
  /// What one mailbox holds.
  struct Copies {
    std::uint32_t all = 0;
    std::uint32_t without_reply = 0;  ///< The host took it, and its client cannot have heard so.
  };
  struct Entry {
    bool acknowledged = false;
    bool refused = false;
    bool queued = false;
    std::map<std::string, Copies> copies = {};  ///< By mailbox.
    std::set<std::string> failures = {};        ///< The reports, by their Message-ID.
    [[nodiscard]] bool taken() const;
  };
  struct Message {
    std::uint64_t octets = 0;
    std::uint64_t sum = 0;
    std::map<std::string, Entry> recipients = {};
  };

  [[nodiscard]] Entry* find(const std::string& token, std::string_view recipient);
  template <class Condition>
  [[nodiscard]] std::set<Key> all_that(Condition condition) const;

  std::map<std::string, Message> messages_;
  std::set<std::string> altered_;
  std::uint64_t reports_ = 0;
};

}  // namespace lab
