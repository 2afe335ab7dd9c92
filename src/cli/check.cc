#include <boost/json.hpp>

#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/output.h"

namespace cli {
namespace {

namespace json = boost::json;

std::string as_json(const std::vector<config::Mistake>& mistakes,
                    const std::vector<std::string>& warnings) {
  json::array list;
  for (const config::Mistake& mistake : mistakes) {
    json::object entry;
    entry["file"] = mistake.file;
    entry["line"] = mistake.position.line;
    entry["column"] = mistake.position.column;
    entry["key"] = mistake.key;
    entry["message"] = mistake.message;
    list.push_back(std::move(entry));
  }
  json::object out;
  out["valid"] = mistakes.empty();
  out["mistakes"] = std::move(list);
  out["warnings"] = json::array(warnings.begin(), warnings.end());
  return json::serialize(out) + '\n';
}

}  // namespace

int run(const CheckOptions& options) {
  const auto configuration = load_configuration(options.config);
  if (!configuration) {
    print_mistakes(configuration.error());
    if (options.json) print(as_json(configuration.error(), {}));
    return exit_usage;
  }
  const std::vector<std::string>& warnings = configuration->config->warnings;
  if (options.json) return print(as_json({}, warnings)) ? exit_done : exit_failed;
  for (const std::string& warning : warnings) complain("warning: " + warning);
  print(configuration->file.empty()
            ? "there is no configuration: `serve` runs a sandbox with its data in " +
                  configuration->config->data_dir + '\n'
            : configuration->file + ": good\n");
  return exit_done;
}

}  // namespace cli
