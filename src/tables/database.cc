#include "tables/database.h"

#include <sqlite3.h>

namespace tables {
namespace {

/// Another process may hold the file: it does so for milliseconds.
constexpr int patience_ms = 5'000;

std::unexpected<std::string> failure(sqlite3* database) {
  return std::unexpected(
      std::string(database == nullptr ? "out of memory" : sqlite3_errmsg(database)));
}

}  // namespace

void Database::Close::operator()(sqlite3* database) const { sqlite3_close(database); }
void Database::Query::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

Database::Result<Database> Database::open(const std::string& path, Access access) {
  sqlite3* opened = nullptr;
  const int flags = access == Access::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  Database out;
  out.database_.reset(opened);  // Also after a failure: it holds the message.
  if (code != SQLITE_OK) return failure(opened);
  sqlite3_busy_timeout(opened, patience_ms);
  // The file is not trusted: its schema may not run functions or write elsewhere.
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return out;
}

Database::Result<> Database::run(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failure(database_.get());
  }
  return {};
}

Database::Result<Database::Query> Database::query(const char* sql,
                                                  std::initializer_list<std::string_view> texts) {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql, -1, &prepared, nullptr) != SQLITE_OK) {
    return failure(database_.get());
  }
  Query out;
  out.statement_.reset(prepared);
  int number = 0;
  for (const std::string_view text : texts) {
    const int code = sqlite3_bind_text64(prepared, ++number, text.data(), text.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
    if (code != SQLITE_OK) return failure(database_.get());
  }
  return out;
}

long long Database::changes() const { return sqlite3_changes64(database_.get()); }

Database::Result<bool> Database::Query::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(statement_.get()));
}

std::string Database::Query::text(int column) const {
  const unsigned char* octets = sqlite3_column_text(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (octets == nullptr || size <= 0) return {};
  return {reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size)};
}

long long Database::Query::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

}  // namespace tables
