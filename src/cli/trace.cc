#include <boost/json.hpp>

#include "admin/trace_view.h"
#include "base/escape.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/queue_source.h"
#include "cli/trace_text.h"
#include "server/settings.h"
#include "sys/linux/disk.h"
#include "trace/find.h"

namespace cli {
namespace {

namespace json = boost::json;

int fail(std::string_view text) {
  complain("posthaste: trace: " + std::string(text));
  return exit_failed;
}

/// What the queue says of the message; nothing once it has left, or when the queue cannot be asked.
std::optional<json::object> find_queued(const Configuration& configuration, base::MessageId id) {
  const auto source = open_queue(configuration.config);
  if (!source) return std::nullopt;
  std::string text;
  if (!(*source)->show(id, [&](std::string_view octets) { text += octets; })) return std::nullopt;
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object() || value.as_object().contains("error")) return std::nullopt;
  return value.as_object();
}

}  // namespace

int run(const TraceOptions& options) {
  const std::string unknown = "nothing is known of " + base::escaped(options.id);
  const auto id = base::parse_message_id(options.id);
  if (!id) return fail(unknown);
  const auto configuration = read_configuration(options.config);
  if (!configuration) {
    print_mistakes(configuration.error());
    return exit_usage;
  }
  // The queue first: what has left it meanwhile is in the trace already.
  const auto queued = find_queued(*configuration, *id);
  const auto disk = sys::real::make_disk();
  const std::string folder = server::trace_directory(configuration->config->data_dir);
  const auto events = trace::find(*disk, folder, *id);
  if (!events) return fail(folder + ": " + base::describe(events.error()));
  const json::object trace = admin::describe_trace(*events, queued ? &*queued : nullptr);
  if (trace.empty()) return fail(unknown);
  return print(options.json ? json::serialize(trace) + "\n" : trace_text(trace)) ? exit_done
                                                                                 : exit_failed;
}

}  // namespace cli
