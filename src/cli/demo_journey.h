#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace boost::json {
class object;
}

// How a message went from its originator's client to the recipient's mailbox.
namespace cli {

/// One server on the way, as its event log tells it.
struct DemoVisit {
  std::string server;       ///< `d.test`.
  base::WallTime received;  ///< Its 250: from then on it is responsible.
  base::WallTime done;      ///< The next server's 250, or in the mailbox.
  std::string host;         ///< Of the next server; empty: this is the last one.
  std::string address;      ///< Of it, `IP:port`.
  std::string tls;          ///< Empty: none.
  bool is_done = false;
};

/// A Received field: "from FROM by BY".
struct DemoTraceField {
  std::string from, by;
  friend bool operator==(const DemoTraceField&, const DemoTraceField&) = default;
};

struct DemoJourney {
  std::string title;
  std::string forward_path;
  base::WallTime begin{};
  std::vector<DemoVisit> visits;
  std::string return_path;               ///< As the message has it in the mailbox.
  std::vector<DemoTraceField> received;  ///< The newest first, as they stand there.
  std::uint64_t connections = 0;
  std::uint64_t octets = 0;  ///< On the network, in both directions.

  /// From the client's first octet to the mailbox.
  [[nodiscard]] base::Duration delay() const {
    return visits.empty() ? base::Duration::zero() : visits.back().done - begin;
  }
  /// Whether `servers` servers have had it, and each has got rid of it.
  [[nodiscard]] bool is_over(std::size_t servers) const;

  /// An event of the server's log.
  void take(std::string_view server, const boost::json::object& event);
  /// The message as it arrived.
  void take_message(std::string_view message);
};

}  // namespace cli
