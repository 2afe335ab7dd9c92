#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <utility>

#include "admin/json_text.h"
#include "base/escape.h"
#include "cli/demo_stage.h"
#include "cli/demo_text.h"
#include "cli/files.h"
#include "cli/message_source.h"
#include "cli/options.h"
#include "cli/output.h"
#include "engine/signal.h"

namespace cli {
namespace {

namespace json = boost::json;
using admin::text_of;

/// For all of it.
constexpr std::chrono::seconds time_max{25};
/// For one answer of a server to the client.
constexpr std::chrono::seconds answer_time_max{10};
constexpr std::size_t message_octets_max = 1024 * 1024;

constexpr std::initializer_list<int> ends_it = {SIGINT, SIGTERM, SIGHUP};

constexpr std::string_view client_submits = "the client submits to a.test";

constexpr std::string_view content =
    "From: Alice <alice@a.test>\r\n"
    "To: Bob <bob@z.test>\r\n"
    "Subject: Post, haste, haste\r\n"
    "\r\n"
    "This letter must not wait.\r\n";

/// The time for all of it is over.
class Limit final : public engine::Deadline {
 public:
  Limit(engine::Timers& timers, std::function<void()> end)
      : Deadline(timers), end_(std::move(end)) {}

 private:
  void expired() noexcept override { end_(); }
  std::function<void()> end_;
};

/// One performance: one message after the other, each watched in the servers' event logs.
class Demo {
 public:
  Demo(const DemoOptions& options, const DemoDns& dns, const DemoAddresses& addresses,
       const std::string& folder);

  /// Nullopt: not both arrived, and why has been said.
  std::optional<DemoTale> run();

 private:
  base::Task<> perform();
  base::Task<> act();
  base::Task<bool> travel(DemoJourney& journey, std::size_t servers);
  base::Task<bool> submit(const std::string& forward_path);
  base::Task<> watch_signals();
  [[nodiscard]] delivery::SmtpClientOptions client_options() const;
  void count_traffic(DemoJourney& journey);
  bool take_message(DemoJourney& journey, std::size_t number);

  void take_log(std::size_t index, std::string_view lines);
  void take_event(std::size_t index, const json::object& event);
  void fail(std::string_view step, std::string_view why);
  /// Who is to act next in the journey that is on its way.
  [[nodiscard]] std::string next_step() const;

  std::string folder_;
  sys::real::RealWorld world_;
  sys::real::Signals signals_;
  engine::Timers timers_;
  engine::Signal progress_;  ///< Something happened that may end the waiting.
  Limit limit_;
  DemoStage stage_;
  DemoTale tale_;
  DemoJourney* journey_ = nullptr;  ///< The one that is on its way.
  base::Group watching_;
  bool failed_ = false;
};

std::string source_route() {
  std::string out = "<";
  for (std::size_t i = 0; i + 1 < demo_servers; ++i) {
    out += fmt::format("{}@{}", i == 0 ? "" : ",", demo_domains[i]);
  }
  return fmt::format("{}:{}>", out, demo_recipient);
}

Demo::Demo(const DemoOptions& options, const DemoDns& dns, const DemoAddresses& addresses,
           const std::string& folder)
    : folder_(folder),
      world_({.servers = {dns.address()}}),
      signals_(world_.loop, ends_it),
      timers_(world_.loop),
      progress_(world_.loop),
      limit_(
          timers_,
          [this] { fail(next_step(), fmt::format("no end of it within {} s", time_max.count())); }),
      stage_(world_, {.folder = folder, .dns = dns.address(), .addresses = addresses},
             options.without_z,
             [this](std::size_t index, std::string_view lines) { take_log(index, lines); }) {
  tale_.routed = {.title = "By source route, as in 1982", .forward_path = source_route()};
  tale_.direct = {.title = "Directly, by the MX of z.test",
                  .forward_path = fmt::format("<{}>", demo_recipient)};
}

std::string Demo::next_step() const {
  if (journey_ == nullptr || journey_->visits.empty()) return std::string(client_submits);
  const std::string& server = journey_->visits.back().server;
  const bool is_last = server == demo_domains.back();
  return server + (is_last ? " delivers into the mailbox" : " delivers to the next server");
}

void Demo::fail(std::string_view step, std::string_view why) {
  if (std::exchange(failed_, true)) return;
  complain(fmt::format("posthaste: demo: failed at this step: {}: {}", step, base::escaped(why)));
  progress_.notify();
}

std::optional<DemoTale> Demo::run() {
  const base::Instant begin = timers_.now();
  base::Group group;
  group.spawn(perform());
  world_.loop.run();
  tale_.elapsed = world_.loop.now() - begin;
  return failed_ ? std::nullopt : std::optional(std::move(tale_));
}

base::Task<> Demo::perform() {
  limit_.set(timers_.now() + time_max);
  watching_.spawn(watch_signals());
  co_await act();
  co_await stage_.stop();
  if (!failed_) {
    count_traffic(tale_.routed);
    count_traffic(tale_.direct);
  }
  watching_.cancel();
  co_await watching_.join();
  timers_.stop();
  while (!timers_.idle()) co_await sys::Yield(world_.loop);
  world_.loop.stop();
}

base::Task<> Demo::watch_signals() {
  if (co_await sys::real::wait(signals_)) fail("everything", "interrupted");
}

base::Task<> Demo::act() {
  const auto started = co_await stage_.start();
  if (!started) {
    fail("the servers start", started.error());
    co_return;
  }
  if (!failed_ && co_await travel(tale_.routed, demo_servers)) {
    (void)co_await travel(tale_.direct, 2);
  }
}

base::Task<bool> Demo::travel(DemoJourney& journey, std::size_t servers) {
  DemoTraffic::Link& link =
      stage_.traffic().between(stage_.addresses().client, stage_.addresses().servers.front());
  const DemoTraffic::Link before = link;
  journey_ = &journey;
  journey.begin = world_.clock->wall();
  if (!co_await submit(journey.forward_path)) co_return false;
  while (!failed_ && !journey.is_over(servers)) (void)co_await progress_.wait();
  journey_ = nullptr;
  journey.connections = link.connections - before.connections;
  journey.octets = link.octets - before.octets;
  co_return !failed_ && take_message(journey, &journey == &tale_.routed ? 0 : 1);
}

delivery::SmtpClientOptions Demo::client_options() const {
  delivery::SmtpClientOptions options{.verify = true};
  options.source = stage_.addresses().client;
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
  options.login.credentials =
      std::make_shared<const sasl::ClientCredentials>(sasl::ClientCredentials{
          .user = std::string(demo_originator), .secret = crypto::Secret(demo_password)});
  options.login.nonce = delivery::make_nonce(*world_.random);
  return options;
}

base::Task<bool> Demo::submit(const std::string& forward_path) {
  delivery::SmtpClientOptions options = client_options();
  auto trusted = world_.tls->client_context(stage_.certificate());
  if (!trusted) {
    fail(client_submits, trusted.error());
    co_return false;
  }
  options.tls = *trusted;
  auto client = co_await delivery::SmtpClient::open(
      stage_.net(), timers_, {"a.test", stage_.submission()}, std::move(options));
  if (!client) {
    fail(client_submits, client.error().text);
    co_return false;
  }
  smtp::Transaction transaction{.reverse_path = fmt::format("<{}>", demo_originator),
                                .forward_paths = {forward_path},
                                .size = content.size()};
  MessageSource source(content);
  const auto results = co_await (*client)->send(std::move(transaction), source);
  const smtp::RecipientResult& result = results.at(0);
  const bool accepted = result.verdict == smtp::Verdict::accepted;
  if (!accepted) {
    fail(client_submits,
         result.reply ? smtp::one_line(*result.reply) : (*client)->closed_because());
  }
  co_await (*client)->quit();
  co_return accepted;
}

/// Of the connections between the servers that it has visited.
void Demo::count_traffic(DemoJourney& journey) {
  const auto index_of = [](const std::string& server) {
    return static_cast<std::size_t>(std::ranges::find(demo_domains, server) - demo_domains.begin());
  };
  const DemoAddresses& addresses = stage_.addresses();
  for (std::size_t i = 1; i < journey.visits.size(); ++i) {
    const DemoTraffic::Link& link =
        stage_.traffic().between(addresses.servers[index_of(journey.visits[i - 1].server)],
                                 addresses.servers[index_of(journey.visits[i].server)]);
    journey.connections += link.connections;
    journey.octets += link.octets;
  }
}

bool Demo::take_message(DemoJourney& journey, std::size_t number) {
  const std::vector<std::string> paths = find_demo_messages(folder_);
  const auto message = number < paths.size() ? read_file(paths[number], message_octets_max)
                                             : std::unexpected("the message is not in the mailbox");
  if (!message || !message->contains("This letter must not wait.")) {
    fail("z.test delivers into the mailbox",
         message ? "the message is not what was sent" : message.error());
    return false;
  }
  journey.take_message(*message);
  return true;
}

void Demo::take_log(std::size_t index, std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    boost::system::error_code error;
    const json::value event = json::parse(lines.substr(0, end), error);
    if (!error && event.is_object()) take_event(index, event.as_object());
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

void Demo::take_event(std::size_t index, const json::object& event) {
  const std::string_view what = text_of(event, "event");
  if (what == "deferred" || what == "bounced" || what == "unknown" || what == "expired") {
    const std::string_view host = text_of(event, "host");
    const std::string place =
        host.empty() ? "" : fmt::format("{} [{}]: ", host, text_of(event, "address"));
    fail(next_step(), fmt::format("{}{}", place, text_of(event, "reply")));
  } else if (journey_ != nullptr) {
    journey_->take(demo_domains[index], event);
  }
  progress_.notify();
}

/// Ends in order when it is interrupted: until somebody listens to them signals wait.
class BlockedSignals {
 public:
  BlockedSignals() {
    ::sigemptyset(&signals_);
    for (const int number : ends_it) ::sigaddset(&signals_, number);
    block(SIG_BLOCK);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  void block(int how) const { ::pthread_sigmask(how, &signals_, nullptr); }

 private:
  sigset_t signals_;
};

int failed_to(std::string_view step, std::string_view why) {
  complain(fmt::format("posthaste: demo: failed at this step: {}: {}", step, why));
  return exit_failed;
}

}  // namespace

int run(const DemoOptions& options) {
  ::umask(077);
  ::signal(SIGPIPE, SIG_IGN);
  const BlockedSignals blocked;
  const DemoFolder folder;
  if (folder.path().empty()) {
    return failed_to("a folder is made", "it cannot be made in the folder for temporary files");
  }
  const auto addresses = find_demo_addresses(sys::real::make_random()->next());
  if (!addresses) return failed_to("addresses are found", "none of 127.0.0.0/8 can be listened at");
  const auto dns = DemoDns::start(demo_zone(*addresses));
  if (!dns) return failed_to("the DNS starts", dns.error());
  std::optional<DemoTale> tale;
  {
    Demo demo(options, **dns, *addresses, folder.path());
    blocked.block(SIG_UNBLOCK);
    tale = demo.run();
    blocked.block(SIG_BLOCK);
  }
  if (!tale) return exit_failed;
  return print(options.json ? demo_json(*tale) : demo_text(*tale)) ? exit_done : exit_failed;
}

}  // namespace cli
