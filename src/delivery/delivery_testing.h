#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/group.h"
#include "delivery/delivery.h"
#include "directory/snapshot.h"
#include "engine/channel.h"
#include "engine/run_on.h"
#include "grammar/notify.h"
#include "sim/world.h"

// A queue with its deliveries on a simulated machine, life after life, and hosts that answer it as
// a test wants.
namespace delivery {

/// A host with an SMTP server that knows no extension but those that it is told to offer.
class FakeHost {
 public:
  FakeHost(sim::World& world, const std::string& name, const std::string& address)
      : world_(world),
        machine_(world.make_machine(name, {address})),
        loop_(machine_.make_loop("main")),
        timers_(loop_),
        endpoint_(*base::Endpoint::parse(address + ":25")) {
    EXPECT_TRUE(world.zone().add_text(name, "A", address));
  }
  ~FakeHost() {
    close();
    loop_.enter([this] { timers_.stop(); });
    EXPECT_EQ(world_.run_while([this] { return !timers_.idle(); }, std::chrono::hours(1)),
              sim::Ran::done);
  }

  /// From now on it takes connections.
  void open() {
    loop_.enter([this] { group_.spawn(accept_all()); });
  }
  /// From now on it refuses them.
  void close() {
    loop_.enter([this] { group_.cancel(); });
    EXPECT_EQ(world_.run_while([this] { return group_.size() > 0; }, std::chrono::hours(1)),
              sim::Ran::done);
  }

  [[nodiscard]] sim::Machine& machine() { return machine_; }

  std::string ehlo = "250 fake\r\n";
  /// What it says to a command, or to "." for the content; empty: 250, or 354 for DATA.
  std::function<std::string(const std::string& line)> reply;
  base::Duration dot_delay{};  ///< Before the reply to a content.
  int connections = 0;
  std::vector<std::string> commands;
  std::vector<std::string> contents;  ///< Of messages that it took.

 private:
  using Accepted = base::Io<std::unique_ptr<sys::Connection>>;

  base::Task<> accept_all() {
    auto listener = machine_.net(loop_).listen(endpoint_);
    EXPECT_TRUE(listener.has_value());
    if (!listener) co_return;
    base::Group serving;
    for (;;) {
      Accepted accepted = co_await base::operation<Accepted>(
          [&](base::Completion<Accepted>& done) { return (*listener)->accept(done); });
      if (!accepted) break;
      serving.spawn(serve(std::move(*accepted)));
    }
    listener->reset();
    serving.cancel();
    co_await serving.join();
  }

  base::Task<> serve(std::unique_ptr<sys::Connection> connection) {
    ++connections;
    engine::Channel channel(std::move(connection), timers_);
    std::string input, output = "220 fake\r\n", content;
    bool in_content = false;
    for (;;) {
      if (!output.empty() && !co_await channel.write(output, patience())) break;
      output.clear();
      std::size_t end = input.find("\r\n");
      if (end == input.npos) {
        const auto octets = co_await channel.read(patience());
        if (!octets) break;
        input += *octets;
        continue;
      }
      const std::string line = input.substr(0, end);
      input.erase(0, end + 2);
      if (in_content && line != ".") {
        content += line + "\r\n";
        continue;
      }
      if (in_content) {
        const auto slept = co_await base::operation<base::Io<>>([&](sys::Completion<>& done) {
          return loop_.sleep_until(loop_.now() + dot_delay, done);
        });
        if (!slept) break;
      } else {
        commands.push_back(line);
      }
      output = answer(line);
      if (in_content && output.starts_with('2')) contents.push_back(content);
      in_content = output.starts_with('3');
      if (in_content) content.clear();
      if (line == "QUIT") break;
    }
  }

  [[nodiscard]] base::Instant patience() const { return loop_.now() + std::chrono::hours(1); }

  std::string answer(const std::string& line) {
    const std::string own = reply ? reply(line) : "";
    if (!own.empty()) return own + "\r\n";
    if (line.starts_with("EHLO")) return ehlo;
    if (line == "DATA") return "354 go on\r\n";
    return "250 2.0.0 ok\r\n";
  }

  sim::World& world_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  engine::Timers timers_;
  base::Endpoint endpoint_;
  base::Group group_;
};

/// A queue and its deliveries.
class Office {
 public:
  explicit Office(sim::World& world)
      : world_(world),
        machine_(world.make_machine("a.test", {"192.0.2.1"})),
        loop_(machine_.make_loop("main")),
        commit_loop_(machine_.make_loop("commit")),
        mailbox_loop_(machine_.make_loop("mailbox")) {
    settings.hostname = settings.helo = "a.test";
    settings.directory = std::make_shared<const directory::Snapshot>(directory::SnapshotParts{});
    settings.lookup.hostname = *grammar::Domain::parse("a.test");
    settings.queue = {.retry = {std::chrono::minutes(1), std::chrono::minutes(10)},
                      .expire = std::chrono::hours(24),
                      .connections = 5};
  }
  ~Office() { close(); }

  Settings settings;  ///< Those of the next open() or reload().

  /// Boots; `runs`: deliveries run, else the queue is open alone.
  void open(bool runs = true) {
    life_ = std::make_unique<Life>(*this);
    loop_.enter([this, runs] { group_.spawn(live(*life_, runs)); });
    EXPECT_EQ(world_.run_while([this] { return !life_->open; }, std::chrono::hours(1)),
              sim::Ran::done);
  }
  /// An orderly end.
  void close() {
    if (!life_) return;
    loop_.enter([this] {
      life_->stop.notify();
      life_->delivery.stop();
    });
    join();
  }
  /// The power fails; then it boots again.
  void crash(bool runs = true) {
    machine_.stop(sim::Stop::power_cut);
    loop_.enter([this] {
      life_->stop.notify();
      life_->delivery.abort();
    });
    join();
    machine_.restart();
    open(runs);
  }
  void reload() {
    loop_.enter([this] { delivery().reload(std::make_shared<const Settings>(settings)); });
  }

  /// Accepts a message.
  base::MessageId post(std::vector<spool::Recipient> recipients, spool::Envelope envelope = {},
                       std::vector<spool::Expanded> expanded = {}) {
    if (envelope.reverse_path.empty()) envelope.reverse_path = "<s@o.test>";
    envelope.recipients = std::move(recipients);
    envelope.received = machine_.clock().wall();
    base::MessageId id;
    wait_for([&] { return accept(*life_, envelope, expanded, id); });
    return id;
  }

  std::size_t act(QueueAction action, base::MessageId id, std::vector<std::uint32_t> recipients,
                  std::string via = {}) {
    std::size_t count = 0;
    wait_for([&] { return act_and_count(*life_, action, id, recipients, via, count); });
    return count;
  }

  /// Nothing: the message is gone.
  std::vector<spool::RecipientStatus> statuses(base::MessageId id) {
    auto loaded = life_->spool.load(id);
    return loaded ? std::move(loaded->statuses) : std::vector<spool::RecipientStatus>();
  }
  /// The states of all recipients in words; "gone" if there is no such message.
  std::string states(base::MessageId id) {
    std::string out;
    for (const spool::RecipientStatus& status : statuses(id)) {
      out += (out.empty() ? "" : " ") + std::string(to_string(status.state));
    }
    return out.empty() ? "gone" : out;
  }
  /// Lines of the log with this event.
  std::size_t events(std::string_view name) {
    life_->log.flush();
    const std::string text = "\"event\":\"" + std::string(name) + "\"";
    std::size_t count = 0;
    for (std::size_t at = log_.find(text); at != log_.npos; at = log_.find(text, at + 1)) ++count;
    return count;
  }
  [[nodiscard]] const std::string& log() const { return log_; }
  [[nodiscard]] std::size_t queued() const { return life_->spool.statistics().messages; }
  [[nodiscard]] Delivery& delivery() { return life_->delivery; }
  [[nodiscard]] sim::Machine& machine() { return machine_; }

  void run_for(base::Duration time) { (void)world_.run_for(time); }

 private:
  struct Life {
    explicit Life(Office& office)
        : timers(office.loop_),
          log(engine::Event::Format::json, office.machine_.clock(), office.loop_,
              [&office](std::string_view lines) { office.log_ += lines; }),
          resolver(office.machine_.resolver(), office.loop_),
          spool({office.loop_, office.machine_.disk(), office.commit_loop_, office.machine_.disk(),
                 office.machine_.clock(), office.machine_.random()},
                {.directory = "/spool"}),
          delivery({.loop = office.loop_,
                    .clock = office.machine_.clock(),
                    .random = office.machine_.random(),
                    .net = office.machine_.net(office.loop_),
                    .programs = office.machine_.programs(),
                    .mailbox_loop = office.mailbox_loop_,
                    .mailbox_disk = office.machine_.disk(),
                    .timers = timers,
                    .resolver = resolver,
                    .log = log,
                    .spool = spool,
                    .disk = office.machine_.disk(),
                    .workers = office.machine_.workers()},
                   office.settings.queue, std::make_shared<const Settings>(office.settings)),
          stop(office.loop_) {}
    engine::Timers timers;
    engine::EventLog log;
    engine::Resolver resolver;
    spool::Spool spool;
    Delivery delivery;
    engine::Signal stop;
    bool open = false;
    base::Group spooling;
    base::Group delivering;
  };

  static base::Task<base::Io<>> run_commits(Life& life) {
    co_await life.spool.run_commits();
    co_return base::Io<>{};
  }
  base::Task<> commit_elsewhere(Life& life) {
    (void)co_await engine::run_on(commit_loop_, loop_, run_commits(life));
  }
  base::Task<> live(Life& life, bool runs) {
    const auto opened = co_await life.spool.open(life.delivery);
    EXPECT_TRUE(opened.has_value());
    life.spooling.spawn(life.spool.run());
    life.spooling.spawn(commit_elsewhere(life));
    life.open = true;
    if (runs) life.delivering.spawn(life.delivery.run());
    (void)co_await life.stop.wait();
    co_await life.delivering.join();
    co_await life.spool.stop();
    co_await life.spooling.join();
    life.log.flush();
    life.timers.stop();
    while (!life.timers.idle() || life.log.pending()) co_await sys::Yield(loop_);
  }
  void join() {
    EXPECT_EQ(world_.run_while([this] { return group_.size() > 0; }, std::chrono::hours(1)),
              sim::Ran::done);
    life_.reset();
  }
  void wait_for(const std::function<base::Task<>()>& task) {
    base::Group group;
    loop_.enter([&] { group.spawn(task()); });
    EXPECT_EQ(world_.run_while([&] { return group.size() > 0; }, std::chrono::hours(1)),
              sim::Ran::done);
  }

  static base::Task<> accept(Life& life, spool::Envelope envelope,
                             std::vector<spool::Expanded> expanded, base::MessageId& id) {
    id = life.spool.new_id();
    spool::NewMessage message{id, std::move(envelope), "", life.spool.new_content()};
    EXPECT_TRUE(message.content.append_in_memory("Subject: hello\r\n\r\nThe body.\r\n"));
    const auto stored = co_await life.spool.accept(std::move(message));
    EXPECT_TRUE(stored.has_value());
    if (stored) life.delivery.accepted(*stored, expanded);
  }
  static base::Task<> act_and_count(Life& life, QueueAction action, base::MessageId id,
                                    std::vector<std::uint32_t> recipients, std::string via,
                                    std::size_t& count) {
    count = co_await life.delivery.act(action, id, std::move(recipients), std::move(via));
  }

  sim::World& world_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  sim::SimLoop& commit_loop_;
  sim::SimLoop& mailbox_loop_;
  std::string log_;
  std::unique_ptr<Life> life_;
  base::Group group_;
};

}  // namespace delivery
