#include "delivery/recipient_probe.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "delivery/peer_testing.h"
#include "engine/resolver.h"

namespace delivery {
namespace {

using namespace peer_test;

const Step hello = {"", "220 z.test\r\n"};
const Step lhlo = {"LHLO a.test\r\n", "250-z.test\r\n250 PIPELINING\r\n"};
const Step bye = {"QUIT\r\n", "221 bye\r\n"};

Script answering(std::string rcpt) {
  return {{hello, lhlo, {"RCPT TO:<x@z.test>\r\n", "250 ok\r\n" + rcpt + "\r\n"}, bye}};
}

/// One server that asks another.
class RecipientProbeTest : public testing::Test {
 protected:
  RecipientProbeTest()
      : world_(1),
        a_(world_.make_machine("a.test", {"192.0.2.1"})),
        z_(world_.make_machine("z.test", {"192.0.2.2"})),
        loop_(a_.make_loop("a")),
        peer_loop_(z_.make_loop("z")),
        timers_(loop_),
        peer_timers_(peer_loop_),
        resolver_(a_.resolver(), loop_),
        probe_(a_.net(loop_), timers_, resolver_, a_.random(), [this] { return settings_; }) {
    auto settings = std::make_shared<Settings>();
    settings->helo = "a.test";
    settings_ = std::move(settings);
  }

  ~RecipientProbeTest() override {
    if (peer_) peer_loop_.enter([this] { peer_->stop(); });
    peer_loop_.enter([this] { peer_timers_.stop(); });
    loop_.enter([this] { timers_.stop(); });
    const auto running = [this] {
      return (peer_ && !peer_->ended()) || !timers_.idle() || !peer_timers_.idle();
    };
    EXPECT_EQ(world_.run_while(running, 1h), sim::Ran::done);
  }

  void serve(std::vector<Script> scripts) {
    peer_.emplace(peer_loop_, peer_timers_, std::move(scripts));
    peer_->listen(z_.net(peer_loop_), {*base::IpAddress::parse("192.0.2.2"), 24});
  }

  static base::Task<> run(RecipientProbe& probe, std::string target, std::string path,
                          std::vector<Probed>& out) {
    const Probed probed = co_await probe.ask(std::move(target), std::move(path));
    out.push_back(probed);
  }

  /// Asks so many times at once.
  std::vector<Probed> ask(const std::string& path = "<x@z.test>",
                          const std::string& target = "lmtp:192.0.2.2:24", int times = 1) {
    std::vector<Probed> out;
    base::Group group;
    loop_.enter([&] {
      for (int i = 0; i < times; ++i) group.spawn(run(probe_, target, path, out));
    });
    const base::Instant start = world_.now();
    EXPECT_EQ(world_.run_while([&] { return group.size() > 0; }, 1h), sim::Ran::done);
    took_ = world_.now() - start;
    return out;
  }

  using Answers = std::vector<Probed>;

  sim::World world_;
  sim::Machine& a_;
  sim::Machine& z_;
  sim::SimLoop& loop_;
  sim::SimLoop& peer_loop_;
  engine::Timers timers_;
  engine::Timers peer_timers_;
  engine::Resolver resolver_;
  std::shared_ptr<const Settings> settings_;
  std::optional<Peer> peer_;
  RecipientProbe probe_;
  base::Duration took_{};
};

TEST_F(RecipientProbeTest, says_what_the_server_says_without_sending_anything) {
  serve({answering("250 fine"), answering("550 5.1.1 nobody"), answering("451 4.3.0 later"),
         answering("421 4.3.2 going down")});
  EXPECT_EQ(ask("<x@z.test>"), Answers{Probed::known});
  EXPECT_EQ(peer_->heard(), "LHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<x@z.test>\r\nQUIT\r\n");
  EXPECT_EQ(world_.run_for(RecipientProbe::known_for), sim::Ran::done);
  EXPECT_EQ(ask("<x@z.test>"), Answers{Probed::unknown});
  EXPECT_EQ(world_.run_for(RecipientProbe::unknown_for), sim::Ran::done);
  EXPECT_EQ(ask("<x@z.test>"), Answers{Probed::unavailable});
  EXPECT_EQ(ask("<x@z.test>"), Answers{Probed::unavailable});
  EXPECT_EQ(peer_->connections(), 4u);
}

TEST_F(RecipientProbeTest, remembers_what_was_said) {
  serve({answering("250 fine"), answering("550 5.1.1 nobody")});
  EXPECT_EQ(ask(), Answers{Probed::known});
  EXPECT_EQ(world_.run_for(RecipientProbe::known_for - 1s), sim::Ran::done);
  EXPECT_EQ(ask(), Answers{Probed::known});
  EXPECT_EQ(peer_->connections(), 1u);
  EXPECT_EQ(world_.run_for(2s), sim::Ran::done);
  EXPECT_EQ(ask(), Answers{Probed::unknown});
  EXPECT_EQ(world_.run_for(RecipientProbe::unknown_for - 1s), sim::Ran::done);
  EXPECT_EQ(ask(), Answers{Probed::unknown});
  EXPECT_EQ(peer_->connections(), 2u);
}

TEST_F(RecipientProbeTest, what_is_no_answer_is_not_remembered) {
  const std::vector<Script> scripts = {
      {{{"", "550 5.7.1 go away\r\n"}, bye}},
      {{hello, {"LHLO a.test\r\n", "500 what?\r\n"}, bye}},
      {{hello, lhlo, {"RCPT", "550 5.7.1 not you\r\n503 5.5.1 x\r\n"}, bye}},
      {{hello, lhlo, {"RCPT", "rubbish\r\n"}}},
      {{hello, lhlo}},
      {{}},
      answering("250 fine"),
  };
  serve(scripts);
  for (std::size_t i = 1; i < scripts.size(); ++i) EXPECT_EQ(ask(), Answers{Probed::unavailable});
  EXPECT_EQ(ask(), Answers{Probed::known});
}

TEST_F(RecipientProbeTest, waits_no_longer_than_its_patience) {
  serve({{{hello, lhlo}, true}});
  EXPECT_EQ(ask(), Answers{Probed::unavailable});
  EXPECT_GE(took_, RecipientProbe::patience);
  EXPECT_LE(took_, RecipientProbe::patience + 1s);
  world_.network().silence(*base::IpAddress::parse("192.0.2.9"));
  EXPECT_EQ(ask("<x@z.test>", "lmtp:192.0.2.9:24"), Answers{Probed::unavailable});
  EXPECT_LE(took_, RecipientProbe::patience + 1s);
}

TEST_F(RecipientProbeTest, asks_only_so_many_questions_at_once) {
  serve({{{hello, lhlo}, true}});
  constexpr int most = RecipientProbe::asking_max;
  EXPECT_EQ(ask("<x@z.test>", "lmtp:192.0.2.2:24", most + 1),
            Answers(most + 1, Probed::unavailable));
  EXPECT_EQ(peer_->connections(), RecipientProbe::asking_max);
}

TEST_F(RecipientProbeTest, asks_by_a_socket_in_the_file_system) {
  Peer peer(loop_, timers_, {answering("250 fine")});
  peer.listen_unix(a_.net(loop_), "/lmtp");
  EXPECT_EQ(ask("<x@z.test>", "lmtp:unix:/lmtp"), Answers{Probed::known});
  EXPECT_EQ(ask("<x@z.test>", "lmtp:unix:/none"), Answers{Probed::unavailable});
  loop_.enter([&] { peer.stop(); });
  EXPECT_EQ(world_.run_while([&] { return !peer.ended(); }, 1h), sim::Ran::done);
}

TEST_F(RecipientProbeTest, what_is_no_server_cannot_be_asked) {
  for (const char* target : {"", "maildir:/x", "pipe:/bin/true", "discard:", "nonsense"}) {
    EXPECT_EQ(ask("<x@z.test>", target), Answers{Probed::unavailable}) << target;
  }
  EXPECT_EQ(ask("<x@z.test>", "lmtp:nowhere.test:24"), Answers{Probed::unavailable});
}

TEST_F(RecipientProbeTest, a_recipient_beyond_ascii_is_unknown_without_smtputf8) {
  serve({answering("250 fine")});
  EXPECT_EQ(ask("<\xc3\xa4@z.test>"), Answers{Probed::unknown});
}

}  // namespace
}  // namespace delivery
