#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "directory/snapshot.h"

// The accounts of `user add`: a small SQLite file in `data_dir`, for its owner alone. It holds
// verifiers, never passwords. Nobody waits for it while mail waits: it is read when a server starts
// or reloads.
namespace accounts {

/// More are refused. A server holds them all in memory.
inline constexpr std::size_t accounts_max = 1'000'000;

[[nodiscard]] std::string path_in(std::string_view data_dir);

enum class ErrorCode : std::uint8_t {
  exists,   ///< There is such an account already.
  missing,  ///< There is none.
  failed,   ///< The file can't be read or written, or is damaged.
};

struct Error {
  ErrorCode code = ErrorCode::failed;
  std::string text;  ///< For people, with the path or the address.
};

template <class T = void>
using Result = std::expected<T, Error>;

/// All accounts, in the order of their addresses. No file, or no folder: none. Makes nothing. A
/// damaged file is an error as a whole: who reads it must not take part of it for everything.
[[nodiscard]] Result<std::vector<directory::User>> load(const std::string& path);

// These are durable when they return. Addresses compare without case (ASCII), in every spelling of
// the domain.

/// Of a user: mailbox, password and scram. Makes the file (mode 0600), not its folder.
[[nodiscard]] Result<> add(const std::string& path, const directory::User& user);
/// New verifiers for an account that is there; its own spelling stays.
[[nodiscard]] Result<> change(const std::string& path, const directory::User& user);
[[nodiscard]] Result<> remove(const std::string& path, const grammar::Mailbox& mailbox);

}  // namespace accounts
