#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

// A TOML text as a tree of our own, so that one file alone includes the parser's headers.
namespace config {

struct Node {
  enum class Kind : std::uint8_t { text, integer, number, boolean, date_time, array, table };

  Kind kind = Kind::table;
  Position position;
  std::string text = {};     ///< Of a text.
  std::int64_t integer = 0;  ///< Of an integer.
  bool boolean = false;      ///< Of a boolean.
  /// The elements of an array, the values of a table (each key once).
  std::vector<Node> children = {};

  // Of a value of a table.
  std::string key = {};
  Position key_position = {};

  /// A value of a table; nullptr: there is none.
  [[nodiscard]] const Node* find(std::string_view name) const;
};

/// "a string", "an integer", …
[[nodiscard]] std::string_view describe(Node::Kind kind);

/// The error is a mistake without a key.
[[nodiscard]] std::expected<Node, Mistake> parse_document(std::string_view text,
                                                          std::string_view file_name);

}  // namespace config
