#include <fmt/format.h>

#include "config/load.h"
#include "grammar/parse.h"

namespace config {
namespace {

/// Beyond the longest that others try, and below what two digits can count.
constexpr base::Duration expire_min = std::chrono::days(1);
constexpr base::Duration expire_max = std::chrono::days(365);

constexpr std::string_view own_secret_file = "srs.key";

}  // namespace

void read_srs(Section& root, const Loading& loading) {
  Srs& out = loading.config.srs;
  Section srs = root.table("srs");
  const auto domain = srs.filled_text("domain");
  const auto secret_file = srs.filled_text("secret_file");
  srs.duration("expire", {.min = expire_min, .max = expire_max}, out.expire);
  srs.finish();
  out.secret_file = fmt::format("{}/{}", loading.config.data_dir, own_secret_file);
  if (secret_file) {
    out.secret_file = loading.name_file(*secret_file);
    out.own_secret = false;
  }
  if (!domain) return;
  auto parsed = grammar::Domain::parse(domain->value);
  if (!parsed || parsed->is_literal()) {
    return srs.fail(*domain, fmt::format("expected a domain such as \"example.org\", found \"{}\"",
                                         domain->value));
  }
  out.domain = std::move(*parsed);
  if (loading.config.directory->find_domain(out.domain) != nullptr) return;
  loading.warn(fmt::format(
      "srs.domain: {} is no [[domain]]: its MX must lead here, so that reports come back",
      out.domain.text()));
}

}  // namespace config
