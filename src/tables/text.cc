#include "base/ascii.h"
#include "tables/row_check.h"
#include "tables/tables.h"

namespace tables {
namespace {

/// Where the key ends that the row begins with: at the first white space outside of quotes.
std::size_t end_of_key(std::string_view row) {
  bool quoted = false;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (quoted && row[i] == '\\') {
      ++i;
    } else if (row[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && base::is_space(row[i])) {
      return i;
    }
  }
  return row.size();
}

/// Gathers lines to rows.
class Reader {
 public:
  explicit Reader(const std::string& name) : rows_(name) {}

  /// One line, without its end.
  [[nodiscard]] std::expected<void, std::string> take(std::string_view line, std::size_t number) {
    const std::string_view text = base::trimmed(line);
    if (text.empty() || text.front() == '#') return {};
    const bool continues = base::is_space(line.front());
    if (continues && row_.empty()) return rows_.fail(number, "expected a key in the first column");
    if (!continues) {
      if (auto done = finish(); !done) return done;
      number_ = number;
    } else {
      row_ += ' ';
    }
    row_ += text;
    if (row_.size() > row_octets_max) return rows_.fail_size(number_);
    return {};
  }

  [[nodiscard]] std::expected<void, std::string> finish() {
    if (row_.empty()) return {};
    const std::size_t end = end_of_key(row_);
    auto added = rows_.add(row_.substr(0, end), row_.substr(end), number_);
    row_.clear();
    return added;
  }

  [[nodiscard]] std::vector<Row> release() { return rows_.release(); }

 private:
  RowCheck rows_;
  std::string row_;
  std::size_t number_ = 0;
};

}  // namespace

Read parse_text(std::string_view text, const std::string& name) {
  Reader reader(name);
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (auto taken = reader.take(line, ++number); !taken) return std::unexpected(taken.error());
  }
  if (auto done = reader.finish(); !done) return std::unexpected(done.error());
  return reader.release();
}

}  // namespace tables
