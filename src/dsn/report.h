#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "dsn/outcome.h"
#include "grammar/path.h"

namespace dsn {

/// What is told about a recipient. The Action field has the same words, but `failed` for expired
/// [RFC3464 2.3.3].
enum class Kind : std::uint8_t { failed, expired, delayed, delivered, relayed, expanded };

/// `relayed_on`: another MTA has it now, which does not promise to report (of Outcome::delivered).
[[nodiscard]] Kind kind_of(Outcome outcome, bool relayed_on = false);

/// One recipient in a report. Texts may come from a peer: they are made safe here.
struct RecipientReport {
  /// As its ORCPT parameter had it, `rfc822;xtext`; empty if it had none [RFC3461 4.2]. An address
  /// that is not valid xtext is taken as it is.
  std::string original_recipient = {};
  grammar::Mailbox final_recipient;
  Kind kind = Kind::failed;
  /// Enhanced status code; when empty, or no such code, it is taken from `reply`, or from the kind.
  std::string status = {};
  /// Who said `reply`: the name of the next hop. Empty: we did.
  std::string remote_mta = {};
  /// The last reply with its code, lines joined by LF or spaces; or why there was none, in our
  /// words ("connection refused").
  std::string reply = {};
  unsigned attempts = 0;  ///< 0: unknown, or none was made.
  std::optional<base::WallTime> last_attempt = {};
  std::optional<base::WallTime> will_retry_until = {};  ///< Told for delayed alone.
};

struct ReportInput {
  std::string_view hostname;  ///< Ours; ASCII.
  /// The left side of the Message-ID, a dot-atom that no other message has: the id of the report.
  std::string_view id;
  std::uint64_t random = 0;  ///< For the boundary, so that nobody can foresee it.
  base::WallTime date;
  std::optional<base::WallTime> arrival_date = {};  ///< Of the message that is reported on.
  /// The originator. Never null: nobody reports to `<>` [RFC5321 4.5.5].
  const grammar::ReversePath& reverse_path;
  std::string_view envelope_id = {};  ///< ENVID with xtext decoded; empty if there was none.
  const std::vector<RecipientReport>& recipients;  ///< At least one.
  /// The content that is reported on, or just its header section.
  std::string_view original = {};
  /// RET=FULL, and `original` is whole [RFC3461 4.3]. Beyond returned_content_octets_max, and when
  /// nothing failed, the header section alone is returned all the same [RFC3461 6.2]; so too when
  /// its lines are not what 8BITMIME carries.
  bool return_content = false;
};

struct Report {
  std::string content;     ///< CRLF line ends; put into the spool with a null reverse-path.
  bool eight_bit = false;  ///< Needs 8BITMIME. Only when an 8-bit content is returned whole.
};

/// In octets.
inline constexpr std::size_t returned_header_octets_max = 64 * 1024;
inline constexpr std::size_t returned_content_octets_max = 1024 * 1024;
inline constexpr std::size_t reply_octets_max = 2'000;  ///< What is told of a reply.

/// Builds a delivery status notification [RFC3461 6] [RFC3464] [RFC6522].
[[nodiscard]] Report build_report(const ReportInput& input);

/// Where a report goes: the originator, by the way back if the reverse-path has a route.
/// The reverse-path must not be null.
[[nodiscard]] grammar::ForwardPath report_recipient(const grammar::ReversePath& reverse_path);

/// The enhanced status code of a reply, `550 5.1.1 no such user`; `5.0.0` if it has none of its own
/// class; empty if this is no reply of class 2, 4 or 5 [RFC3463 2].
[[nodiscard]] std::string status_of_reply(std::string_view reply);

/// `class.subject.detail` [RFC3463 2].
[[nodiscard]] bool is_status(std::string_view text);

}  // namespace dsn
