#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <limits>

#include "accounts/accounts.h"
#include "base/escape.h"
#include "base/error.h"
#include "cli/configuration.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/output.h"
#include "lab/internet.h"
#include "lab/report.h"
#include "tables/tables.h"

namespace cli {
namespace {

/// In octets: of a description, or of a configuration that it names.
constexpr std::size_t file_octets_max = 64 * 1024 * 1024;
constexpr std::size_t journeys_default = 10;
constexpr std::size_t all_journeys = std::numeric_limits<std::size_t>::max();

std::size_t journeys_max(const LabOptions& options) {
  if (options.journeys.empty()) return options.json ? all_journeys : journeys_default;
  std::size_t number = all_journeys;
  const std::string& text = options.journeys;
  (void)std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Accounts that are kept on this machine count as far as they can be read.
std::expected<std::vector<directory::User>, std::string> accounts_in(const std::string& data_dir) {
  auto loaded = accounts::load(accounts::path_in(data_dir));
  if (!loaded) return std::vector<directory::User>();
  return *std::move(loaded);
}

std::expected<std::vector<config::TableRow>, std::string> table_rows(const std::string& path) {
  auto rows = tables::read(path);
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<config::TableRow> out;
  out.reserve(rows->size());
  for (tables::Row& row : *rows)
    out.push_back({std::move(row.key), std::move(row.value), row.line});
  return out;
}

lab::ReadOptions read_options(const std::string& file) {
  std::error_code ignored;
  return {.file_name = file,
          .base_folder = std::filesystem::absolute(file, ignored).parent_path().string(),
          .read_file = [](const std::string& path) { return read_file(path, file_octets_max); },
          .questions = {.accounts = accounts_in, .table = table_rows}};
}

/// False: that was told.
bool write_picture(const std::string& path, const std::string& picture) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  bool written = descriptor >= 0 && write_all(descriptor, picture);
  int error = written ? 0 : errno;
  if (descriptor >= 0 && ::close(descriptor) != 0) {
    written = false;
    error = errno;
  }
  if (!written)
    complain(fmt::format("posthaste: lab: {}: {}", base::escaped(path),
                         base::describe(base::from_errno(error))));
  return written;
}

}  // namespace

int run(const LabOptions& options) {
  const auto text = read_file(options.file, file_octets_max);
  if (!text) {
    complain("posthaste: lab: " + text.error());
    return exit_usage;
  }
  const auto description = lab::read_description(*text, read_options(options.file));
  if (!description) {
    print_mistakes(description.error());
    return exit_usage;
  }
  const lab::Result result = lab::run(*description, options.seed);
  if (!result.problem.empty()) {
    complain("posthaste: lab: a server does not start: " + base::escaped(result.problem));
    return exit_failed;
  }
  lab::ReportOptions report{
      .file = options.file, .seed = options.seed, .journeys_max = journeys_max(options)};
  if (!options.svg.empty() && !write_picture(options.svg, lab::to_svg(result, report)))
    return exit_failed;
  if (!print(options.json ? lab::to_json(result, report) : lab::to_text(result, report)))
    return exit_failed;
  return result.balances() ? exit_done : exit_failed;
}

}  // namespace cli
