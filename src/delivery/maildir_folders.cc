#include "delivery/maildir_folders.h"

#include <utility>
#include <vector>

#include "sys/disk.h"

namespace delivery {

using base::Io;
using base::IoErrorCode;

namespace {

[[nodiscard]] std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// `/a/b/c` gives `/a`, `/a/b` and `/a/b/c`.
[[nodiscard]] std::vector<std::string> paths_down_to(const std::string& path) {
  std::vector<std::string> out;
  for (std::size_t slash = path.find('/', 1); slash != path.npos;
       slash = path.find('/', slash + 1)) {
    if (path[slash - 1] != '/') out.push_back(path.substr(0, slash));
  }
  if (!path.ends_with('/')) out.push_back(path);
  return out;
}

}  // namespace

base::Task<Io<>> MailboxFolders::make(std::string mailbox) {
  std::vector<std::string> paths = paths_down_to(mailbox);
  paths.push_back(mailbox + "/new");
  paths.push_back(mailbox + "/cur");
  for (std::string& path : paths) {
    if (const Io<> made = co_await make_durable(std::move(path)); !made) co_return made;
  }
  const Io<> made = disk_.make_directory(mailbox + "/tmp");
  if (!made && made.error().code != IoErrorCode::exists) co_return made;
  co_return Io<>{};
}

/// A folder that exists already may have been made by somebody whom a crash kept from syncing.
base::Task<Io<>> MailboxFolders::make_durable(std::string path) {
  if (durable_.contains(path)) co_return Io<>{};
  const Io<bool> exists = disk_.exists(path);
  if (!exists) co_return std::unexpected(exists.error());
  if (!*exists) {
    const Io<> made = disk_.make_directory(path);
    if (!made && made.error().code != IoErrorCode::exists) co_return made;
  }
  if (const Io<> synced = co_await sync_parent(path, !*exists); !synced) co_return synced;
  durable_.insert(std::move(path));
  co_return Io<>{};
}

base::Task<Io<>> MailboxFolders::sync_parent(std::string path, bool was_made) {
  const std::string parent = parent_of(path);
  const Io<> synced = co_await sys::sync_directory(disk_, parent);
  if (synced) co_return synced;
  // Far up there are folders that we may not read, nor have made anything in.
  if (!was_made && synced.error().code == IoErrorCode::denied) co_return Io<>{};
  // The name must be taken as lost, whatever later syncs say, unless it is written anew.
  if (was_made && disk_.rename(path, path + ".unsynced")) {
    (void)disk_.rename(path + ".unsynced", path);
  }
  co_return synced;
}

}  // namespace delivery
