#include "base/id.h"

#include <algorithm>

#include "base/ascii.h"

namespace base {
namespace {

constexpr std::string_view digits = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr int unique_bits = 20;

}  // namespace

std::string to_string(MessageId id) {
  std::string out(message_id_octets, '0');
  for (std::size_t i = 0; i < message_id_octets; ++i) {
    const std::size_t shift = 5 * (message_id_octets - 1 - i);
    out[i] = digits[id.value >> shift & 31];
  }
  return out;
}

std::optional<MessageId> parse_message_id(std::string_view text) {
  if (text.size() != message_id_octets) return std::nullopt;
  MessageId id;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = digits.find(to_lower(text[i]));
    if (digit == std::string_view::npos || (i == 0 && digit > 15)) return std::nullopt;
    id.value = id.value << 5 | digit;
  }
  return id;
}

MessageId next_message_id(MessageId last, WallTime now, std::uint32_t salt) {
  const auto time = static_cast<std::uint64_t>(now.time_since_epoch().count()) << unique_bits;
  // The upper half of the unique part is left free for ids that follow within the millisecond.
  const std::uint64_t fresh = time | (salt & ((1u << (unique_bits - 1)) - 1));
  return {std::max(fresh, last.value + 1)};
}

}  // namespace base
