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

#include "accounts/accounts.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/system_users.h"
#include "cli/table_files.h"
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

bool is_executable(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::expected<std::string, std::string> read_pem(const std::string& path) {
  return read_file(path, pem_octets_max);
}

std::string certificate_problem(const config::Tls& tls, const FileReader& read) {
  const auto chain = read(tls.certificate);
  const auto key = read(tls.key);
  if (!chain || !key) return (!chain ? chain : key).error();
  const auto made = sys::real::make_tls()->server_context(*chain, *key);
  return made ? std::string() : "expected a certificate and its key: " + made.error();
}

std::expected<std::vector<directory::User>, std::string> load_accounts(
    const std::string& data_dir) {
  auto loaded = accounts::load(accounts::path_in(data_dir));
  if (!loaded) return std::unexpected(std::move(loaded.error().text));
  return *std::move(loaded);
}

/// With everything that is asked about tables.
config::LoadQuestions with_tables(config::LoadQuestions questions) {
  add_table_questions(questions);
  return questions;
}

std::string absolute(const std::string& file) {
  std::error_code ignored;
  return std::filesystem::absolute(file, ignored).string();
}

Loaded parse(const std::string& file, const std::string& text, config::LoadQuestions questions) {
  const std::filesystem::path whole = absolute(file);
  auto loaded = config::load(text, {.file_name = file,
                                    .base_folder = whole.parent_path().string(),
                                    .machine_name = machine_name(),
                                    .questions = std::move(questions)});
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  return Configuration{file, std::make_shared<config::Config>(std::move(*loaded))};
}

/// Where a configuration is, or its default place without one.
Loaded read(const std::string& named, config::LoadQuestions questions) {
  const std::string file = named.empty() ? default_file : named;
  int system_error = 0;
  const auto text = read_file(file, configuration_octets_max, &system_error);
  if (!text) {
    const bool missing = system_error == ENOENT || system_error == ENOTDIR;
    return named.empty() && missing ? read_sandbox()
                                    : fail(file, base::describe(base::from_errno(system_error)));
  }
  return parse(file, *text, std::move(questions));
}

}  // namespace

std::string machine_name() {
  char name[HOST_NAME_MAX + 1] = {};
  return ::gethostname(name, HOST_NAME_MAX) == 0 ? name : "";
}

void print_mistakes(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) complain(mistake.print());
}

Loaded read_configuration(const std::string& named) { return read(named, {}); }

Loaded read_with_accounts(const std::string& named) {
  return read(named, with_tables({.system_users = system_users, .accounts = load_accounts}));
}

Loaded load_configuration(const std::string& named) {
  return read(
      named,
      with_tables({.system_users = system_users,
                   .is_readable = is_readable,
                   .is_executable = is_executable,
                   .certificate_problem =
                       [](const config::Tls& tls) { return certificate_problem(tls, read_pem); },
                   .accounts = load_accounts}));
}

std::expected<ConfigurationText, std::vector<Mistake>> read_privileged(const std::string& named) {
  const std::string file = absolute(named.empty() ? default_file : named);
  int system_error = 0;
  auto text = read_file(file, configuration_octets_max, &system_error);
  if (!text) {
    return std::unexpected(std::vector{
        Mistake{.file = file, .message = base::describe(base::from_errno(system_error))}});
  }
  // Alias files, since they may name programs of other users.
  auto parsed = parse(
      file, *text, with_tables({.system_users = system_users, .is_readable = is_readable}));
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  return ConfigurationText{file, *std::move(text), std::move(parsed->config)};
}

Loaded load_text(const std::string& file, const std::string& text, const FileReader& read) {
  return parse(
      file, text,
      with_tables({.system_users = system_users,
                   .is_executable = is_executable,
                   .certificate_problem =
                       [&read](const config::Tls& tls) { return certificate_problem(tls, read); },
                   .accounts = load_accounts}));
}

}  // namespace cli
