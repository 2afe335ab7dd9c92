#pragma once

#include <string>
#include <string_view>

#include "tables/tables.h"

namespace tables {

/// `content`: of the whole file. It is read from memory: a file that shrinks while it is mapped
/// would end the process.
[[nodiscard]] Read read_cdb(const std::string& content, const std::string& name);

/// SQLite reads the file itself, for it may have a journal beside it.
[[nodiscard]] Read read_sqlite(const std::string& path);

}  // namespace tables
