#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "base/group.h"
#include "engine/channel.h"
#include "engine/timers.h"
#include "server/foreign_ledger_testing.h"
#include "sim/world.h"

// Next hops as there are outside: each has its own idea of the protocol, and none shares code with
// ours.
namespace server::foreign {

using namespace std::chrono_literals;

/// What distinguishes one host from another; as it stands: a modern one that takes everything.
struct Personality {
  std::vector<std::string> offers = {"PIPELINING", "8BITMIME", "SIZE 10000000",
                                     "ENHANCEDSTATUSCODES"};
  bool knows_ehlo = true;  ///< Or it is a host of [RFC821].
  bool lmtp = false;
  base::Duration greylists{};      ///< 451 for so long, for each sender and recipient.
  unsigned storm_per_mille = 0;    ///< Of the commands that get a 4yz.
  bool breaks_tls = false;         ///< Offers STARTTLS, and the handshake fails.
  bool closes_before_dot = false;  ///< Every second time: at the dot, and has nothing.
  bool closes_after_dot = false;   ///< Every second time: at the dot, and has the message.
  unsigned drops_per_mille = 0;    ///< Of what it reads or says: there it hangs up.
  base::Duration each_octet{};     ///< A tarpit: so long for each octet of a reply.
  bool silent = false;             ///< Takes connections, and says nothing.
  bool keeps_reports = false;      ///< The originators' host.
};

inline base::Task<bool> pause(sys::Loop& loop, base::Duration duration) {
  const auto slept = co_await base::operation<base::Io<>>(
      [&](auto& done) { return loop.sleep_until(loop.now() + duration, done); });
  co_return slept.has_value();
}

class Host {
 public:
  Host(sim::World& world, Ledger& ledger, std::string domain, const std::string& address,
       Personality personality)
      : personality_(std::move(personality)),
        domain_(std::move(domain)),
        ledger_(ledger),
        machine_(world.make_machine("mx." + domain_, {address})),
        loop_(machine_.make_loop("main")),
        timers_(loop_),
        rng_(std::hash<std::string>()(domain_)) {
    EXPECT_TRUE(world.zone().add_text(domain_, "MX", "10 mx." + domain_ + "."));
    EXPECT_TRUE(world.zone().add_text("mx." + domain_, "A", address));
    auto listener = machine_.net(loop_).listen(*base::Endpoint::parse(address + ":25"));
    EXPECT_TRUE(listener);
    listener_ = std::move(*listener);
    loop_.enter([this] { group_.spawn(accept_all()); });
  }
  ~Host() { EXPECT_EQ(group_.size(), 0u); }

  void stop() {
    loop_.enter([this] {
      group_.cancel();
      timers_.stop();
    });
  }
  [[nodiscard]] bool ended() const { return group_.size() == 0 && timers_.idle(); }
  [[nodiscard]] std::size_t sessions() const { return sessions_; }

 private:
  struct Session {
    std::unique_ptr<engine::Channel> channel;
    std::string input;
    std::optional<std::string> sender;
    std::vector<std::string> domains;  ///< Of the recipients that were accepted.
    std::string content;
  };
  using Accepted = base::Io<std::unique_ptr<sys::Connection>>;

  base::Task<> accept_all() {
    for (;;) {
      Accepted accepted = co_await base::operation<Accepted>(
          [this](base::Completion<Accepted>& done) { return listener_->accept(done); });
      if (!accepted) co_return;
      ++sessions_;
      group_.spawn(serve(std::move(*accepted)));
    }
  }

  base::Task<> serve(std::unique_ptr<sys::Connection> connection) {
    Session session;
    session.channel = std::make_unique<engine::Channel>(std::move(connection), timers_);
    if (personality_.silent) {
      while (co_await read(session)) session.input.clear();
      co_return;
    }
    if (!co_await say(session, "220 mx." + domain_ + "\r\n")) co_return;
    for (;;) {
      const auto line = co_await read_line(session);
      if (!line || !co_await obey(session, *line)) break;
    }
    co_await session.channel->close();
  }

  /// False: the connection ends.
  base::Task<bool> obey(Session& session, std::string line) {
    const std::string verb = base::lower(line.substr(0, 4));
    if (verb == "quit") {
      (void)co_await say(session, "221 2.0.0 bye\r\n");
      co_return false;
    }
    if (verb == "ehlo" || verb == "lhlo" || verb == "helo") co_return co_await greet(session, verb);
    if (verb == "star") {
      // No handshake goes on like this.
      if (co_await say(session, "220 2.0.0 go on\r\n") && co_await pause(loop_, 1s))
        (void)co_await say(session, "this is no TLS\r\n");
      co_return false;
    }
    if (verb == "rset") {
      reset(session);
      co_return co_await say(session, "250 2.0.0 ok\r\n");
    }
    if (verb == "bdat") co_return co_await take_chunk(session, line);
    if (rng_.chance(personality_.storm_per_mille))
      co_return co_await say(session, "451 4.3.0 come back\r\n");
    if (verb == "mail") {
      reset(session);
      session.sender = path_in(line);
      co_return co_await say(session, "250 2.1.0 ok\r\n");
    }
    if (verb == "rcpt") co_return co_await say(session, recipient(session, path_in(line)));
    if (verb != "data") co_return co_await say(session, "500 5.5.1 what?\r\n");
    if (session.domains.empty()) co_return co_await say(session, "503 5.5.1 for whom?\r\n");
    if (!co_await say(session, "354 go on\r\n")) co_return false;
    for (;;) {
      const auto text = co_await read_line(session);
      if (!text) co_return false;
      if (*text == ".") break;
      session.content += text->starts_with('.') ? text->substr(1) : *text;
      session.content += "\r\n";
    }
    co_return co_await end_content(session);
  }

  base::Task<bool> greet(Session& session, const std::string& verb) {
    if (verb == "ehlo" && (!personality_.knows_ehlo || personality_.lmtp))
      co_return co_await say(session, "500 what?\r\n");
    std::string reply = "mx." + domain_;
    if (verb != "helo") {
      std::vector<std::string> offers = personality_.offers;
      if (personality_.breaks_tls) offers.emplace_back("STARTTLS");
      for (const std::string& offer : offers) reply += "\n" + offer;
    }
    std::string out;
    for (std::size_t at = 0; at <= reply.size();) {
      const std::size_t end = std::min(reply.find('\n', at), reply.size());
      out += (end == reply.size() ? "250 " : "250-") + reply.substr(at, end - at) + "\r\n";
      at = end + 1;
    }
    co_return co_await say(session, out);
  }

  std::string recipient(Session& session, const std::string& path) {
    if (!session.sender) return "503 5.5.1 from whom?\r\n";
    if (path.starts_with("no@")) return "550 5.1.1 nobody here has that name\r\n";
    if (personality_.greylists > base::Duration()) {
      const auto [first, is_new] = greylist_.try_emplace(*session.sender + path, loop_.now());
      if (loop_.now() < first->second + personality_.greylists)
        return "451 4.7.1 greylisted, come back\r\n";
    }
    session.domains.push_back(path.substr(path.find('@') + 1));
    return "250 2.1.5 ok\r\n";
  }

  base::Task<bool> take_chunk(Session& session, const std::string& line) {
    const std::size_t octets = std::stoul(line.substr(5));
    while (session.input.size() < octets)
      if (!co_await read(session)) co_return false;
    session.content += session.input.substr(0, octets);
    session.input.erase(0, octets);
    if (base::lower(line).ends_with("last")) co_return co_await end_content(session);
    co_return co_await say(session, "250 2.0.0 ok\r\n");
  }

  base::Task<bool> end_content(Session& session) {
    const bool odd = ++contents_ % 2 == 1;
    if (personality_.closes_before_dot && odd) co_return false;
    if (rng_.chance(personality_.storm_per_mille)) {
      reset(session);
      co_return co_await say(session, "452 4.3.1 no room\r\n");
    }
    const bool closes = personality_.closes_after_dot && odd;
    std::string replies;
    for (const std::string& domain : session.domains) {
      // Whether a reply that was said has been heard, only its client knows: a drop counts as none.
      const bool drops = rng_.chance(personality_.drops_per_mille);
      if (personality_.keeps_reports)
        ledger_.reported(session.content);
      else
        ledger_.arrived(domain, session.content, !closes && !drops);
      if (drops) co_return false;
      if (replies.empty() || personality_.lmtp) replies += "250 2.0.0 taken\r\n";
      if (personality_.keeps_reports) break;
    }
    reset(session);
    if (closes) co_return false;
    // Not said(): what was counted as heard must be sent.
    co_return co_await write(session, replies);
  }

  // Octets.

  base::Task<bool> read(Session& session) {
    if (rng_.chance(personality_.drops_per_mille)) co_return false;
    const auto octets = co_await session.channel->read(timers_.now() + 24h);
    if (!octets) co_return false;
    session.input += *octets;
    co_return true;
  }
  base::Task<std::optional<std::string>> read_line(Session& session) {
    for (;;) {
      const std::size_t end = session.input.find("\r\n");
      if (end != session.input.npos) {
        std::string line = session.input.substr(0, end);
        session.input.erase(0, end + 2);
        co_return line;
      }
      if (!co_await read(session)) co_return std::nullopt;
    }
  }
  base::Task<bool> say(Session& session, std::string reply) {
    if (rng_.chance(personality_.drops_per_mille)) co_return false;
    co_return co_await write(session, std::move(reply));
  }
  base::Task<bool> write(Session& session, std::string reply) {
    const bool slow = personality_.each_octet > base::Duration();
    for (std::size_t at = 0; at < reply.size();) {
      if (slow && !co_await pause(loop_, personality_.each_octet)) co_return false;
      const std::size_t octets = slow ? 1 : reply.size();
      const std::string_view piece = std::string_view(reply).substr(at, octets);
      if (!co_await session.channel->write(piece, timers_.now() + 1h)) co_return false;
      at += octets;
    }
    co_return true;
  }

  static void reset(Session& session) {
    session.sender.reset();
    session.domains.clear();
    session.content.clear();
  }

  static std::string path_in(const std::string& line) {
    const std::size_t begin = line.find('<') + 1;
    return line.substr(begin, line.find('>') - begin);
  }

  Personality personality_;
  std::string domain_;
  Ledger& ledger_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  engine::Timers timers_;
  sim::Rng rng_;
  std::unique_ptr<sys::Listener> listener_;
  std::map<std::string, base::Instant> greylist_;
  std::size_t sessions_ = 0;
  std::size_t contents_ = 0;
  base::Group group_;
};

}  // namespace server::foreign
