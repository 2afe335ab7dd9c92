#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "delivery/smtp_client.h"
#include "server/site_testing.h"
#include "sim/world.h"

// The last leg on a simulated machine: mbox files, programs and Maildirs side by side, with power
// cuts and kills. The client knows what was acknowledged; the files and the calls of the programs
// show what arrived.
namespace server {
namespace {

using namespace std::chrono_literals;
using Ending = sim::SimPrograms::Ending;
using Call = sim::SimPrograms::Call;

constexpr const char* config = R"(
hostname = "mx.z.test"
data_dir = "/data"
[[listener]]
address = "192.0.2.3:25"
role = "mx"
[[domain]]
name = "dir.test"
deliver = "maildir:/mail/{domain}/{local}"
recipients = "any"
[[domain]]
name = "box.test"
deliver = "mbox:/mail/{domain}/{local}"
recipients = "any"
[[domain]]
name = "pipe.test"
deliver = "pipe:store --to={local} {domain} {sender} {recipient}"
recipients = "any"
[[domain]]
name = "slow.test"
deliver = "pipe:slow"
recipients = "any"
[queue]
retry = ["5s", "20s", "1m"]
warn_after = ""
[admin]
address = ""
)";

struct Mail {
  std::string from = "<s@client.test>";
  std::vector<std::string> to;
  std::string content = "Subject: x\r\n\r\nbody\r\n";
};

class OneContent final : public delivery::ContentSource {
 public:
  explicit OneContent(const std::string& content) : piece_(content) {}
  base::Io<std::span<const std::string_view>> next() override {
    if (std::exchange(ended_, true)) return std::span<const std::string_view>();
    return std::span<const std::string_view>(&piece_, 1);
  }
  [[nodiscard]] bool at_end() const override { return ended_; }
  base::Task<base::Io<>> before_final_dot() override { co_return base::Io<>{}; }

 private:
  std::string_view piece_;
  bool ended_ = false;
};

/// Submits one mail after the other until each has its 250.
class Submitter {
 public:
  explicit Submitter(sim::World& world)
      : machine_(world.make_machine("client.test", {"192.0.2.9"})),
        loop_(machine_.make_loop("main")),
        timers_(loop_) {}

  void start(std::vector<Mail> mails) {
    mails_.insert(mails_.end(), mails.begin(), mails.end());
    loop_.enter([this] { group_.spawn(submit_all()); });
  }
  [[nodiscard]] bool is_done() const { return group_.size() == 0; }
  void finish(sim::World& world) {
    loop_.enter([this] {
      group_.cancel();
      timers_.stop();
    });
    EXPECT_EQ(world.run_while([this] { return !is_done() || !timers_.idle(); }, 1h),
              sim::Ran::done);
  }

 private:
  base::Task<> submit_all() {
    while (!mails_.empty()) {
      delivery::SmtpClientOptions options;
      options.session.helo = "client.test";
      auto client = co_await delivery::SmtpClient::open(
          machine_.net(loop_), timers_, {"z", *base::Endpoint::parse("192.0.2.3:25")},
          std::move(options));
      while (client && (*client)->usable() && !mails_.empty()) {
        const Mail mail = mails_.front();
        OneContent source(mail.content);
        smtp::Transaction transaction{
            .reverse_path = mail.from, .forward_paths = mail.to, .size = mail.content.size()};
        const auto results = co_await (*client)->send(std::move(transaction), source);
        if (results[0].verdict == smtp::Verdict::accepted) mails_.erase(mails_.begin());
      }
      if (client) co_await (*client)->quit();
      if (mails_.empty()) co_return;
      const auto slept = co_await base::operation<base::Io<>>(
          [this](auto& done) { return loop_.sleep_until(loop_.now() + 1s, done); });
      if (!slept) co_return;
    }
  }

  sim::Machine& machine_;
  sim::SimLoop& loop_;
  engine::Timers timers_;
  std::vector<Mail> mails_;
  base::Group group_;
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t times = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++times;
  return times;
}

class LastLeg {
 public:
  explicit LastLeg(std::uint64_t seed)
      : world_(seed), z_(world_, "mx.z.test", "192.0.2.3", config) {
    world_.set_steps_max(100'000'000);
    client_.emplace(world_);
    z_.boot();
  }
  ~LastLeg() {
    client_->finish(world_);
    if (z_.is_stopped()) z_.reboot();
    z_.shut_down();
  }

  void start(std::vector<Mail> mails) { client_->start(std::move(mails)); }
  /// Until everything is delivered or reported.
  void drain(base::Duration limit = 24h) {
    EXPECT_EQ(world_.run_while([this] { return !drained(); }, limit), sim::Ran::done);
  }
  void deliver(std::vector<Mail> mails) {
    start(std::move(mails));
    drain();
  }
  [[nodiscard]] bool drained() const {
    return client_->is_done() && (z_.is_stopped() || z_.queued() == 0);
  }
  /// With stops of the machine while mails are submitted.
  void drain_with_stops(sim::Stop how) {
    while (!drained() || z_.is_stopped()) {
      if (z_.is_stopped()) {
        z_.reboot();
        EXPECT_EQ(z_.error(), "");
      }
      if (!client_->is_done()) z_.machine().stop_within(5s, how);
      const auto ran = world_.run_while([this] { return !z_.is_stopped() && !drained(); }, 240h);
      ASSERT_EQ(ran, sim::Ran::done);
      z_.machine().stop_not();
    }
  }

  [[nodiscard]] sim::SimPrograms& programs() { return z_.machine().programs(); }
  [[nodiscard]] sim::SimDisk& disk() { return z_.machine().disk(); }
  [[nodiscard]] const std::string& log() const { return z_.log(); }
  [[nodiscard]] std::string file(const std::string& path) {
    return disk().contents(path).value_or("(none)");
  }
  [[nodiscard]] std::size_t files_in(const std::string& folder) {
    const auto tree = disk().tree();
    return static_cast<std::size_t>(std::ranges::count_if(tree, [&](const std::string& path) {
      return path.starts_with(folder) && !path.ends_with('/');
    }));
  }
  void wait(base::Duration duration) { (void)world_.run_for(duration); }

 private:
  sim::World world_;
  Site z_;
  std::optional<Submitter> client_;
};

Ending done(const Call& /*call*/) { return {}; }

TEST(LastLeg, a_program_gets_the_message_its_arguments_and_its_environment) {
  LastLeg leg(1);
  leg.programs().install("store", done);
  leg.deliver(
      {{.from = "<\"-s x\"@client.test>",
        .to = {"<Ann+x@Pipe.test>"},
        .content =
            "Return-Path: <old@x>\r\nA: 1\r\nReturn-Path: <older@x>\r\n\r\nFrom b\r\n.\r\n"}});
  ASSERT_EQ(leg.programs().calls().size(), 1u);
  const Call& call = leg.programs().calls()[0];
  EXPECT_EQ(call.arguments, (std::vector<std::string>{"store", "--to=ann", "pipe.test",
                                                      "\"-s x\"@client.test", "Ann+x@Pipe.test"}));
  EXPECT_EQ(call.environment[0], "SENDER=\"-s x\"@client.test");
  EXPECT_TRUE(
      call.input.starts_with("Return-Path: <\"-s x\"@client.test>\n"
                             "Delivered-To: ann@pipe.test\nReceived: "))
      << call.input;
  EXPECT_TRUE(call.input.ends_with("\nA: 1\n\nFrom b\n.\n")) << call.input;
  EXPECT_EQ(count(call.input, "\r"), 0u);
  EXPECT_EQ(count(call.input, "Return-Path"), 1u);
}

TEST(LastLeg, a_large_message_reaches_a_program_whole) {
  LastLeg leg(2);
  leg.programs().install("store", done);
  std::string header, body, want;
  for (int i = 0; i < 10'000; ++i) {
    header += "X-" + std::to_string(i) + ": " + std::string(20, 'h') + "\r\n";
    body += std::to_string(i) + std::string(40, 'b') + "\r\n";
    want += std::to_string(i) + std::string(40, 'b') + "\n";
  }
  leg.deliver({{.to = {"<a@pipe.test>"}, .content = header + "Return-Path: <x>\r\n\r\n" + body}});
  ASSERT_EQ(leg.programs().calls().size(), 1u);
  const std::string& input = leg.programs().calls()[0].input;
  EXPECT_TRUE(input.ends_with("hhh\n\n" + want));
  EXPECT_EQ(count(input, "\nX-"), 10'000u);
}

TEST(LastLeg, what_a_program_ends_with_decides) {
  LastLeg leg(3);
  std::map<std::string, int> tries;
  leg.programs().install("store", [&tries](const Call& call) -> Ending {
    using How = sys::ProgramEnd::How;
    const std::string& to = call.arguments[1];
    const int again = tries[to]++;
    if (to == "--to=no") return {{How::exited, 67, "nobody of\nthat \x1b name\n"}};
    if (to == "--to=later" && again < 2) return {{How::exited, 75, "not now"}};
    if (to == "--to=crash" && again < 1) return {{How::killed, 11, ""}};
    if (to == "--to=hang" && again < 1) return {{How::exited, 0, ""}, 10min};
    return {};
  });
  leg.deliver({{.from = "<s@box.test>",
                .to = {"<yes@pipe.test>", "<no@pipe.test>", "<later@pipe.test>",
                       "<crash@pipe.test>", "<hang@pipe.test>"}}});
  EXPECT_EQ(tries["--to=no"], 1);
  EXPECT_EQ(tries["--to=later"], 3);
  EXPECT_EQ(tries["--to=crash"], 2);
  EXPECT_EQ(tries["--to=hang"], 2);
  EXPECT_EQ(tries["--to=yes"], 1) << "each recipient has an outcome of its own";
  EXPECT_EQ(count(leg.log(), R"("event":"bounced")"), 1u);
  EXPECT_EQ(count(leg.log(), "550 5.1.1 nobody of that \\\\x1b name"), 1u) << leg.log();
  EXPECT_EQ(count(leg.log(), R"("event":"deferred")"), 4u) << leg.log();
  // The originator is here, too.
  EXPECT_EQ(count(leg.file("/mail/box.test/s"), "The reason: 550 5.1.1 nobody of"), 1u)
      << leg.file("/mail/box.test/s");
}

TEST(LastLeg, a_program_that_is_missing_is_waited_for) {
  LastLeg leg(4);
  leg.start({{.to = {"<a@pipe.test>"}}});
  leg.wait(10s);
  EXPECT_EQ(count(leg.log(), "store: not found"), 2u) << leg.log();
  leg.programs().install("store", done);
  leg.drain();
  EXPECT_EQ(leg.programs().calls().size(), 1u);
}

TEST(LastLeg, a_slow_program_holds_up_nobody) {
  LastLeg leg(5);
  leg.programs().install("store", done);
  leg.programs().install("slow", [](const Call&) -> Ending { return {{}, 4min}; });
  std::vector<Mail> mails(40, {.to = {"<a@slow.test>"}});
  for (int i = 0; i < 20; ++i) {
    mails.push_back({.to = {"<a@pipe.test>", "<a@dir.test>", "<a@box.test>"}});
  }
  leg.start(std::move(mails));
  leg.wait(30s);
  EXPECT_EQ(leg.programs().calls().size(), 20u);
  EXPECT_EQ(leg.files_in("/mail/dir.test/a/new/"), 20u);
  EXPECT_EQ(count(leg.file("/mail/box.test/a"), "Subject: x"), 20u);
  EXPECT_EQ(leg.programs().running(), 16u);
  leg.drain();
  EXPECT_EQ(leg.programs().calls().size(), 60u);
}

TEST(LastLeg, mbox_files_are_as_readers_want_them) {
  LastLeg leg(6);
  leg.deliver({{.from = "<>",
                .to = {"<\"a/../b\"@box.test>", "<Ann+x@BOX.test>"},
                .content = "A: 1\r\n\r\nFrom b\r\n>From c\r\n"},
               {.to = {"<ann@box.test>"}}});
  const std::string ann = leg.file("/mail/box.test/ann");
  EXPECT_TRUE(ann.starts_with("From MAILER-DAEMON Tue Jan  1 00:00:")) << ann;
  EXPECT_EQ(count(ann, "\nReturn-Path: <>\nDelivered-To: ann@box.test\nReceived: "), 1u) << ann;
  EXPECT_EQ(count(ann, "\nA: 1\n\n>From b\n>>From c\n\nFrom s@client.test "), 1u) << ann;
  EXPECT_TRUE(ann.ends_with("\nbody\n\n")) << ann;
  EXPECT_TRUE(leg.file("/mail/box.test/a%2F..%2Fb").starts_with("From MAILER-DAEMON "));
}

std::vector<Mail> mails_with_tokens(const char* to, int how_many) {
  std::vector<Mail> mails;
  for (int i = 0; i < how_many; ++i) {
    mails.push_back({.to = {to},
                     .content = "Subject: token-" + std::to_string(i) + ".\r\n\r\n" +
                                std::string(static_cast<std::size_t>(i * 977 % 5'000), 'x') +
                                "\r\nend-" + std::to_string(i) + ".\r\n"});
  }
  return mails;
}

TEST(LastLeg, mbox_loses_and_halves_nothing_through_power_cuts) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    LastLeg leg(seed);
    leg.start(mails_with_tokens("<u@box.test>", 30));
    leg.drain_with_stops(seed % 2 == 0 ? sim::Stop::power_cut : sim::Stop::kill);
    leg.disk().power_cut();
    const std::string all = leg.file("/mail/box.test/u");
    for (int i = 0; i < 30; ++i) {
      const std::string body = std::string(static_cast<std::size_t>(i * 977 % 5'000), 'x');
      const std::string whole = "Subject: token-" + std::to_string(i) + ".\n\n" + body + "\nend-" +
                                std::to_string(i) + ".\n\n";
      EXPECT_GE(count(all, whole), 1u) << i << " seed " << seed;
    }
  }
}

TEST(LastLeg, a_program_misses_nothing_and_what_it_gets_twice_was_unknown) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const bool kill = seed % 2 == 1;
    LastLeg leg(seed);
    leg.programs().install("store", [](const Call&) -> Ending { return {{}, 300ms}; });
    leg.start(mails_with_tokens("<u@pipe.test>", 30));
    leg.drain_with_stops(kill ? sim::Stop::kill : sim::Stop::power_cut);
    // Another submission of one content is another message: calls are told apart by ids.
    std::map<std::string, std::set<std::string>> messages;
    std::map<std::string, int> times;
    for (const Call& call : leg.programs().calls()) {
      const std::size_t at = call.input.find("token-");
      ASSERT_NE(at, call.input.npos);
      messages[call.input.substr(at, call.input.find('.', at) - at)].insert(call.environment[5]);
      ++times[call.environment[5]];
    }
    EXPECT_EQ(messages.size(), 30u) << seed;
    std::size_t doubled = 0;
    for (const auto& [id, calls] : times) doubled += static_cast<std::size_t>(calls - 1);
    if (kill) EXPECT_LE(doubled, count(leg.log(), R"("event":"unknown")")) << seed;
  }
}

}  // namespace
}  // namespace server
