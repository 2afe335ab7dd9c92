#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "tables/tables.h"

namespace tables {

/// Gathers rows, and refuses what no table may have, in whatever form.
class RowCheck {
 public:
  using Checked = std::expected<void, std::string>;

  explicit RowCheck(const std::string& name) : name_(name) {}

  [[nodiscard]] Checked add(std::string key, std::string value, std::size_t line) {
    value.erase(0, value.find_first_not_of(" \t"));
    if (key.empty()) return fail(line, "expected a key");
    if (value.empty()) return fail(line, "expected a value behind the key");
    if (key.size() + value.size() > row_octets_max) return fail_size(line);
    if (has_controls(key) || has_controls(value))
      return fail(line, "a control is no part of a row");
    if (rows_.size() == rows_max) return fail(line, fmt::format("more than {} rows", rows_max));
    rows_.push_back({.key = std::move(key), .value = std::move(value), .line = line});
    return {};
  }

  [[nodiscard]] std::unexpected<std::string> fail(std::size_t line, std::string_view what) const {
    return std::unexpected(fmt::format("{}:{}: {}", name_, line, what));
  }
  [[nodiscard]] std::unexpected<std::string> fail_size(std::size_t line) const {
    return fail(line, fmt::format("a row of more than {} octets", row_octets_max));
  }
  [[nodiscard]] std::unexpected<std::string> fail(std::string_view what) const {
    return std::unexpected(fmt::format("{}: {}", name_, what));
  }

  [[nodiscard]] std::vector<Row> release() { return std::move(rows_); }

 private:
  static bool has_controls(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return base::is_control(c) && c != '\t'; });
  }

  std::string name_;
  std::vector<Row> rows_;
};

}  // namespace tables
