#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "dns/name.h"

namespace dns {

/// [RFC1035 3.2.2], [RFC3596 2.1]. Other values may occur.
enum class Type : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  mx = 15,
  txt = 16,
  aaaa = 28,
};

/// "MX", or "TYPE65280" [RFC3597 5].
[[nodiscard]] std::string to_string(Type type);
/// What to_string() wrote, in any case.
[[nodiscard]] std::optional<Type> parse_type(std::string_view text);

/// [RFC1035 4.1.1]. Other values may occur.
enum class Rcode : std::uint8_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  name_error = 3,  ///< NXDOMAIN
  not_implemented = 4,
  refused = 5,
};

struct Mx {
  std::uint16_t preference = 0;
  Name exchange;  ///< The root: "no mail here" [RFC7505 3].
  friend bool operator==(const Mx&, const Mx&) = default;
};
struct Txt {
  std::string text;  ///< The character strings joined.
  friend bool operator==(const Txt&, const Txt&) = default;
};
struct Soa {
  Name primary, mailbox;
  std::uint32_t serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0;
  friend bool operator==(const Soa&, const Soa&) = default;
};
/// RDATA of a type that we do not look into.
struct Opaque {
  std::string octets;
  friend bool operator==(const Opaque&, const Opaque&) = default;
};
/// A and AAAA: IpAddress. CNAME and NS: Name.
using Data = std::variant<base::IpAddress, Name, Mx, Txt, Soa, Opaque>;

struct Record {
  Name owner;
  Type type{};
  std::chrono::seconds ttl{0};
  Data data;
  friend bool operator==(const Record&, const Record&) = default;
};

struct Question {
  Name name;
  Type type{};
  friend auto operator<=>(const Question&, const Question&) = default;
};

/// A whole message [RFC1035 4.1], class IN.
struct Message {
  std::uint16_t id = 0;
  bool response = false, authoritative = false, truncated = false;
  bool recursion_desired = false, recursion_available = false;
  Rcode rcode = Rcode::no_error;
  std::vector<Question> questions;
  std::vector<Record> answers, authorities, additionals;
  friend bool operator==(const Message&, const Message&) = default;
};

/// Follows compression pointers only backwards, so that it ends; refuses what runs past the end.
/// The error is for people. Questions and records of other classes (and OPT) are left out; so is,
/// as the root, the mailbox of a SOA whose local-part has a dot that Name cannot hold.
[[nodiscard]] std::expected<Message, std::string> decode(std::string_view octets);

/// Without compression; beyond `octets_max` the sections are cut and `truncated` is set.
[[nodiscard]] std::string encode(const Message& message, std::size_t octets_max = 65'535);

/// What a look-up found, after following CNAMEs.
struct Answer {
  /// no_error or name_error; everything else is an error of the look-up.
  Rcode rcode = Rcode::no_error;
  /// Of the question's type, in the order of the answer. Empty: no such name, or no such type.
  std::vector<Record> records;
  Name canonical;               ///< Where the CNAMEs led; the question's name without any.
  std::chrono::seconds ttl{0};  ///< Of the whole: how long it serves [RFC2308 5].
  bool secure = false;          ///< Proven by DNSSEC.
  friend bool operator==(const Answer&, const Answer&) = default;
};

/// Why a look-up found out nothing. All of these are temporary.
enum class LookupError : std::uint8_t {
  server_failure,  ///< SERVFAIL, bogus, a loop of CNAMEs, nonsense, or no server to be asked.
  refused,
  timed_out,
};
/// "SERVFAIL", "REFUSED", "time-out".
[[nodiscard]] std::string_view to_string(LookupError error);

using LookupResult = std::expected<Answer, LookupError>;

/// CNAMEs that are followed from one question at most.
inline constexpr int cname_steps_max = 8;

/// What a recursive server's response says about `question`, following the CNAMEs in it
/// [RFC1034 3.6.2]. server_failure when the response breaks off, loops, or has an Rcode that is no
/// answer. A negative answer without a SOA has a `ttl` of 0 [RFC2308 5].
[[nodiscard]] LookupResult answer_of(const Message& response, const Question& question);

}  // namespace dns

template <>
struct std::hash<dns::Question> {
  std::size_t operator()(const dns::Question& question) const noexcept {
    return std::hash<dns::Name>{}(question.name) * 31 + static_cast<std::size_t>(question.type);
  }
};
