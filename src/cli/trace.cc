#include <boost/json.hpp>
#include <ctime>

#include "admin/trace_answer.h"
#include "admin/trace_view.h"
#include "base/escape.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/queue_source.h"
#include "cli/trace_text.h"
#include "server/settings.h"
#include "sys/linux/clock.h"
#include "sys/linux/disk.h"
#include "trace/find.h"

namespace cli {
namespace {

namespace json = boost::json;

/// Of one next hop, when it could not be reached or where it led.
constexpr std::size_t hop_records_max = 4'096;
/// Where a next hop leads is recorded again after an hour.
constexpr base::Duration found_before_max = std::chrono::hours(2);

int fail(std::string_view text) {
  complain("posthaste: trace: " + std::string(text));
  return exit_failed;
}

struct Queued {
  std::optional<json::object> message;  ///< Nothing once it has left.
  bool server_runs = false;
};

/// What the queue says of the message; nothing when the queue cannot be asked.
Queued find_queued(const Configuration& configuration, base::MessageId id) {
  Queued out;
  const auto source = open_queue(configuration.config);
  if (!source) return out;
  out.server_runs = (*source)->is_running();
  std::string text;
  if (!(*source)->show(id, [&](std::string_view octets) { text += octets; })) return out;
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_object() || value.as_object().contains("error")) return out;
  out.message = value.as_object();
  return out;
}

/// The message's own records, and those of the next hops that it waited for.
struct Records {
  std::vector<std::string> events, hops;
};

base::Io<Records> find_records(const std::string& folder, base::MessageId id,
                               const json::object* queued) {
  const auto disk = sys::real::make_disk();
  auto events = trace::find(*disk, folder, id);
  if (!events) return std::unexpected(events.error());
  Records out{.events = std::move(*events), .hops = {}};
  std::vector<base::MessageId> hops;
  for (const std::string& key : admin::hops_of({.events = out.events, .queued = queued})) {
    hops.push_back(trace::hop_id(key));
  }
  if (hops.empty()) return out;
  const base::WallTime arrived{std::chrono::milliseconds(id.value >> 20)};
  const auto since = std::chrono::floor<std::chrono::milliseconds>(arrived - found_before_max);
  auto found = trace::find_newest(*disk, folder, hops, since, hop_records_max);
  if (!found) return std::unexpected(found.error());
  for (auto& [hop, texts] : *found) {
    out.hops.insert(out.hops.end(), std::make_move_iterator(texts.begin()),
                    std::make_move_iterator(texts.end()));
  }
  return out;
}

/// Where this process is, as TZ or the machine says.
std::chrono::seconds local_offset(base::WallTime time) {
  const std::time_t seconds =
      std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm there{};
  if (::localtime_r(&seconds, &there) == nullptr) return {};
  return std::chrono::seconds(there.tm_gmtoff);
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
  const Queued queued = find_queued(*configuration, *id);
  const json::object* message = queued.message ? &*queued.message : nullptr;
  const std::string folder = server::trace_directory(configuration->config->data_dir);
  const auto records = find_records(folder, *id, message);
  if (!records) return fail(folder + ": " + base::describe(records.error()));
  json::object trace = admin::describe_trace(
      {.events = records->events, .hop_records = records->hops, .queued = message});
  if (trace.empty()) return fail(unknown);
  const base::WallTime now = sys::real::make_clock()->wall();
  admin::AnswerContext context{
      .times = options.json ? admin::TimeWords(now) : admin::TimeWords(now, local_offset),
      .retry = configuration->config->queue.retry,
      .expire = configuration->config->queue.expire,
      .server_runs = queued.server_runs};
  admin::add_answers(trace, context);
  const std::string text =
      options.json ? json::serialize(trace) + "\n" : trace_text(trace, context.times);
  return print(text) ? exit_done : exit_failed;
}

}  // namespace cli
