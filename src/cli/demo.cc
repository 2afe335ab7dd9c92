#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <utility>

#include "base/escape.h"
#include "cli/demo_dns.h"
#include "cli/demo_story.h"
#include "cli/demo_world.h"
#include "cli/files.h"
#include "cli/message_source.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/server_host.h"
#include "engine/signal.h"

namespace cli {
namespace {

namespace json = boost::json;

/// For all of it.
constexpr std::chrono::seconds time_max{9};
/// For one answer of a server to the client.
constexpr std::chrono::seconds answer_time_max{5};

// Steps that may fail.
constexpr std::string_view client_submits = "the client submits the message to a.test";
constexpr std::string_view a_relays = "a.test delivers to the MX of z.test";
constexpr std::string_view z_delivers = "z.test delivers into the mailbox";

constexpr std::string_view content =
    "From: Alice <alice@a.test>\r\n"
    "To: Bob <bob@z.test>\r\n"
    "Subject: Post, haste, haste\r\n"
    "\r\n"
    "This letter must not wait.\r\n";

constexpr std::size_t message_octets_max = 1024 * 1024;

std::string text_of(const json::object& event, std::string_view key) {
  const json::value* value = event.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : "";
}

/// The time for all of it is over.
class Limit final : public engine::Deadline {
 public:
  Limit(engine::Timers& timers, std::function<void()> end)
      : Deadline(timers), end_(std::move(end)) {}

 private:
  void expired() noexcept override { end_(); }
  std::function<void()> end_;
};

/// One performance. Each step is told by who sees it: the DNS by its answers, the servers by their
/// event logs, the client by the replies that it gets.
class Demo {
 public:
  Demo(DemoStory& story, const DemoOptions& options, const DemoDns& dns, const std::string& folder);

  /// Whether the message arrived.
  bool run();

 private:
  base::Task<> perform();
  base::Task<> act();
  base::Task<bool> start(const char* name, ServerHost& host, std::string_view what);
  base::Task<bool> submit(const base::Endpoint& server);
  base::Task<> await_arrival();
  base::Task<> watch_signals();
  void show_message();

  void take_log(const char* name, std::string_view lines);
  void take_event(const std::string& name, const json::object& event);
  void take_delivery(const std::string& name, const json::object& event);
  void fail(std::string_view step, std::string_view why);

  DemoStory& story_;
  std::string folder_;
  sys::real::RealWorld world_;
  sys::real::Signals signals_;
  engine::Timers timers_;
  engine::Signal progress_;  ///< Something happened that may end the waiting.
  Limit limit_;
  DemoServer z_config_, a_config_;
  std::unique_ptr<ServerHost> z_, a_;
  bool without_z_;
  base::Endpoint dns_;
  base::Group servers_, watching_;
  bool relayed_ = false, delivered_ = false, failed_ = false;
};

Demo::Demo(DemoStory& story, const DemoOptions& options, const DemoDns& dns,
           const std::string& folder)
    : story_(story),
      folder_(folder),
      world_({.servers = {dns.address()}}),
      signals_(world_.loop, {SIGINT, SIGTERM}),
      timers_(world_.loop),
      progress_(world_.loop),
      limit_(timers_,
             [this] {
               fail(relayed_ ? z_delivers : a_relays,
                    fmt::format("no end of it within {} s", time_max.count()));
             }),
      without_z_(options.without_z),
      dns_(dns.address()) {}

void Demo::fail(std::string_view step, std::string_view why) {
  if (std::exchange(failed_, true)) return;
  complain(fmt::format("posthaste: demo: failed at this step: {}: {}", step, base::escaped(why)));
  progress_.notify();
}

bool Demo::run() {
  base::Group group;
  group.spawn(perform());
  world_.loop.run();
  return delivered_ && relayed_ && !failed_;
}

base::Task<> Demo::perform() {
  limit_.set(timers_.now() + time_max);
  watching_.spawn(watch_signals());
  co_await act();
  for (ServerHost* host : {a_.get(), z_.get()}) {
    if (host != nullptr) host->server().stop();
  }
  co_await servers_.join();
  watching_.cancel();
  co_await watching_.join();
  timers_.stop();
  while (!timers_.idle()) co_await sys::Yield(world_.loop);
  world_.loop.stop();
}

base::Task<> Demo::watch_signals() {
  if (co_await sys::real::wait(signals_)) fail("everything", "interrupted");
}

base::Task<bool> Demo::start(const char* name, ServerHost& host, std::string_view what) {
  const auto started = co_await host.server().start();
  servers_.spawn(host.server().run());
  if (started) {
    story_.tell(name, fmt::format("{} at {}", what, host.server().addresses().at(0).to_string()));
  } else {
    fail(fmt::format("starting {}", name), started.error());
  }
  co_return started.has_value();
}

base::Task<> Demo::act() {
  DemoServerOptions options{.folder = folder_, .dns = dns_};
  if (without_z_) {
    options.smtp_port = unused_port();
  } else {
    z_config_ = make_demo_z(options);
    z_ = std::make_unique<ServerHost>(
        world_, z_config_.config, [this](std::string_view lines) { take_log("z.test", lines); });
    if (!co_await start("z.test", *z_, "takes mail for its domain")) co_return;
    options.smtp_port = z_->server().addresses().at(0).port;
  }
  a_config_ = make_demo_a(options);
  a_ = std::make_unique<ServerHost>(world_, a_config_.config,
                                    [this](std::string_view lines) { take_log("a.test", lines); });
  if (!co_await start("a.test", *a_, "takes submissions")) co_return;
  if (!co_await submit(a_->server().addresses().at(0))) co_return;
  co_await await_arrival();
}

base::Task<bool> Demo::submit(const base::Endpoint& server) {
  delivery::SmtpClientOptions options{.verify = true};
  options.session.helo = "client.a.test";
  options.session.tls = smtp::TlsPolicy::required;
  options.session.timeouts = {.greeting = answer_time_max,
                              .command = answer_time_max,
                              .data = answer_time_max,
                              .content_block = answer_time_max,
                              .final_dot = answer_time_max,
                              .tls_handshake = answer_time_max,
                              .quit = answer_time_max};
  options.connect_timeout = answer_time_max;
  options.session.credentials = {std::string(demo_originator),
                                 base::Secret(std::string(demo_password))};
  auto trusted = world_.tls->client_context(a_config_.certificate);
  if (!trusted) {
    fail(client_submits, trusted.error());
    co_return false;
  }
  options.tls = *trusted;
  auto client = co_await delivery::SmtpClient::open(*world_.net, timers_, {"mx.a.test", server},
                                                    std::move(options));
  if (!client) {
    fail(client_submits, client.error().text);
    co_return false;
  }
  story_.tell("client", fmt::format("connected to a.test, {}", (*client)->tls_description()));
  story_.add(fmt::format("its certificate is right; logged in as {}", demo_originator));

  smtp::Transaction transaction{.reverse_path = fmt::format("<{}>", demo_originator),
                                .forward_paths = {fmt::format("<{}>", demo_recipient)},
                                .size = content.size()};
  MessageSource source(content);
  const auto results = co_await (*client)->send(std::move(transaction), source);
  const smtp::RecipientResult& result = results.at(0);
  const std::string reply =
      result.reply ? smtp::one_line(*result.reply) : (*client)->closed_because();
  const bool accepted = result.verdict == smtp::Verdict::accepted;
  if (accepted) {
    story_.tell("client", "got: " + reply);
  } else {
    fail(client_submits, reply);
  }
  co_await (*client)->quit();
  co_return accepted;
}

base::Task<> Demo::await_arrival() {
  while (!failed_ && !(relayed_ && delivered_)) (void)co_await progress_.wait();
  if (!failed_) show_message();
}

void Demo::take_log(const char* name, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    boost::system::error_code error;
    const json::value event = json::parse(lines.substr(0, end), error);
    if (!error && event.is_object()) take_event(name, event.as_object());
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

void Demo::take_event(const std::string& name, const json::object& event) {
  const std::string what = text_of(event, "event");
  if (what == "received") {
    const std::string auth = text_of(event, "auth");
    story_.tell(name, fmt::format("accepted the message as {}, {}", text_of(event, "id"),
                                  auth.empty() ? "for a recipient of its own" : "for " + auth));
    story_.add("it is on stable storage, and " + name + " is responsible for it");
  } else if (what == "delivered") {
    take_delivery(name, event);
  } else if (what == "deferred" || what == "bounced" || what == "unknown" || what == "expired") {
    const std::string host = text_of(event, "host");
    fail(name == "a.test" ? a_relays : z_delivers,
         fmt::format("{}{}", host.empty() ? "" : host + " [" + text_of(event, "address") + "]: ",
                     text_of(event, "reply")));
  }
}

void Demo::take_delivery(const std::string& name, const json::object& event) {
  if (name == "a.test") {
    relayed_ = true;
    const std::string tls = text_of(event, "tls");
    story_.tell(name, fmt::format("connected to {} [{}], {}", text_of(event, "host"),
                                  text_of(event, "address"), tls.empty() ? "without TLS" : tls));
    story_.add("got: " + text_of(event, "reply"));
  } else {
    delivered_ = true;
    story_.tell(name, fmt::format("delivered to {}", text_of(event, "to")));
    story_.add(find_demo_message(folder_));
  }
  progress_.notify();
}

void Demo::show_message() {
  const auto message = read_file(find_demo_message(folder_), message_octets_max);
  if (!message || !message->contains("This letter must not wait.")) {
    fail(z_delivers, message ? "the message is not what was sent" : message.error());
    return;
  }
  print("\nThe message as it arrived:\n\n");
  for (std::string_view rest = *message; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string line(rest.substr(0, end));
    std::ranges::replace(line, '\t', ' ');
    print(fmt::format("  | {}\n", base::escaped(line)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

/// "was asked for z.test MX, said 10 mx.z.test"
void tell_answer(DemoStory& story, const dns::Question& question, const dns::Message& response) {
  for (const dns::Record& record : response.answers) {
    std::string data;
    if (const auto* mx = std::get_if<dns::Mx>(&record.data)) {
      data = fmt::format("{} {}", mx->preference, mx->exchange.text());
    } else if (const auto* address = std::get_if<base::IpAddress>(&record.data)) {
      data = address->to_string();
    } else {
      continue;
    }
    story.tell("DNS", fmt::format("was asked for {} {}, said {}", question.name.text(),
                                  dns::to_string(record.type), data));
  }
}

}  // namespace

int run(const DemoOptions& options) {
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  const DemoFolder folder;
  if (folder.path().empty()) {
    complain("posthaste: demo: no folder can be made in the folder for temporary files");
    return exit_failed;
  }
  print(fmt::format("One message from {} to {}, by two servers on this machine.\n\n",
                    demo_originator, demo_recipient));
  DemoStory story;
  const auto dns = DemoDns::start(
      demo_zone(), [&story](const dns::Question& question, const dns::Message& response) {
        tell_answer(story, question, response);
      });
  if (!dns) {
    complain("posthaste: demo: failed at this step: the DNS starts: " + dns.error());
    return exit_failed;
  }
  story.tell("DNS", fmt::format("knows a.test and z.test, at {}", (*dns)->address().to_string()));
  if (!Demo(story, options, **dns, folder.path()).run()) return exit_failed;
  print(fmt::format("\nIt took {:.3f} s. Nothing is left behind.\n", story.elapsed().count()));
  return exit_done;
}

}  // namespace cli
