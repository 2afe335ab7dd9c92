#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "grammar/mailbox.h"

// The Sender Rewriting Scheme: what is forwarded to another host says a reverse-path of our own, so
// that SPF lets it pass there; reports to that address find the way back.
namespace directory {

/// A reverse-path longer than this in its local-part stays as it is: others need not take more
/// [RFC5321 4.5.3.1.1].
inline constexpr std::size_t srs_local_octets_max = 64;

/// Rewrites senders and finds them again. Immutable; keeps nothing but its secrets.
///
///     SRS0=HASH=DAY=DOMAIN=LOCAL     of LOCAL@DOMAIN
///     SRS1=HASH=HOST=REST            of SRS0REST@HOST: rewritten by somebody else before us
///
/// HASH is 40 bits of an HMAC-SHA-256 in base 32 over what follows it, in lower case: on its way an
/// address may lose its case. DAY counts days, so that an address expires; that of SRS1 is with
/// HOST.
class Srs {
 public:
  struct Options {
    grammar::Domain domain;             ///< Of the rewritten addresses: mail to it must come here.
    std::vector<base::Secret> secrets;  ///< At least one. The first signs, all are good.
    base::Duration expire = std::chrono::days(21);
  };

  explicit Srs(Options options);

  /// The address to say instead of `sender`; nullopt: it would be too long.
  [[nodiscard]] std::optional<grammar::Mailbox> rewrite(const grammar::Mailbox& sender,
                                                        base::WallTime now) const;

  struct Reversed {
    enum class Kind : std::uint8_t {
      none,  ///< No rewritten address of ours.
      good,
      forged,  ///< Nobody who knows a secret has made it, or it is no address.
      expired,
    };
    Kind kind = Kind::none;
    grammar::Mailbox mailbox = {};  ///< Of `good` and `expired`: what it stands for.
  };
  [[nodiscard]] Reversed reverse(const grammar::Mailbox& recipient, base::WallTime now) const;

  [[nodiscard]] const grammar::Domain& domain() const { return options_.domain; }

 private:
  [[nodiscard]] std::string hash(const base::Secret& secret, std::string_view text) const;
  [[nodiscard]] bool is_ours(std::string_view hash, std::string_view text) const;

  Options options_;
};

/// Made by some host: local-parts that begin with SRS0 or SRS1 and a separator.
[[nodiscard]] bool is_srs(const grammar::Mailbox& mailbox);

/// The secrets of a file: one a line, of at least 16 octets; what begins with `#` is none.
/// Nullopt: a line is too short, or there is no line.
[[nodiscard]] std::optional<std::vector<base::Secret>> parse_srs_secrets(std::string_view text);

}  // namespace directory
