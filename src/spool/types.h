#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/time.h"

namespace spool {

/// In octets. What is kept of a reply, of a next hop, and of an envelope in all. Longer replies and
/// next hops are cut; a longer envelope is refused.
inline constexpr std::size_t reply_octets_max = 2'000;
inline constexpr std::size_t via_octets_max = 1'024;
inline constexpr std::size_t envelope_octets_max = 4u << 20;

/// One forward-path of the envelope. Named by its index there, from 0.
struct Recipient {
  std::string forward_path;  ///< Printed, with `<>` [RFC5321 4.1.2].
  std::uint8_t notify = 0;   ///< NOTIFY as bits of grammar::notify; 0: not given [RFC3461 4.1].
  std::string orcpt;         ///< ORCPT as given, `rfc822;xtext`, or empty [RFC3461 4.2].
  /// It came with a source route that we honor: what is left of the route stands in the
  /// forward-path.
  bool by_route = false;
  /// Given by a client that may relay: its local-part may be interpreted where a rule says so.
  bool trusted = false;
  /// Printed, with `<>`: said instead of the envelope's, for mail that a list or an alias has sent
  /// on. Empty: the envelope's.
  std::string reverse_path = {};
  /// Of an alias, which is the forward-path: the program or file that it leads to, as it stands
  /// there (`|/usr/bin/vacation alice`, `/var/mail/archive`). Mostly empty.
  std::string target = {};

  friend bool operator==(const Recipient&, const Recipient&) = default;
};

/// An address whose originator asked to hear of success, and which stands for several recipients
/// now: it was "expanded" [RFC3461 5.2.7.2]. What becomes of these is reported by themselves.
struct Expanded {
  std::string forward_path;  ///< As the client gave it, printed, with `<>`.
  std::string orcpt;         ///< As in Recipient.
};

struct Envelope {
  std::string reverse_path;  ///< Printed, with `<>`.
  std::vector<Recipient> recipients;
  base::WallTime received;
  std::string client;    ///< IP address first; empty: made here.
  std::string helo;      ///< As the client said it.
  std::string auth;      ///< Login name, or empty.
  std::string tls;       ///< Version and cipher, or empty.
  std::string listener;  ///< Which one it came in by.
  std::string envid;     ///< ENVID, xtext decoded, or empty [RFC3461 4.4].
  std::uint8_t ret = 0;  ///< RET: 0 not given, 1 FULL, 2 HDRS [RFC3461 4.3].
  bool eight_bit = false;
  bool smtputf8 = false;

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

/// What is said as the reverse-path for one recipient.
[[nodiscard]] inline const std::string& reverse_path_of(const Envelope& envelope,
                                                        std::uint32_t recipient) {
  const std::string& own = envelope.recipients[recipient].reverse_path;
  return own.empty() ? envelope.reverse_path : own;
}

/// The numbers are those on disk.
enum class RecipientState : std::uint8_t {
  ready = 0,
  deferred = 1,
  held = 2,
  delivered = 3,  ///< This and those below are final.
  bounced = 4,
  expired = 5,
  dropped = 6,
};

[[nodiscard]] constexpr bool is_final(RecipientState state) {
  return state >= RecipientState::delivered;
}
[[nodiscard]] std::string_view to_string(RecipientState state);

/// All that is known of one recipient beside the envelope.
struct RecipientStatus {
  RecipientState state = RecipientState::ready;
  bool unknown = false;  ///< The last attempt began and has no outcome (P4).
  bool warned = false;   ///< The originator has had a delay report.
  std::uint32_t attempts = 0;
  base::WallTime next_attempt{};
  base::WallTime last_attempt{};
  std::string last_reply;  ///< Empty before the first attempt.
  std::string via;         ///< Where it went last, or goes next; for people.
  std::string reroute;     ///< An operator's fixed next hop, or empty.

  friend bool operator==(const RecipientStatus&, const RecipientStatus&) = default;
};

/// The new statuses of some recipients of one message; each replaces the old one.
struct Change {
  base::MessageId id;
  struct Item {
    std::uint32_t recipient = 0;
    RecipientStatus status;
    bool with_report = false;  ///< Happens together with the report, as final failures do.
  };
  std::vector<Item> items;
};

/// Why a message was not stored.
struct StoreError {
  enum class Kind : std::uint8_t {
    refused,  ///< It is certainly not stored: 452.
    unsure,   ///< A crash may show that it is: close without a reply (P1).
  };
  Kind kind = Kind::refused;
  base::IoError cause;
};

template <class T = void>
using Stored = std::expected<T, StoreError>;

/// A message as it is at hand after its acceptance, for a first attempt without a read. Immutable;
/// while anybody holds the content, it counts against the spool's memory. Must not outlive the
/// spool.
struct StoredMessage {
  base::MessageId id;
  std::shared_ptr<const Envelope> envelope;
  std::uint64_t size = 0;  ///< Octets of the whole content: prefix and all.
  /// The content, one piece behind the other; null when it lies on disk only (read it with
  /// Spool::read_content). The pieces live as long as the pointer.
  std::shared_ptr<const std::vector<std::string_view>> content;
};

/// A message from the disk.
struct LoadedMessage {
  base::MessageId id;
  Envelope envelope;
  std::vector<RecipientStatus> statuses;  ///< One for each recipient.
  std::uint64_t size = 0;
};

/// What recovery found of one live message. The references are good during the callback.
struct RecoveredMessage {
  base::MessageId id;
  const Envelope& envelope;
  const std::vector<RecipientStatus>& statuses;  ///< One for each recipient; also final ones.
  /// Recipients whose attempt was cut off by the end of the last run: `unknown` is set and the
  /// attempt counted in their status already; the event is still to be logged.
  const std::vector<std::uint32_t>& newly_unknown;
  std::uint64_t size = 0;
};

/// A damaged place (P9). Kept for ever, or until an operator removes the file.
struct Damage {
  base::MessageId id;  ///< 0: not known.
  std::string file;    ///< Below the spool's folder.
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string what;  ///< "content", "envelope", "frame", …; for people.
};

/// Receives what recovery finds, in the order of the log.
class RecoverySink {
 public:
  virtual ~RecoverySink() = default;
  virtual void message(const RecoveredMessage& message) = 0;
  virtual void hop(std::string_view key, std::string_view blob) = 0;
};

struct Recovered {
  std::uint64_t messages = 0;
  std::uint64_t unknown = 0;  ///< Recipients.
  std::uint64_t segments = 0;
  std::uint64_t forgotten = 0;  ///< Unfinished commits in torn tails; nobody was told of them.
  std::vector<Damage> damage;
};

/// Counters since the start, and gauges.
struct SpoolStatistics {
  std::uint64_t accepted = 0;
  std::uint64_t done = 0;
  std::uint64_t frames = 0;
  std::uint64_t frame_octets = 0;
  std::uint64_t failed_frames = 0;
  std::uint64_t segments_made = 0;
  std::uint64_t segments_freed = 0;
  std::uint64_t copied_forward = 0;  ///< Messages.
  std::uint64_t damaged = 0;
  std::uint64_t messages = 0;  ///< Live now.
  std::uint64_t segments = 0;  ///< On disk now.
  std::uint64_t disk_octets = 0;
  std::uint64_t memory_octets = 0;  ///< Of contents.
};

}  // namespace spool
