#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

// Files of rows, each a key and a value, whatever wrote them: text, CDB and SQLite. They are read
// as a whole, by whoever makes a snapshot; nobody asks a file while mail waits.
namespace tables {

/// More rows are refused, as are larger files and rows (a key with its value). In octets.
inline constexpr std::size_t rows_max = 1'000'000;
inline constexpr std::size_t file_octets_max = std::size_t{256} << 20;
inline constexpr std::size_t row_octets_max = 256u << 10;

struct Row {
  std::string key;    ///< Never empty.
  std::string value;  ///< Never empty.
  /// Of text, the line on which it begins; else the number of the row. From 1.
  std::size_t line = 0;

  friend bool operator==(const Row&, const Row&) = default;
};

/// Rows in the order of the file; keys may repeat. Errors are for people, with the path and, where
/// there is one, the line: "/etc/posthaste/routes:7: expected a value behind the key".
using Read = std::expected<std::vector<Row>, std::string>;

/// The whole of a table, by its form: CDB when its name ends in `.cdb`, SQLite by the file's first
/// octets, else text. Blocks: never on a loop. A file that changes meanwhile does no harm, but may
/// be read half old and half new; whoever replaces one should rename.
///
/// CDB: a NUL at the end of keys and values, as some tools write it, is no part of them. SQLite:
/// the one table or view with columns named `key` and `value`.
[[nodiscard]] Read read(const std::string& path);

/// The text form. A row is a line: the key, white space, the value until the end of the line. A
/// line that begins with white space continues the one before. What begins with `#`, and lines
/// without text, are nothing. A key may have parts in double quotes, which hold white space and
/// stay as they are: `"john doe"@example.org alice`. `name`: for errors.
[[nodiscard]] Read parse_text(std::string_view text, const std::string& name);

}  // namespace tables
