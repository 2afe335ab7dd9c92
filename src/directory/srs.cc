#include "directory/srs.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/assert.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "directory/alias_scan.h"

namespace directory {
namespace {

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view separators = "=+-";
constexpr std::string_view srs0 = "SRS0";
constexpr std::string_view srs1 = "SRS1";
constexpr std::size_t hash_digits = 8;
constexpr std::size_t secret_octets_min = 16;
/// Days are counted with two digits.
constexpr std::int64_t days_circle = 32 * 32;

std::int64_t day_of(base::WallTime now) {
  const auto days = std::chrono::floor<std::chrono::days>(now.time_since_epoch()).count();
  return ((days % days_circle) + days_circle) % days_circle;
}

std::string print_day(std::int64_t day) {
  const auto number = static_cast<std::size_t>(day);
  return {digits[number / 32], digits[number % 32]};
}

std::optional<std::int64_t> parse_day(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  const std::size_t high = digits.find(base::to_upper(text[0]));
  const std::size_t low = digits.find(base::to_upper(text[1]));
  if (high == digits.npos || low == digits.npos) return std::nullopt;
  return static_cast<std::int64_t>(high * 32 + low);
}

/// Takes what stands before the next `=`, and that as well.
std::optional<std::string_view> take_field(std::string_view& text) {
  const std::size_t end = text.find('=');
  if (end == text.npos) return std::nullopt;
  const std::string_view field = text.substr(0, end);
  text.remove_prefix(end + 1);
  return field;
}

/// The local-part begins with `tag` and a separator.
bool is_tagged(std::string_view local, std::string_view tag) {
  return local.size() > tag.size() && base::starts_with_nocase(local, tag) &&
         separators.contains(local[tag.size()]);
}

struct Onward {
  std::string host;
  std::string rest;  ///< Begins with a separator.
};

/// Of an address that somebody before us has rewritten: where its SRS0 address is understood.
std::optional<Onward> onward_of(const grammar::Mailbox& sender) {
  const std::string_view local = sender.local.value();
  if (is_tagged(local, srs0)) {
    return Onward{sender.domain.canonical(), std::string(local.substr(srs0.size()))};
  }
  if (!is_tagged(local, srs1)) return std::nullopt;
  std::string_view text = local.substr(srs1.size() + 1);
  const auto others_hash = take_field(text);
  const auto host = take_field(text);
  if (!others_hash || !host || host->empty() || text.empty() || !separators.contains(text[0])) {
    return std::nullopt;
  }
  return Onward{std::string(*host), std::string(text)};
}

std::optional<grammar::Mailbox> mailbox_of(std::string_view local, std::string_view domain) {
  auto name = grammar::LocalPart::from_value(local);
  auto where = grammar::Domain::parse(domain);
  if (!name || !where || where->empty()) return std::nullopt;
  return grammar::Mailbox{.local = std::move(*name), .domain = std::move(*where)};
}

}  // namespace

Srs::Srs(Options options) : options_(std::move(options)) { PH_ASSERT(!options_.secrets.empty()); }

std::string Srs::hash(const base::Secret& secret, std::string_view text) const {
  const crypto::Sha256 digest = crypto::hmac_sha256(secret.reveal(), base::lower(text));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 5; ++i) bits = bits << 8 | digest[i];
  std::string out;
  for (std::size_t i = 0; i < hash_digits; ++i) out += digits[bits >> (35 - 5 * i) & 31];
  return out;
}

bool Srs::is_ours(std::string_view given, std::string_view text) const {
  const std::string lower = base::lower(given);
  bool ours = false;
  for (const base::Secret& secret : options_.secrets) {
    ours |= crypto::equal_in_constant_time(lower, base::lower(hash(secret, text)));
  }
  return ours;
}

std::optional<grammar::Mailbox> Srs::rewrite(const grammar::Mailbox& sender,
                                             base::WallTime now) const {
  std::string_view tag = srs0;
  std::string text;
  if (const auto onward = onward_of(sender)) {
    tag = srs1;
    text = onward->host + '=' + onward->rest;
  } else {
    text = print_day(day_of(now)) + '=' + sender.domain.canonical() + '=' + sender.local.value();
  }
  std::string local(tag);
  // The tag is signed, too: what is one form must not be read as the other.
  const std::string signature = hash(options_.secrets.front(), std::string(tag) + text);
  local += '=' + signature + '=' + text;
  auto printed = grammar::LocalPart::from_value(local);
  if (!printed || printed->text().size() > srs_local_octets_max) return std::nullopt;
  return grammar::Mailbox{.local = std::move(*printed), .domain = options_.domain};
}

Srs::Reversed Srs::reverse(const grammar::Mailbox& recipient, base::WallTime now) const {
  using Kind = Reversed::Kind;
  const std::string_view local = recipient.local.value();
  const bool first = is_tagged(local, srs0);
  if (recipient.domain != options_.domain || (!first && !is_tagged(local, srs1)) ||
      local[srs0.size()] != '=') {
    return {};
  }
  std::string_view text = local.substr(srs0.size() + 1);
  const auto given = take_field(text);
  const std::string_view tag = first ? srs0 : srs1;
  if (!given || !is_ours(*given, std::string(tag) + std::string(text)))
    return {.kind = Kind::forged};
  if (!first) {
    const auto host = take_field(text);
    auto mailbox = host ? mailbox_of(std::string(srs0) + std::string(text), *host) : std::nullopt;
    if (!mailbox) return {.kind = Kind::forged};
    return {.kind = Kind::good, .mailbox = std::move(*mailbox)};
  }
  const auto day_text = take_field(text);
  const auto domain = take_field(text);
  const auto day = day_text ? parse_day(*day_text) : std::nullopt;
  auto mailbox = domain ? mailbox_of(text, *domain) : std::nullopt;
  if (!day || !mailbox) return {.kind = Kind::forged};
  const std::int64_t age = (day_of(now) - *day + days_circle) % days_circle;
  const auto old = std::chrono::duration_cast<std::chrono::days>(options_.expire).count();
  // A clock that went back has stamped tomorrow's day.
  const bool in_time = age <= old || age == days_circle - 1;
  return {.kind = in_time ? Kind::good : Kind::expired, .mailbox = std::move(*mailbox)};
}

bool is_srs(const grammar::Mailbox& mailbox) {
  const std::string_view local = mailbox.local.value();
  return is_tagged(local, srs0) || is_tagged(local, srs1);
}

std::optional<std::vector<base::Secret>> parse_srs_secrets(std::string_view text) {
  std::vector<base::Secret> out;
  bool good = true;
  for_each_line(text, 1, [&](std::string_view line, std::size_t) {
    const std::string_view secret = base::trimmed(line);
    if (secret.empty() || secret.starts_with('#')) return;
    good = good && secret.size() >= secret_octets_min;
    out.emplace_back(std::string(secret));
  });
  if (!good || out.empty()) return std::nullopt;
  return out;
}

}  // namespace directory
