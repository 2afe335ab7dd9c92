#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/group.h"
#include "engine/channel.h"
#include "engine/timers.h"
#include "lab/books.h"
#include "lab/description.h"
#include "sim/world.h"

namespace lab {

/// The client of one [[traffic]]: submits its messages, one after the other, and tries again what
/// a server could not take. Polite; it shares no code with ours.
class Sender {
 public:
  /// Where it submits.
  struct Door {
    std::string name;       ///< Of the server.
    std::string unix_path;  ///< Of the socket for local programs; empty: `address`.
    base::Endpoint address;
  };
  /// `machine`: where it runs. `first`: the number of its first message.
  Sender(sim::Machine& machine, const Books& books, const TrafficPlan& plan, Door door,
         std::uint64_t first, sim::Rng rng);
  ~Sender();  ///< It must have ended.

  /// Every message was accepted or refused.
  [[nodiscard]] bool is_done() const { return group_.size() == 0; }
  void stop();
  [[nodiscard]] bool has_ended() const { return group_.size() == 0 && timers_.idle(); }

 private:
  struct Message {
    std::uint64_t index;
    base::Instant due;  ///< For the next try.
  };
  struct Letter {
    std::string token;
    std::vector<std::string> recipients;
    std::string content;
  };
  enum class Verdict : std::uint8_t { accepted, refused, later };
  struct Reply {
    char first = 0;  ///< Its first digit; 0: none came.
    std::string text;
  };
  using Connected = base::Io<std::unique_ptr<sys::Connection>>;

  base::Task<> run();
  [[nodiscard]] base::Instant due(std::uint64_t index);
  [[nodiscard]] Letter make(std::uint64_t index) const;
  base::Task<Verdict> submit(Letter letter);
  base::Task<Verdict> talk(engine::Channel& channel, const Letter& letter);
  base::Task<Verdict> name_recipients(engine::Channel& channel, const Letter& letter);
  base::Task<Connected> connect();
  base::Task<Reply> tell(engine::Channel& channel, std::string octets);
  base::Task<Reply> hear(engine::Channel& channel);
  void note(const Letter& letter, std::string_view what, std::string text, std::string to = {});

  TrafficPlan plan_;
  Door door_;
  Books books_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  engine::Timers timers_;
  std::uint64_t first_;
  std::uint64_t contents_seed_;
  sim::Rng rng_;
  base::Instant begin_;
  std::deque<Message> waiting_;  ///< What could not be submitted, by its next try.
  std::string input_;
  base::Group group_;
};

}  // namespace lab
