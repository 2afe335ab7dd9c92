#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "route/pattern.h"
#include "route/pattern_key.h"
#include "route/target.h"

namespace route {

/// The rows of one route table, `PATTERN VIA` each. The most specific row wins, whatever their
/// order: the address, its domain, the nearest domain above, `*`. Found by hashing: the work is
/// that of at most 3 look-ups and one for each label of the domain, however many rows there are.
///
/// Some 100 octets for each row; equal targets are kept once.
class Rows {
 public:
  struct Found {
    const Target* via;  ///< Good as long as the rows.
    std::size_t line;   ///< Of the file.
  };

  explicit Rows(std::string name) : name_(std::move(name)) {}

  /// Adds a row. Returns the line of a row that is there already for this pattern, and then stays.
  [[nodiscard]] std::optional<std::size_t> add(const AddressPattern& recipient, const Target& via,
                                               std::size_t line);

  /// `ours`: the domain is here, so that only rows that name it, or an address in it, match.
  /// `look_ups` counts them, for tests.
  [[nodiscard]] std::optional<Found> find(const grammar::Mailbox& recipient, bool ours,
                                          std::size_t* look_ups = nullptr) const;

  [[nodiscard]] const std::string& name() const { return name_; }  ///< Of the file.
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  /// Each once.
  [[nodiscard]] const std::vector<Target>& targets() const { return targets_; }

 private:
  struct Row {
    std::uint32_t target;  ///< Into targets_.
    std::uint32_t line;
  };

  std::string name_;
  KeyMap<Row> rows_;
  std::vector<Target> targets_;
  std::unordered_map<std::string, std::uint32_t> target_by_text_;
};

}  // namespace route
