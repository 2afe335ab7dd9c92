#include "dns/zone_text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/ascii.h"

namespace dns {
namespace {

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (text = base::trimmed(text); !text.empty(); text = base::trimmed(text)) {
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    words.push_back(word);
    text.remove_prefix(word.size());
  }
  return words;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Data> parse_address(std::string_view text, bool v4) {
  const std::optional<base::IpAddress> address = base::IpAddress::parse(text);
  // An IPv4-mapped address may stand in a AAAA record, too.
  if (!address || (text.find(':') == std::string_view::npos) != v4) return std::nullopt;
  return *address;
}

std::optional<Data> parse_name(std::string_view text) {
  const std::optional<Name> name = Name::parse(text);
  if (!name) return std::nullopt;
  return *name;
}

std::optional<Data> parse_mx(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() != 2) return std::nullopt;
  const auto preference = parse_number<std::uint16_t>(words[0]);
  const auto exchange = Name::parse(words[1]);
  if (!preference || !exchange) return std::nullopt;
  return Mx{.preference = *preference, .exchange = *exchange};
}

std::optional<Data> parse_soa(std::string_view text) {
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() != 7) return std::nullopt;
  const auto primary = Name::parse(words[0]);
  const auto mailbox = Name::parse(words[1]);
  if (!primary || !mailbox) return std::nullopt;
  std::array<std::uint32_t, 5> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = parse_number<std::uint32_t>(words[i + 2]);
    if (!number) return std::nullopt;
    numbers[i] = *number;
  }
  return Soa{*primary, *mailbox, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]};
}

std::optional<Data> parse_data(Type type, std::string_view text) {
  switch (type) {
    case Type::a: return parse_address(text, /*v4=*/true);
    case Type::aaaa: return parse_address(text, /*v4=*/false);
    case Type::ns:
    case Type::cname: return parse_name(text);
    case Type::mx: return parse_mx(text);
    case Type::soa: return parse_soa(text);
    case Type::txt: return Txt{std::string(text)};
  }
  return std::nullopt;
}

std::string_view expected_form(Type type) {
  switch (type) {
    case Type::a: return "an IPv4 address";
    case Type::aaaa: return "an IPv6 address";
    case Type::ns:
    case Type::cname: return "a domain name";
    case Type::mx: return "a preference and a domain name";
    case Type::soa: return "two domain names and five numbers";
    case Type::txt: return "text";
  }
  return "a type that we know";
}

}  // namespace

std::expected<Record, std::string> parse_record(std::string_view owner, std::string_view type,
                                                std::string_view data) {
  const std::optional<Name> name = Name::parse(owner);
  if (!name) return std::unexpected(fmt::format("\"{}\" is no domain name", owner));
  const std::optional<Type> known = parse_type(type);
  if (!known) return std::unexpected(fmt::format("\"{}\" is no record type", type));
  std::optional<Data> parsed = parse_data(*known, data);
  if (!parsed) {
    return std::unexpected(
        fmt::format("{} {}: expected {}, not \"{}\"", owner, type, expected_form(*known), data));
  }
  return Record{.owner = *name, .type = *known, .ttl = {}, .data = *std::move(parsed)};
}

}  // namespace dns
