#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "spool/spool_testing.h"

namespace spool {

/// What the peers of a spool were told, to hold against what a crash leaves. For tests.
class Model {
 public:
  enum class Told : std::uint8_t {
    nothing,  ///< No reply came.
    stored,   ///< 250.
    refused,  ///< 452.
  };
  struct Recipient {
    RecipientStatus reported;   ///< By an outcome() that has returned.
    bool has_report = false;    ///< `reported` is set.
    bool maybe_final = false;   ///< Some final state was on its way, or reported.
    bool surely_final = false;  ///< By a commit() that has succeeded.
    bool begun = false;         ///< And without outcome.
    bool busy = false;          ///< Something about it is on its way.
  };
  struct Message {
    std::string content;
    Told told = Told::nothing;
    bool found_before = false;  ///< By a recovery, although the peer was not told.
    std::vector<Recipient> recipients;
    base::MessageId report_of;  ///< 0: it is no report.
    std::uint32_t about = 0;    ///< The recipient that it is about.
    bool touched = false;       ///< It may be gone: all recipients may be final.
  };

  /// Compares with what recovery found; the first contradiction in words, or nothing. What is found
  /// is the truth from now on.
  [[nodiscard]] std::string check(Rig& rig, bool power_cut);

  /// A commit succeeded: what recovery found before is durable now.
  void settle();

  std::map<base::MessageId, Message> messages;
  /// Found missing, as they may, while that is not durable: a power cut brings them back (P4).
  std::map<base::MessageId, Message> missing;

 private:
  [[nodiscard]] std::string check_message(Rig& rig, base::MessageId id, const Message& message,
                                          bool power_cut) const;
  [[nodiscard]] std::string check_report(Rig& rig, base::MessageId id, const Message& report) const;
};

}  // namespace spool
