#include "cli/configuration.h"

#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "cli/files.h"
#include "cli/output.h"
#include "sys/linux/tls.h"

namespace cli {

using config::Mistake;
using Loaded = std::expected<Configuration, std::vector<Mistake>>;

namespace {

constexpr const char* default_file = "/etc/posthaste/posthaste.toml";
/// In octets. No sane configuration comes near it.
constexpr std::size_t configuration_octets_max = 64 * 1024 * 1024;
constexpr std::size_t pem_octets_max = 1024 * 1024;

/// Empty: there is no place for them.
std::string sandbox_directory() {
  const char* state = std::getenv("XDG_STATE_HOME");
  // A relative one must be ignored (XDG Base Directory Specification).
  if (state != nullptr && state[0] == '/') return std::string(state) + "/posthaste";
  const char* home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') {
    const passwd* user = getpwuid(getuid());
    home = user != nullptr ? user->pw_dir : nullptr;
  }
  if (home == nullptr || home[0] != '/') return {};
  return std::string(home) + "/.local/state/posthaste";
}

Loaded fail(std::string file, std::string message) {
  std::vector<Mistake> out;
  out.push_back({.file = std::move(file), .message = std::move(message)});
  return std::unexpected(std::move(out));
}

Loaded read_sandbox() {
  const std::string directory = sandbox_directory();
  if (directory.empty()) return fail(default_file, "there is none, and no home for a sandbox");
  return Configuration{
      {}, std::make_shared<config::Config>(config::sandbox(directory, machine_name()))};
}

bool is_readable(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode) &&
         ::access(path.c_str(), R_OK) == 0;
}

/// A certificate that no server could use, once its files are known to be there.
std::vector<Mistake> check_certificate(const Configuration& configuration) {
  const config::Tls& tls = configuration.config->tls;
  if (tls.certificate.empty()) return {};
  const auto chain = read_file(tls.certificate, pem_octets_max);
  const auto key = read_file(tls.key, pem_octets_max);
  std::string what;
  if (!chain || !key) {
    what = (!chain ? chain : key).error();
  } else if (const auto made = sys::real::make_tls()->server_context(*chain, *key); !made) {
    what = "expected a certificate and its key: " + made.error();
  }
  if (what.empty()) return {};
  Mistake mistake{.file = configuration.file, .key = "tls.certificate", .message = what};
  for (const config::NamedFile& file : configuration.config->files) {
    if (file.key == mistake.key) mistake.position = file.position;
  }
  return {std::move(mistake)};
}

}  // namespace

std::string machine_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, HOST_NAME_MAX) == 0 ? name : "";
}

void print_mistakes(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) complain(mistake.print());
}

Loaded read_configuration(const std::string& named) {
  const std::string file = named.empty() ? default_file : named;
  int system_error = 0;
  const auto text = read_file(file, configuration_octets_max, &system_error);
  if (!text) {
    const bool missing = system_error == ENOENT || system_error == ENOTDIR;
    return named.empty() && missing ? read_sandbox()
                                    : fail(file, base::describe(base::from_errno(system_error)));
  }
  std::error_code ignored;
  const std::filesystem::path whole = std::filesystem::absolute(file, ignored);
  auto loaded = config::load(*text, {.file_name = file,
                                     .base_folder = whole.parent_path().string(),
                                     .machine_name = machine_name()});
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return Configuration{file, std::make_shared<config::Config>(std::move(*loaded))};
}

Loaded load_configuration(const std::string& named) {
  Loaded out = read_configuration(named);
  if (!out) return out;
  std::vector<Mistake> mistakes = config::check_files(*out->config, out->file, is_readable);
  if (mistakes.empty()) mistakes = check_certificate(*out);
  if (!mistakes.empty()) return std::unexpected(std::move(mistakes));
  return out;
}

}  // namespace cli
