#include "sys/disk.h"

namespace sys {

using base::Io;

base::Task<Io<>> make_directories(Disk& disk, std::string path) {
  std::vector<std::string> missing;
  while (path.size() > 1) {
    const Io<bool> there = disk.exists(path);
    if (!there) co_return std::unexpected(there.error());
    if (*there) break;
    missing.push_back(path);
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) break;
    path.resize(slash == 0 ? 1 : slash);
  }
  for (; !missing.empty(); missing.pop_back()) {
    const std::string& next = missing.back();
    const Io<> made = disk.make_directory(next);
    if (!made && made.error().code != base::IoErrorCode::exists) co_return made;
    const std::size_t slash = next.rfind('/');
    const std::string parent = slash == next.npos ? "." : slash == 0 ? "/" : next.substr(0, slash);
    if (const Io<> synced = co_await sync_directory(disk, parent); !synced) co_return synced;
  }
  co_return Io<>{};
}

Io<std::string> read_file(Disk& disk, const std::string& path, std::size_t octets_max) {
  const auto file = disk.open(path, OpenMode::read);
  if (!file) return std::unexpected(file.error());
  const Io<std::uint64_t> size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (*size > octets_max) return base::io_error(base::IoErrorCode::no_space);
  std::string out(*size, '\0');
  const Io<std::size_t> octets = (*file)->read(0, out);
  if (!octets) return std::unexpected(octets.error());
  out.resize(*octets);
  return out;
}

}  // namespace sys
