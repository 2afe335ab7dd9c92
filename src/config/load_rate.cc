#include <fmt/format.h>

#include "config/load.h"

// Limits of so many in so much time, and mail that waits to be asked for.
namespace config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t rate_count_max = 1'000'000'000;
constexpr base::Duration rate_time_max = std::chrono::days(366);
constexpr std::string_view expected_domain =
    "expected a domain such as \"branch.example\", or \"*.branch.example\" for those below it";

void read_etrn_domains(Section& etrn, const Loading& loading) {
  for (const Text& text : etrn.texts("domains")) {
    auto pattern = route::AddressPattern::parse(text.value);
    const bool is_domain = pattern && (pattern->kind == route::AddressPattern::Kind::domain ||
                                       pattern->kind == route::AddressPattern::Kind::below);
    if (!is_domain || pattern->domain.is_literal()) {
      etrn.fail(text, fmt::format("{}, found \"{}\"", expected_domain, text.value));
      continue;
    }
    if (loading.config.local_domains.contains(pattern->domain)) {
      loading.warn(fmt::format("etrn.domains: the mailboxes of {} are here, and their mail waits",
                               pattern->domain.text()));
    }
    loading.config.etrn.domains.push_back(std::move(*pattern));
  }
}

void read_etrn_networks(Section& etrn, const Loading& loading) {
  for (const Text& text : etrn.texts("networks")) {
    if (const auto network = base::Network::parse(text.value)) {
      loading.config.etrn.networks.push_back(*network);
    } else {
      etrn.fail(text, fmt::format("expected an address or network such as \"10.0.0.0/8\" (all bits "
                                  "behind the prefix 0), found \"{}\"",
                                  text.value));
    }
  }
}

}  // namespace

void read_rate(Section& parent, std::string_view key, std::string_view noun, base::Rate& out) {
  const bool is_given = parent.has_filled(key);
  if (parent.has(key) && !is_given) out = {};
  Section table = parent.table(key);
  std::size_t count = 0;
  base::Duration per{};
  table.count(noun, {.min = 1, .max = rate_count_max}, count);
  table.duration("per", {.min = 1s, .max = rate_time_max}, per);
  table.finish();
  if (!table.exists() || !is_given) return;
  if (!table.has(noun)) {
    table.fail_at(noun, fmt::format("missing: expected how many {} in the time `per`", noun));
  }
  if (!table.has("per")) table.fail_at("per", "missing: expected a time such as \"1h\"");
  if (count > 0 && per > 0s) out = {.count = static_cast<std::uint32_t>(count), .per = per};
}

void read_etrn(Section& root, const Loading& loading) {
  Section etrn = root.table("etrn");
  read_etrn_domains(etrn, loading);
  read_etrn_networks(etrn, loading);
  read_rate(etrn, "requests_per_client", "requests", loading.config.etrn.requests_per_client);
  etrn.finish();
}

}  // namespace config
