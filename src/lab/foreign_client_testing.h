#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/group.h"
#include "engine/channel.h"
#include "lab/foreign_host.h"
#include "lab/ledger.h"
#include "sim/world.h"

// Clients as there are outside; they share no code with ours.
namespace lab {

using namespace std::chrono_literals;

enum class Manner : std::uint8_t {
  polite,     ///< Waits for each reply.
  pipelines,  ///< Says everything at once, the content, too.
  slow,       ///< A few octets every second.
  vanishes,   ///< Every second message breaks off in the middle of its content.
};

struct ClientPlan {
  Manner manner = Manner::polite;
  int messages = 100;  ///< That get their 250.
  base::Duration between{};
  unsigned unknown_per_mille = 0;  ///< Of the recipients: nobody there has that name.
  bool to_two = false;             ///< Every third message goes to two hosts.
};

/// Submits messages to the server under test until so many have got their 250. What does not get it
/// is given up: it may arrive or not.
class Client {
 public:
  Client(sim::World& world, Ledger& ledger, const std::string& address,
         std::vector<std::string> domains, const ClientPlan& plan)
      : plan_(plan),
        domains_(std::move(domains)),
        ledger_(ledger),
        machine_(world.make_machine("client" + address, {address})),
        loop_(machine_.make_loop("main")),
        timers_(loop_),
        rng_(std::hash<std::string>()(address)),
        serial_(static_cast<int>(std::hash<std::string>()(address) % 1'000'000)),
        left_(plan.messages) {
    loop_.enter([this] { group_.spawn(run()); });
  }
  ~Client() { EXPECT_EQ(group_.size(), 0u); }

  [[nodiscard]] bool is_done() const { return group_.size() == 0; }
  void stop() {
    loop_.enter([this] {
      group_.cancel();
      timers_.stop();
    });
  }
  [[nodiscard]] bool ended() const { return group_.size() == 0 && timers_.idle(); }

 private:
  struct Message {
    std::string token;
    std::vector<std::string> recipients;
    std::string content;
  };
  using Connected = base::Io<std::unique_ptr<sys::Connection>>;

  base::Task<> run() {
    while (left_ > 0) {
      const Message message = next_message();
      ledger_.sent(message.token, message.content, message.recipients);
      const bool vanishes = plan_.manner == Manner::vanishes && tokens_ % 2 == 0;
      if (co_await submit(message, vanishes)) {
        --left_;
        ledger_.acknowledged(message.token);
        if (plan_.between > base::Duration() && !co_await pause(loop_, plan_.between)) co_return;
      } else if (!vanishes && !co_await pause(loop_, 5s)) {
        co_return;
      }
    }
  }

  Message next_message() {
    Message out;
    ++tokens_;
    out.token = token_for(static_cast<std::uint64_t>(serial_) * 10'000'000 +
                          static_cast<std::uint64_t>(1'000'000 + tokens_));
    const std::string local =
        rng_.chance(plan_.unknown_per_mille) ? "no" : "u" + std::to_string(rng_.below(5));
    const std::size_t first = rng_.below(domains_.size());
    out.recipients.push_back(local + "@" + domains_[first]);
    if (plan_.to_two && domains_.size() > 1 && tokens_ % 3 == 0)
      out.recipients.push_back(local + "@" + domains_[(first + 1) % domains_.size()]);
    out.content = "Subject: " + out.token + "\r\n\r\n.\r\n..dots\r\n";
    // Some fill sectors and frames, some do not.
    for (std::uint64_t lines = rng_.below(120); lines > 0; --lines)
      out.content += std::string(rng_.below(80), 'x') + "\r\n";
    out.content += "the end of " + out.token + "\r\n";
    return out;
  }

  /// True: the 250 has been read.
  base::Task<bool> submit(const Message& message, bool vanishes) {
    Connected connected = co_await base::operation<Connected>([this](auto& done) {
      return machine_.net(loop_).connect(*base::Endpoint::parse("192.0.2.1:25"), std::nullopt,
                                         done);
    });
    if (!connected) co_return false;
    engine::Channel channel(std::move(*connected), timers_);
    input_.clear();
    if (plan_.manner == Manner::pipelines) {
      std::string all = "EHLO client.test\r\n";
      for (const std::string& command : commands(message)) all += command;
      all += stuffed(message.content) + "QUIT\r\n";
      if (!co_await channel.write(all, timers_.now() + 5min)) co_return false;
    }
    if (!co_await expect(channel, '2')) co_return false;
    if (!co_await tell(channel, "EHLO client.test\r\n", '2')) co_return false;
    for (const std::string& command : commands(message))
      if (!co_await tell(channel, command, command.starts_with("DATA") ? '3' : '2'))
        co_return false;
    std::string content = stuffed(message.content);
    if (vanishes) {
      content.resize(content.size() / 2);
      (void)co_await channel.write(content, timers_.now() + 5min);
      co_return false;
    }
    co_return co_await tell(channel, content, '2');
  }

  static std::vector<std::string> commands(const Message& message) {
    std::vector<std::string> out = {"MAIL FROM:<s@client.test>\r\n"};
    for (const std::string& recipient : message.recipients)
      out.push_back("RCPT TO:<" + recipient + ">\r\n");
    out.emplace_back("DATA\r\n");
    return out;
  }

  static std::string stuffed(const std::string& content) {
    std::string out;
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t end = content.find("\r\n", at) + 2;
      if (content[at] == '.') out += '.';
      out += content.substr(at, end - at);
      at = end;
    }
    return out + ".\r\n";
  }

  base::Task<bool> tell(engine::Channel& channel, std::string octets, char wanted) {
    const bool slow = plan_.manner == Manner::slow;
    for (std::size_t at = 0; at < octets.size() && plan_.manner != Manner::pipelines;) {
      if (slow && !co_await pause(loop_, 1s)) co_return false;
      const std::string_view piece =
          std::string_view(octets).substr(at, slow ? slow_octets : octets.size());
      if (!co_await channel.write(piece, timers_.now() + 5min)) co_return false;
      at += piece.size();
    }
    co_return co_await expect(channel, wanted);
  }

  /// Reads one reply.
  base::Task<bool> expect(engine::Channel& channel, char wanted) {
    for (;;) {
      const std::size_t end = input_.find("\r\n");
      if (end == input_.npos) {
        const auto octets = co_await channel.read(timers_.now() + 10min);
        if (!octets) co_return false;
        input_ += *octets;
        continue;
      }
      const std::string line = input_.substr(0, end);
      input_.erase(0, end + 2);
      if (line.size() > 3 && line[3] == '-') continue;
      co_return !line.empty() && line[0] == wanted;
    }
  }

  static constexpr std::size_t slow_octets = 100;

  ClientPlan plan_;
  std::vector<std::string> domains_;
  Ledger& ledger_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  engine::Timers timers_;
  sim::Rng rng_;
  int serial_;
  int left_;
  int tokens_ = 0;
  std::string input_;
  base::Group group_;
};

}  // namespace lab
