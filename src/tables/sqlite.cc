#include "tables/database.h"
#include "tables/forms.h"
#include "tables/row_check.h"

namespace tables {
namespace {

constexpr const char* find_tables =
    "SELECT s.name FROM sqlite_schema AS s WHERE s.type IN ('table', 'view') AND "
    "(SELECT count(*) FROM pragma_table_info(s.name) AS c WHERE c.name IN ('key', 'value')) = 2 "
    "ORDER BY s.name";

/// As a name in SQL.
std::string quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

/// The name of the one table that has the columns.
std::expected<std::string, std::string> find_table(Database& database) {
  auto query = database.query(find_tables);
  if (!query) return std::unexpected(query.error());
  const auto first = query->step();
  if (!first) return std::unexpected(first.error());
  if (!*first) return std::unexpected("expected a table with the columns key and value");
  std::string name = query->text(0);
  const auto second = query->step();
  if (!second) return std::unexpected(second.error());
  if (!*second) return name;
  return std::unexpected(fmt::format(
      "expected one table with the columns key and value, found {} and {}", name, query->text(0)));
}

}  // namespace

Read read_sqlite(const std::string& path) {
  RowCheck rows(path);
  auto database = Database::open(path, Database::Access::read);
  if (!database) return rows.fail(database.error());
  const auto table = find_table(*database);
  if (!table) return rows.fail(table.error());
  const std::string sql = "SELECT key, value FROM " + quoted(*table) + " ORDER BY key, value";
  auto query = database->query(sql.c_str());
  if (!query) return rows.fail(query.error());
  for (std::size_t number = 1;; ++number) {
    const auto found = query->step();
    if (!found) return rows.fail(found.error());
    if (!*found) return rows.release();
    if (auto added = rows.add(query->text(0), query->text(1), number); !added) {
      return std::unexpected(added.error());
    }
  }
}

}  // namespace tables
