#include "accounts/accounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/ascii.h"
#include "base/error.h"
#include "tables/database.h"

namespace accounts {

using tables::Database;

namespace {

// "PHAC"; and the version of the format.
constexpr const char* make_schema = R"(
BEGIN IMMEDIATE;
PRAGMA application_id = 1346912579;
PRAGMA user_version = 1;
CREATE TABLE account (
  key TEXT PRIMARY KEY,
  address TEXT NOT NULL,
  password TEXT NOT NULL,
  scram TEXT NOT NULL
) STRICT, WITHOUT ROWID;
COMMIT;
)";
constexpr long long application_id = 1'346'912'579;
constexpr long long version = 1;

/// The same for all spellings of one address.
std::string key_of(const grammar::Mailbox& mailbox) {
  return base::lower(mailbox.local.value()) + '@' + mailbox.domain.canonical();
}

std::unexpected<Error> failed(const std::string& path, std::string_view what) {
  return std::unexpected(
      Error{.code = ErrorCode::failed, .text = fmt::format("{}: {}", path, what)});
}

std::unexpected<Error> failed(const std::string& path, int system_error) {
  return failed(path, base::describe(base::from_errno(system_error)));
}

std::unexpected<Error> no_account(const grammar::Mailbox& mailbox) {
  return std::unexpected(Error{.code = ErrorCode::missing,
                               .text = fmt::format("there is no account {}", mailbox.print())});
}

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<long long> number_from(Database& database, const std::string& path, const char* sql) {
  auto query = database.query(sql);
  if (!query) return failed(path, query.error());
  const auto row = query->step();
  if (!row) return failed(path, row.error());
  return query->number(0);
}

Result<long long> count_tables(Database& database, const std::string& path) {
  return number_from(database, path, "SELECT count(*) FROM sqlite_schema");
}

Result<> check_format(Database& database, const std::string& path) {
  const auto id = number_from(database, path, "PRAGMA application_id");
  if (!id) return std::unexpected(id.error());
  if (*id != application_id) return failed(path, "this is no file of accounts");
  const auto found = number_from(database, path, "PRAGMA user_version");
  if (!found) return std::unexpected(found.error());
  if (*found == version) return {};
  return failed(path, fmt::format("its format is version {}, we know version {}", *found, version));
}

/// An account as a row says it.
std::expected<directory::User, std::string> user_from(const Database::Query& row) {
  directory::User out;
  auto mailbox = grammar::Mailbox::parse(row.text(1));
  if (!mailbox || key_of(*mailbox) != row.text(0)) return std::unexpected("its address is damaged");
  out.mailbox = std::move(*mailbox);
  auto password = crypto::PasswordHash::parse(row.text(2));
  if (!password) return std::unexpected("its password is damaged: " + password.error());
  out.password = std::move(*password);
  if (const std::string text = row.text(3); !text.empty()) {
    auto scram = crypto::ScramVerifier::parse(text);
    if (!scram) return std::unexpected("its scram is damaged: " + scram.error());
    out.scram = std::move(*scram);
  }
  return out;
}

/// An empty file for nobody else.
Result<> make_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return failed(path, errno);
  const int mode_set = ::fchmod(file, 0600);
  const int error = errno;
  ::close(file);
  if (mode_set != 0) return failed(path, error);
  return {};
}

/// For a change: durable when it is committed.
Result<Database> open_to_change(const std::string& path, bool make) {
  const bool is_new = !is_there(path);
  if (is_new && !make) return failed(path, ENOENT);
  if (is_new) {
    if (auto made = make_file(path); !made) return std::unexpected(made.error());
  }
  auto database = Database::open(path, Database::Access::change);
  if (!database) return failed(path, database.error());
  // EXTRA syncs the folder, too, when the journal is gone.
  if (const auto set = database->run("PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA");
      !set) {
    return failed(path, set.error());
  }
  // Also of a file that was made, and then not filled.
  const auto tables = count_tables(*database, path);
  if (!tables) return std::unexpected(tables.error());
  if (*tables == 0 && make) {
    if (const auto filled = database->run(make_schema); !filled) {
      return failed(path, filled.error());
    }
  }
  if (const auto known = check_format(*database, path); !known) {
    return std::unexpected(known.error());
  }
  return std::move(*database);
}

Result<long long> run(Database& database, const std::string& path, const char* sql,
                      std::initializer_list<std::string_view> texts) {
  auto query = database.query(sql, texts);
  if (!query) return failed(path, query.error());
  if (const auto row = query->step(); !row) return failed(path, row.error());
  return database.changes();
}

std::string password_of(const directory::User& user) {
  return user.password ? user.password->encode() : std::string();
}

std::string scram_of(const directory::User& user) {
  return user.scram ? user.scram->print() : std::string();
}

}  // namespace

std::string path_in(std::string_view data_dir) { return fmt::format("{}/accounts.db", data_dir); }

Result<std::vector<directory::User>> load(const std::string& path) {
  std::vector<directory::User> out;
  if (!is_there(path)) {
    if (errno == ENOENT || errno == ENOTDIR) return out;
    return failed(path, errno);
  }
  auto database = Database::open(path, Database::Access::change);
  if (!database) return failed(path, database.error());
  const auto tables = count_tables(*database, path);
  if (!tables) return std::unexpected(tables.error());
  if (*tables == 0) return out;  // Made, but a crash came before it was filled.
  if (const auto known = check_format(*database, path); !known) {
    return std::unexpected(known.error());
  }
  auto query = database->query("SELECT key, address, password, scram FROM account ORDER BY key");
  if (!query) return failed(path, query.error());
  for (;;) {
    const auto row = query->step();
    if (!row) return failed(path, row.error());
    if (!*row) return out;
    auto user = user_from(*query);
    if (!user) return failed(path, fmt::format("account {}: {}", query->text(0), user.error()));
    if (out.size() == accounts_max) return failed(path, "too many accounts");
    out.push_back(std::move(*user));
  }
}

Result<> add(const std::string& path, const directory::User& user) {
  auto database = open_to_change(path, true);
  if (!database) return std::unexpected(database.error());
  const auto count = number_from(*database, path, "SELECT count(*) FROM account");
  if (!count) return std::unexpected(count.error());
  if (*count >= static_cast<long long>(accounts_max)) return failed(path, "too many accounts");
  const auto changed =
      run(*database, path,
          "INSERT INTO account (key, address, password, scram) "
          "VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
          {key_of(user.mailbox), user.mailbox.print(), password_of(user), scram_of(user)});
  if (!changed) return std::unexpected(changed.error());
  if (*changed == 1) return {};
  return std::unexpected(
      Error{.code = ErrorCode::exists,
            .text = fmt::format("there is an account {} already", user.mailbox.print())});
}

Result<> change(const std::string& path, const directory::User& user) {
  if (!is_there(path)) return no_account(user.mailbox);
  auto database = open_to_change(path, false);
  if (!database) return std::unexpected(database.error());
  const auto changed =
      run(*database, path, "UPDATE account SET password = ?, scram = ? WHERE key = ?",
          {password_of(user), scram_of(user), key_of(user.mailbox)});
  if (!changed) return std::unexpected(changed.error());
  return *changed == 1 ? Result<>() : no_account(user.mailbox);
}

Result<> remove(const std::string& path, const grammar::Mailbox& mailbox) {
  if (!is_there(path)) return no_account(mailbox);
  auto database = open_to_change(path, false);
  if (!database) return std::unexpected(database.error());
  const auto changed = run(*database, path, "DELETE FROM account WHERE key = ?", {key_of(mailbox)});
  if (!changed) return std::unexpected(changed.error());
  return *changed == 1 ? Result<>() : no_account(mailbox);
}

}  // namespace accounts
