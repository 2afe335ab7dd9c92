#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "base/escape.h"
#include "cli/configuration.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/queue_source.h"
#include "cli/queue_text.h"
#include "route/target.h"
#include "server/queue_filter.h"

namespace cli {
namespace {

namespace json = boost::json;

int fail(std::string_view text) {
  complain("posthaste: queue: " + std::string(text));
  return exit_failed;
}

int no_such_message(std::string_view id) {
  return fail("no message has the id " + base::escaped(id));
}

std::expected<std::unique_ptr<QueueSource>, int> open(const std::string& config) {
  auto configuration = read_configuration(config);
  if (!configuration) {
    print_mistakes(configuration.error());
    return std::unexpected(exit_usage);
  }
  auto out = open_queue(configuration->config);
  if (!out) return std::unexpected(fail(out.error()));
  return std::move(*out);
}

/// An answer that is one object.
json::object parse_object(const std::string& text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  return !error && value.is_object() ? value.as_object() : json::object{{"error", "no answer"}};
}

/// Prints each message of a list as its line comes in, so that a long list needs no memory.
class ListPrinter {
 public:
  void take(std::string_view octets) {
    text_ += octets;
    std::size_t start = 0;
    std::string out;
    for (std::size_t end = 0; (end = text_.find('\n', start)) != text_.npos; start = end + 1) {
      std::string_view line = std::string_view(text_).substr(start, end - start);
      if (line.ends_with(',')) line.remove_suffix(1);
      if (!line.starts_with('{')) continue;
      if (count_++ == 0) out += queue_heading();
      out += queue_text(parse_object(std::string(line)));
    }
    text_.erase(0, start);
    printed_ = print(out) && printed_;
  }
  /// False: not all could be printed.
  [[nodiscard]] bool finish() const {
    const bool ended =
        print(count_ == 0 ? "the queue is empty\n"
                          : fmt::format("{} message{}\n", count_, count_ == 1 ? "" : "s"));
    return ended && printed_;
  }

 private:
  std::string text_;
  bool printed_ = true;
  std::size_t count_ = 0;
};

json::object request_of(const QueueActionOptions& options) {
  json::object out{{"command", options.action}};
  if (options.id) out["id"] = *options.id;
  if (options.to) out["to"] = *options.to;
  if (options.from) out["from"] = *options.from;
  out["all"] = options.all;
  out["dry_run"] = options.dry_run;
  out["list"] = options.json;
  if (!options.via.empty()) out["via"] = options.via;
  return out;
}

/// What is wrong with the words of the command; empty: nothing.
std::string mistake_of(const QueueActionOptions& options, const json::object& request) {
  if (const auto filter = server::QueueFilter::parse(request); !filter) return filter.error();
  if (options.action != "reroute") return {};
  const auto target = route::parse_via(options.via);
  return target ? std::string() : "--via: " + target.error().message;
}

/// "2 messages held", "1 message would be due now".
std::string outcome_text(const QueueActionOptions& options, std::uint64_t messages) {
  const std::string_view done = options.action == "retry"     ? "due now"
                                : options.action == "hold"    ? "held"
                                : options.action == "release" ? "released"
                                : options.action == "bounce"  ? "bounced"
                                : options.action == "drop"    ? "dropped"
                                                              : "rerouted";
  return fmt::format("{} message{} {}{}\n", messages, messages == 1 ? "" : "s",
                     options.dry_run ? "would be " : "", done);
}

void print_touched(const json::object& answer) {
  std::string out;
  for (const json::value& value : answer.at("recipients").as_array()) {
    const json::object& recipient = value.as_object();
    out += fmt::format("{}  {}\n", std::string_view(recipient.at("id").as_string()),
                       base::escaped(std::string_view(recipient.at("to").as_string())));
  }
  print(out);
}

}  // namespace

int run(const QueueListOptions& options) {
  const auto source = open(options.config);
  if (!source) return source.error();
  bool printed = true;
  ListPrinter printer;
  const auto listed = (*source)->list([&](std::string_view octets) {
    if (options.json) {
      printed = print(octets) && printed;
    } else {
      printer.take(octets);
    }
  });
  if (!listed) return fail(listed.error());
  if (!options.json) printed = printer.finish();
  return printed ? exit_done : exit_failed;
}

int run(const QueueShowOptions& options) {
  const auto id = base::parse_message_id(options.id);
  if (!id) return no_such_message(options.id);
  const auto source = open(options.config);
  if (!source) return source.error();
  std::string text;
  const auto shown = (*source)->show(*id, [&](std::string_view octets) { text += octets; });
  if (!shown) return fail(shown.error());
  const json::object message = parse_object(text);
  if (message.contains("error")) return no_such_message(options.id);
  return print(options.json ? text : describe_message(message)) ? exit_done : exit_failed;
}

int run(const QueueBodyOptions& options) {
  const auto id = base::parse_message_id(options.id);
  if (!id) return no_such_message(options.id);
  const auto source = open(options.config);
  if (!source) return source.error();
  bool any = false;
  bool printed = true;
  const auto got = (*source)->body(*id, [&](std::string_view octets) {
    any = true;
    printed = print(octets) && printed;
  });
  if (!got) return fail(got.error());
  if (!any) return no_such_message(options.id);
  return printed ? exit_done : exit_failed;
}

int run(const QueueActionOptions& options) {
  if (options.id && !base::parse_message_id(*options.id)) return no_such_message(*options.id);
  const json::object request = request_of(options);
  if (const std::string mistake = mistake_of(options, request); !mistake.empty()) {
    fail(mistake);
    return exit_usage;
  }
  const auto source = open(options.config);
  if (!source) return source.error();
  std::string text;
  const auto done =
      (*source)->act(json::serialize(request), [&](std::string_view octets) { text += octets; });
  if (!done) return fail(done.error());
  const json::object answer = parse_object(text);
  if (const json::value* error = answer.if_contains("error")) {
    const std::string_view what = error->as_string();
    return options.id && what == "no such id" ? no_such_message(*options.id) : fail(what);
  }
  if (options.quiet) return exit_done;
  if (options.json) return print(text) ? exit_done : exit_failed;
  print_touched(answer);
  const std::uint64_t messages = answer.at("matched").to_number<std::uint64_t>();
  return print(outcome_text(options, messages)) ? exit_done : exit_failed;
}

}  // namespace cli
