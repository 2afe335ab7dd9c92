#include "crypto/password_hash.h"

#include <argon2.h>
#include <fmt/format.h>

#include <charconv>

#include "base/ascii.h"
#include "base/assert.h"
#include "base/base64.h"
#include "crypto/secret.h"

namespace crypto {
namespace {

/// In octets, of the tags that we make [RFC9106 4].
constexpr std::size_t tag_octets = 32;
constexpr std::string_view prefix = "$argon2id$v=19$";

/// Steps over a decimal number without leading zeros.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto digits = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || (text.front() == '0' && digits > 1)) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

bool take(std::string_view& text, std::string_view wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(wanted.size());
  return true;
}

/// `m=19456,t=2,p=1`, up to and with the next `$`.
std::optional<Argon2Costs> take_costs(std::string_view& text) {
  if (!take(text, "m=")) return std::nullopt;
  const auto memory = take_number(text);
  if (!memory || !take(text, ",t=")) return std::nullopt;
  const auto passes = take_number(text);
  if (!passes || !take(text, ",p=")) return std::nullopt;
  const auto lanes = take_number(text);
  if (!lanes || !take(text, "$")) return std::nullopt;
  return Argon2Costs{.memory_kib = *memory, .passes = *passes, .lanes = *lanes};
}

bool is_affordable(const Argon2Costs& costs) {
  const bool valid = costs.lanes >= 1 && costs.passes >= 1 &&
                     costs.memory_kib >= 8 * std::uint64_t{costs.lanes};  // [RFC9106 3.1]
  return valid && costs.memory_kib <= argon2_memory_kib_max && costs.passes <= argon2_passes_max &&
         costs.lanes <= argon2_lanes_max &&
         std::uint64_t{costs.memory_kib} * costs.passes <= argon2_work_kib_max;
}

std::optional<std::string> decode_unpadded(std::string_view text, std::size_t octets_max) {
  if (text.size() > octets_max * 4 / 3 + 1 || text.find('=') != text.npos) return std::nullopt;
  std::string padded(text);
  padded.append((4 - text.size() % 4) % 4, '=');
  return base::base64_decode(padded);
}

std::string encode_unpadded(std::string_view octets) {
  std::string text = base::base64_encode(octets);
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

/// Empty when memory is short. One thread, whatever the number of lanes: parallelism is the
/// business of whoever runs the check.
std::string calculate(std::string_view secret, std::string_view salt, const Argon2Costs& costs,
                      std::size_t octets) {
  std::string tag(octets, '\0');
  // The library's pointers are not const, but it writes nowhere without ARGON2_FLAG_CLEAR_….
  const auto writable = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  argon2_context context{};
  context.out = writable(tag);
  context.outlen = static_cast<std::uint32_t>(tag.size());
  context.pwd = writable(secret);
  context.pwdlen = static_cast<std::uint32_t>(secret.size());
  context.salt = writable(salt);
  context.saltlen = static_cast<std::uint32_t>(salt.size());
  context.t_cost = costs.passes;
  context.m_cost = costs.memory_kib;
  context.lanes = costs.lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.flags = ARGON2_DEFAULT_FLAGS;
  const int result = argon2id_ctx(&context);
  if (result == ARGON2_MEMORY_ALLOCATION_ERROR) return {};
  PH_ASSERT(result == ARGON2_OK);
  return tag;
}

std::unexpected<std::string> refused(std::string message) {
  return std::unexpected(std::move(message));
}

}  // namespace

std::expected<PasswordHash, std::string> PasswordHash::parse(std::string_view encoded) {
  constexpr std::string_view form =
      "expected a hash of the form $argon2id$v=19$m=19456,t=2,p=1$SALT$TAG";
  std::string_view rest = encoded;
  if (!take(rest, prefix)) return refused(std::string(form));
  const auto costs = take_costs(rest);
  if (!costs) return refused(fmt::format("{}: wrong parameters", form));
  if (!is_affordable(*costs)) {
    return refused(fmt::format(
        "the hash costs too much to check: expected m at most {} (KiB), t at most {}, p at most "
        "{}, "
        "m times t at most {}, m at least 8 times p",
        argon2_memory_kib_max, argon2_passes_max, argon2_lanes_max, argon2_work_kib_max));
  }
  const std::size_t dollar = rest.find('$');
  if (dollar == rest.npos) return refused(fmt::format("{}: the tag is missing", form));
  const auto salt = decode_unpadded(rest.substr(0, dollar), argon2_salt_octets_max);
  const auto tag = decode_unpadded(rest.substr(dollar + 1), argon2_tag_octets_max);
  if (!salt || salt->size() < argon2_salt_octets_min || salt->size() > argon2_salt_octets_max) {
    return refused(fmt::format("{}: expected a salt of {} to {} octets in base 64 without padding",
                               form, argon2_salt_octets_min, argon2_salt_octets_max));
  }
  if (!tag || tag->size() < argon2_tag_octets_min || tag->size() > argon2_tag_octets_max) {
    return refused(fmt::format("{}: expected a tag of {} to {} octets in base 64 without padding",
                               form, argon2_tag_octets_min, argon2_tag_octets_max));
  }
  PasswordHash out;
  out.costs_ = *costs;
  out.salt_ = *salt;
  out.tag_ = *tag;
  return out;
}

std::optional<PasswordHash> PasswordHash::make(const Secret& secret, std::string_view salt,
                                               const Argon2Costs& costs) {
  const bool bounded = is_affordable(costs) && secret.size() <= argon2_secret_octets_max &&
                       salt.size() >= argon2_salt_octets_min &&
                       salt.size() <= argon2_salt_octets_max;
  if (!bounded) return std::nullopt;
  PasswordHash out;
  out.costs_ = costs;
  out.salt_ = salt;
  out.tag_ = calculate(secret.reveal(), salt, costs, tag_octets);
  if (out.tag_.empty()) return std::nullopt;
  return out;
}

PasswordHash PasswordHash::decoy(const Argon2Costs& costs) {
  PH_ASSERT(is_affordable(costs));
  PasswordHash out;
  out.costs_ = costs;
  out.salt_.assign(16, '\0');
  out.tag_.assign(tag_octets, '\0');
  return out;
}

PasswordVerdict PasswordHash::verify(const Secret& secret) const {
  if (secret.size() > argon2_secret_octets_max) return PasswordVerdict::wrong;
  std::string tag = calculate(secret.reveal(), salt_, costs_, tag_.size());
  if (tag.empty()) return PasswordVerdict::no_memory;
  const bool right = equal_in_constant_time(tag, tag_);
  wipe(tag);
  return right ? PasswordVerdict::right : PasswordVerdict::wrong;
}

std::string PasswordHash::encode() const {
  return fmt::format("{}m={},t={},p={}${}${}", prefix, costs_.memory_kib, costs_.passes,
                     costs_.lanes, encode_unpadded(salt_), encode_unpadded(tag_));
}

}  // namespace crypto
