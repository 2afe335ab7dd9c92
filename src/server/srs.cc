#include "server/srs.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace server {

namespace {

constexpr std::size_t secrets_octets_max = 64 * 1024;

/// 256 bits, as a line.
std::string new_secret(sys::Random& random) {
  std::string out;
  for (int i = 0; i < 4; ++i) out += fmt::format("{:016x}", random.next());
  return out + '\n';
}

base::Task<base::Io<>> write_file(sys::Disk& disk, std::string path, std::string text) {
  auto file = disk.open(path, sys::OpenMode::create);
  if (!file) co_return std::unexpected(file.error());
  const std::array<std::string_view, 1> pieces = {text};
  if (const auto written = co_await sys::write(**file, 0, pieces); !written) {
    co_return std::unexpected(written.error());
  }
  co_return co_await sys::sync(**file);
}

}  // namespace

std::expected<LoadedSrs, std::string> load_srs(const World& world, const config::Srs& srs) {
  if (srs.domain.empty()) return LoadedSrs{};
  LoadedSrs out;
  auto text = sys::read_file(world.disk, srs.secret_file, secrets_octets_max);
  if (!text && text.error().code == base::IoErrorCode::not_found && srs.own_secret) {
    out.unsaved = new_secret(world.random);
    text = out.unsaved;
  }
  if (!text) return std::unexpected(srs.secret_file + ": " + base::describe(text.error()));
  auto secrets = directory::parse_srs_secrets(*text);
  if (!secrets) {
    return std::unexpected(srs.secret_file +
                           ": expected secrets of at least 16 octets, one a line");
  }
  out.srs = std::make_shared<const directory::Srs>(
      directory::Srs::Options{srs.domain, std::move(*secrets), srs.expire});
  return out;
}

base::Task<std::expected<void, std::string>> save_srs_secret(const World& world, std::string path,
                                                             std::string secret) {
  using Saved = std::expected<void, std::string>;
  const auto failed = [&path](const base::IoError& error) {
    return std::unexpected(path + ": " + base::describe(error));
  };
  // What a crash has left of an earlier try is worth nothing.
  const std::string half = path + ".new";
  (void)world.disk.unlink(half);
  if (const auto written = co_await write_file(world.disk, half, std::move(secret)); !written) {
    co_return failed(written.error());
  }
  if (const auto moved = world.disk.rename(half, path); !moved) co_return failed(moved.error());
  const std::string folder = path.substr(0, path.rfind('/'));
  const auto synced = co_await sys::sync_directory(world.disk, folder);
  if (!synced) co_return failed(synced.error());
  co_return Saved{};
}

}  // namespace server
