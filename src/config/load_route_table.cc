#include <fmt/format.h>

#include <unordered_map>

#include "config/load.h"

namespace config {
namespace {

/// Of one table; of more only their number is told.
constexpr std::size_t mistakes_max = 100;
constexpr std::size_t warnings_max = 20;

/// Reads the rows of one route table.
class RouteTableReader {
 public:
  RouteTableReader(Section& section, const Loading& loading, const route::Rule& rule,
                   std::string path)
      : section_(section), loading_(loading), rule_(rule), rows_(std::move(path)) {}

  void read(const TableRow& row) {
    const auto pattern = route::AddressPattern::parse(row.key);
    if (!pattern) return fail(row, pattern.error());
    const auto& [via, mistake] = target_of(row.value);
    if (!via) return fail(row, mistake);
    if (const auto before = rows_.add(*pattern, *via, row.line)) {
      return fail(row, fmt::format("{} has a row already, in line {}", pattern->print(), *before));
    }
    note_what_leaves(*pattern, *via);
  }

  [[nodiscard]] std::shared_ptr<const route::Rows> finish() {
    if (mistakes_ > mistakes_max) {
      section_.fail_in(rows_.name(), 0, fmt::format("{} more mistakes", mistakes_ - mistakes_max));
    }
    if (leaving_ > warnings_max) {
      loading_.warn(fmt::format("{}: {} more rows that take mail of a [[domain]] elsewhere",
                                rows_.name(), leaving_ - warnings_max));
    }
    return std::make_shared<const route::Rows>(std::move(rows_));
  }

 private:
  using Via = std::pair<std::optional<route::Target>, std::string>;

  void fail(const TableRow& row, std::string message) {
    if (++mistakes_ <= mistakes_max) section_.fail_in(rows_.name(), row.line, std::move(message));
  }

  /// What a text means, or what is wrong with it. Worked out once for each text: most rows share
  /// few.
  const Via& target_of(const std::string& text) {
    const auto [known, is_new] = targets_.try_emplace(text);
    if (!is_new) return known->second;
    Via& out = known->second;
    auto target = route::parse_via(text);
    if (!target) {
      out.second = target.error().message;
      return out;
    }
    if (auto mistake = target_mistake(rows_.name(), loading_, *target)) {
      out.second = std::move(*mistake);
      return out;
    }
    if (const auto mistake = via_mistake(rule_, *target)) {
      out.second = fmt::format("{}: {}", mistake->key, mistake->message);
      return out;
    }
    warn_of_login(rule_, *target, loading_);
    out.first = *std::move(target);
    return out;
  }

  void note_what_leaves(const route::AddressPattern& pattern, const route::Target& via) {
    using Kind = route::AddressPattern::Kind;
    if (pattern.kind != Kind::address && pattern.kind != Kind::domain) return;
    if (!via.is_host() || !loading_.config.local_domains.contains(pattern.domain)) return;
    if (++leaving_ > warnings_max) return;
    loading_.warn(fmt::format("anyone may send to {}, which goes on to {}, without authentication",
                              pattern.print(), via.print()));
  }

  Section& section_;
  const Loading& loading_;
  const route::Rule& rule_;
  route::Rows rows_;
  std::unordered_map<std::string, Via> targets_;
  std::size_t mistakes_ = 0;
  std::size_t leaving_ = 0;
};

}  // namespace

std::shared_ptr<const route::Rows> read_route_table(Section& section, const Text& table,
                                                    const Loading& loading,
                                                    const route::Rule& rule) {
  RouteTableReader reader(section, loading, rule, loading.resolve(table.value));
  const auto& question = loading.options.questions.table;
  if (!question) return reader.finish();
  const auto rows = question(loading.resolve(table.value));
  if (!rows) {
    section.fail(table, rows.error());
    return nullptr;
  }
  for (const TableRow& row : *rows) reader.read(row);
  return reader.finish();
}

}  // namespace config
