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

base::Task<Io<>> MailboxFolders::make_path(std::string folder) {
  for (std::string& path : paths_down_to(folder)) {
    const std::string parent = parent_of(path);
    std::vector<std::string> one{std::move(path)};
    if (const Io<> made = co_await make_durable(parent, std::move(one)); !made) co_return made;
  }
  co_return Io<>{};
}

base::Task<Io<>> MailboxFolders::make(std::string mailbox) {
  if (const Io<> made = co_await make_path(mailbox); !made) co_return made;
  std::vector<std::string> both{mailbox + "/new", mailbox + "/cur"};
  if (const Io<> made = co_await make_durable(mailbox, std::move(both)); !made) co_return made;
  const Io<> made = disk_.make_directory(mailbox + "/tmp");
  if (!made && made.error().code != IoErrorCode::exists) co_return made;
  co_return Io<>{};
}

/// A folder that exists already may have been made by somebody whom a crash kept from syncing.
base::Task<Io<>> MailboxFolders::make_durable(std::string parent, std::vector<std::string> paths) {
  std::erase_if(paths, [this](const std::string& path) { return durable_.contains(path); });
  if (paths.empty()) co_return Io<>{};
  std::vector<std::string> made;
  for (const std::string& path : paths) {
    const Io<bool> exists = disk_.exists(path);
    if (!exists) co_return std::unexpected(exists.error());
    if (*exists) continue;
    const Io<> now = disk_.make_directory(path);
    if (!now && now.error().code != IoErrorCode::exists) co_return now;
    made.push_back(path);
  }
  const Io<> synced = co_await sys::sync_directory(disk_, parent);
  // Far up there are folders that we may not read, nor have made anything in.
  const bool foreign = made.empty() && !synced && synced.error().code == IoErrorCode::denied;
  if (!synced && !foreign) {
    for (const std::string& path : made) name_anew(path);
    co_return synced;
  }
  durable_.insert(paths.begin(), paths.end());
  co_return Io<>{};
}

/// After a failed sync a name must be taken as lost, whatever later syncs say, unless it is written
/// once more.
void MailboxFolders::name_anew(const std::string& path) {
  const std::string aside = path + ".unsynced";
  if (disk_.rename(path, aside)) (void)disk_.rename(aside, path);
}

}  // namespace delivery
