#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/group.h"
#include "engine/channel.h"
#include "engine/timers.h"
#include "lab/books.h"
#include "lab/personality.h"
#include "sim/world.h"

namespace lab {

/// Sleeps; false: cancelled. `loop` outlives it.
[[nodiscard]] base::Task<bool> pause(sys::Loop& loop, base::Duration duration);

/// A next hop as there are outside: it has its own idea of the protocol, and shares no code with
/// ours. What it takes it writes into the books. Made and destroyed outside of all loops; life
/// after life.
class ForeignHost {
 public:
  /// On a machine of its own, at port 25, or that of LMTP. `domains`: whose mail it takes, in lower
  /// case. It does not run yet.
  ForeignHost(sim::World& world, const Books& books, std::string name,
              const base::IpAddress& address, std::vector<std::string> domains,
              Personality personality);
  /// Beside a server of ours, at a Unix socket: takes mail of every domain.
  ForeignHost(sim::World& world, const Books& books, sim::Machine& machine, std::string unix_path,
              Personality personality);
  ~ForeignHost();  ///< It must have ended.

  void boot();
  /// Ends everything; then has_ended() within a moment of simulated time.
  void stop();
  [[nodiscard]] bool has_ended() const;
  /// Only of one that has ended: forgets its life.
  void bury() { life_.reset(); }

  [[nodiscard]] sim::Machine& machine() { return machine_; }
  [[nodiscard]] bool is_up() const { return life_ != nullptr; }
  [[nodiscard]] std::size_t sessions() const { return sessions_; }

 private:
  struct Session {
    std::unique_ptr<engine::Channel> channel;
    std::string input = {};
    std::optional<std::string> sender = {};
    std::vector<std::string> recipients = {};  ///< That were accepted.
    std::string content = {};
  };
  /// What ends with the machine.
  struct Life {
    explicit Life(sys::Loop& loop) : timers(loop) {}
    engine::Timers timers;
    std::unique_ptr<sys::Listener> listener;
    base::Group group;
  };
  using Accepted = base::Io<std::unique_ptr<sys::Connection>>;

  [[nodiscard]] base::Io<std::unique_ptr<sys::Listener>> listen();
  base::Task<> accept_all();
  base::Task<> serve(std::unique_ptr<sys::Connection> connection);
  /// False: the connection ends.
  base::Task<bool> obey(Session& session, std::string line);
  base::Task<bool> greet(Session& session, std::string verb);
  base::Task<bool> break_handshake(Session& session);
  [[nodiscard]] std::string recipient(Session& session, const std::string& path);
  [[nodiscard]] std::string judge(const Session& session, const std::string& mailbox);
  base::Task<bool> take_data(Session& session);
  base::Task<bool> take_chunk(Session& session, std::string line);
  base::Task<bool> end_content(Session& session);
  void keep(const Session& session, const std::string& mailbox, bool replies);

  // Octets.
  base::Task<bool> read(Session& session);
  base::Task<std::optional<std::string>> read_line(Session& session);
  base::Task<bool> say(Session& session, std::string reply);
  base::Task<bool> write(Session& session, std::string reply);

  Personality personality_;
  std::string name_;
  std::vector<std::string> domains_;
  std::string unix_path_;  ///< Empty: it is reached by TCP.
  Books books_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;
  sim::Rng rng_;
  std::map<std::string, base::Instant> greylist_;
  std::size_t sessions_ = 0;
  std::size_t contents_ = 0;
  std::unique_ptr<Life> life_;
};

}  // namespace lab
