#include "tables/tables.h"

#include <fmt/format.h>

#include "tables/file.h"
#include "tables/forms.h"

namespace tables {
namespace {

constexpr std::string_view sqlite_magic{"SQLite format 3\0", 16};
constexpr std::string_view cdb_suffix = ".cdb";

}  // namespace

Read read(const std::string& path) {
  const auto file = File::open(path);
  if (!file) return std::unexpected(file.error());
  if (file->size() > file_octets_max) {
    return std::unexpected(fmt::format("{}: larger than {} octets", path, file_octets_max));
  }
  auto content = file->read(file_octets_max);
  if (!content) return std::unexpected(content.error());
  if (path.ends_with(cdb_suffix)) return read_cdb(*content, path);
  if (content->starts_with(sqlite_magic)) {
    *content = {};
    return read_sqlite(path);
  }
  return parse_text(*content, path);
}

}  // namespace tables
