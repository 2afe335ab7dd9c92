#include "admin/waiting.h"

#include <fmt/format.h>

#include <utility>

namespace admin {
namespace {

constexpr std::pair<WaitsFor, std::string_view> names[] = {
    {WaitsFor::turn, "turn"}, {WaitsFor::retry, "retry"}, {WaitsFor::next_hop, "next_hop"},
    {WaitsFor::rate, "rate"}, {WaitsFor::etrn, "etrn"},   {WaitsFor::an_operator, "operator"},
};

}  // namespace

std::string_view name_of(WaitsFor what) {
  for (const auto& [known, name] : names) {
    if (known == what) return name;
  }
  return {};
}

std::optional<WaitsFor> parse_waits_for(std::string_view name) {
  for (const auto& [what, known] : names) {
    if (known == name) return what;
  }
  return std::nullopt;
}

std::string words_of(const Waiting& waiting, std::string_view next) {
  const std::string at = next.empty() ? "" : fmt::format(" at {}", next);
  switch (waiting.what) {
    case WaitsFor::turn: return "its turn";
    case WaitsFor::retry: return "the next attempt" + at;
    case WaitsFor::next_hop:
      return "its next hop, which cannot be reached; the next attempt is" + at;
    case WaitsFor::rate:
      return fmt::format("the limit of {}; the next attempt is{}", waiting.subject, at);
    case WaitsFor::etrn:
      return fmt::format("the host of {} to ask for its mail (ETRN), or `queue release`",
                         waiting.subject);
    case WaitsFor::an_operator: return "an operator: it is held until `queue release`";
  }
  return {};
}

}  // namespace admin
