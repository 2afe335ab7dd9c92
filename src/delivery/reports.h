#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "delivery/letter.h"
#include "delivery/settings.h"
#include "dsn/report.h"
#include "spool/spool.h"
#include "sys/clock.h"

namespace delivery {

/// Whether the originator wants to hear this of a recipient; `notify` as spool::Recipient has it
/// [RFC3461 4.1].
[[nodiscard]] bool wants_report(std::uint8_t notify, dsn::Kind kind);

/// Whom what becomes of a recipient is told, as a printed path: the owner of the list that it was
/// reached through, or the originator, also when that has been rewritten for the next hop.
[[nodiscard]] const std::string& reporting_path(const spool::Envelope& envelope,
                                                std::uint32_t recipient);

/// Whether a next hop of this key is the recipient's mailbox, and not another MTA.
[[nodiscard]] bool is_last_hop(std::string_view key);

/// What a report says of one recipient of a letter.
struct Told {
  std::uint32_t recipient = 0;
  dsn::Kind kind = dsn::Kind::failed;
  std::string reply = {};
  std::string status = {};  ///< Enhanced, if it is not in the reply.
  unsigned attempts = 0;
  std::optional<base::WallTime> last_attempt = {};
};

/// What is the same for all recipients of one report.
struct ToldOfAll {
  std::string remote_mta = {};  ///< Who said the replies; empty: we did.
  std::optional<base::WallTime> will_retry_until = {};
};

/// Makes reports, as messages that are due when they have been accepted. Nothing comes out where
/// nobody is to be told: of a message with the null reverse-path [RFC5321 4.5.5], or when no
/// recipient's originator wants to hear it.
class Reports {
 public:
  Reports(spool::Spool& spool, sys::Clock& clock, sys::Random& random)
      : spool_(spool), clock_(clock), random_(random) {}

  void set_settings(std::shared_ptr<const Settings> settings) { settings_ = std::move(settings); }

  /// All that are told of have one reporting_path().
  [[nodiscard]] std::optional<spool::NewMessage> make(const Letter& letter,
                                                      const std::vector<Told>& told,
                                                      const ToldOfAll& of_all);
  /// That aliases were expanded [RFC3461 5.2.7.2].
  [[nodiscard]] std::optional<spool::NewMessage> make_expanded(
      const Letter& letter, const std::vector<spool::Expanded>& expanded);

 private:
  [[nodiscard]] std::optional<spool::NewMessage> build(
      const Letter& letter, const grammar::ReversePath& reverse_path,
      std::vector<dsn::RecipientReport> recipients);
  [[nodiscard]] std::vector<spool::Recipient> recipients_of_report(
      const grammar::ReversePath& reverse_path) const;

  spool::Spool& spool_;
  sys::Clock& clock_;
  sys::Random& random_;
  std::shared_ptr<const Settings> settings_;
};

}  // namespace delivery
