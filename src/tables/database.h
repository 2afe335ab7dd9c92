#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace tables {

/// An SQLite file. Errors are for people: "disk I/O error".
class Database {
 public:
  template <class T = void>
  using Result = std::expected<T, std::string>;

  enum class Access : std::uint8_t {
    read,    ///< Changes nothing, not even what a crash has left half done: that is an error then.
    change,  ///< Rolls such things back. Without permission to write as `read`.
  };
  /// A file that is there.
  [[nodiscard]] static Result<Database> open(const std::string& path, Access access);

  /// Statements that give no rows.
  [[nodiscard]] Result<> run(const char* sql);

  /// One statement with texts for its question marks.
  class Query {
   public:
    /// True: there is a row; false: no more.
    [[nodiscard]] Result<bool> step();
    [[nodiscard]] std::string text(int column) const;
    [[nodiscard]] long long number(int column) const;

   private:
    friend Database;
    struct Finalize {
      void operator()(sqlite3_stmt* statement) const;
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  };
  [[nodiscard]] Result<Query> query(const char* sql,
                                    std::initializer_list<std::string_view> texts = {});
  /// Rows that the last statement has changed.
  [[nodiscard]] long long changes() const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace tables
