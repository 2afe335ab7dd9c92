#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "sim/scheduler.h"
#include "sys/net.h"

namespace sim {

class Network;
class Stream;
class ListenerState;
class ConnectAttempt;

/// How octets travel between two machines, both ways.
struct Link {
  base::Duration latency_min = std::chrono::microseconds(200);
  base::Duration latency_max = std::chrono::milliseconds(2);
  std::uint64_t octets_per_second = 0;  ///< 0: as many as you like.
  unsigned loss_per_mille = 0;          ///< Of the segments: sent again, so that it comes later.
  unsigned reset_per_mille = 0;         ///< Of the segments: the connection breaks there.
  unsigned refuse_per_mille = 0;        ///< Of the connects.
  unsigned time_out_per_mille = 0;      ///< Of the connects: nobody answers.
  bool down = false;  ///< Nothing passes; what is under way waits for at most give_up_after.
};

/// TCP gives a connection up when nothing has been acknowledged for so long.
inline constexpr base::Duration give_up_after = std::chrono::minutes(15);
/// A connect to somebody silent ends with timed_out after this time.
inline constexpr base::Duration connect_time_out = std::chrono::seconds(127);
/// In octets: what a writer can be ahead of the reader.
inline constexpr std::size_t window_octets = 65'536;
/// Connections that wait for accept().
inline constexpr std::size_t backlog_max = 128;

/// A machine, as the network sees it.
class Host {
 public:
  Host(Network& network, std::string name, std::vector<base::IpAddress> addresses);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<base::IpAddress>& addresses() const { return addresses_; }
  [[nodiscard]] bool owns(const base::IpAddress& address) const;

  /// The `Net` of one loop.
  [[nodiscard]] std::unique_ptr<sys::Net> make_net(SimLoop& loop);

  /// accept, connect and listen fail with no_descriptors.
  void set_no_descriptors(bool none) { no_descriptors_ = none; }

  /// The power is gone: nothing is sent any more, and nobody answers until start(). What is
  /// pending here completes soon with an error. Peers see a reset, or silence, by the seed.
  void power_off();
  /// The process is gone: the system closes its sockets in order.
  void kill();
  /// Afterwards the machine may use the network anew.
  void start();
  [[nodiscard]] bool is_powered() const { return powered_; }

 private:
  friend class Network;
  friend class SimNet;
  friend class Stream;
  friend class ConnectAttempt;
  friend class ListenerState;

  void end_life();
  /// The listener of this address, or of all addresses; nullptr: none.
  [[nodiscard]] ListenerState* find_listener(const base::Endpoint& local) const;
  [[nodiscard]] std::uint16_t pick_port();

  Network& network_;
  std::string name_;
  std::vector<base::IpAddress> addresses_;
  bool powered_ = true;
  bool no_descriptors_ = false;
  bool alive_ = true;  ///< Its process runs.
  std::uint16_t next_port_ = 32'768;
  std::map<std::uint64_t, std::weak_ptr<Stream>> streams_;
  std::map<std::uint64_t, std::weak_ptr<ConnectAttempt>> attempts_;
  // Behind streams_: what waits to be accepted takes itself off that list.
  std::map<base::Endpoint, std::shared_ptr<ListenerState>> listeners_;
  std::map<std::string, std::shared_ptr<ListenerState>> unix_listeners_;
};

/// All machines and the links between them.
class Network {
 public:
  explicit Network(Scheduler& scheduler);
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network();

  Host& add_host(std::string name, std::vector<base::IpAddress> addresses);

  /// For every pair without a link of its own. Within a machine nothing fails.
  void set_default_link(const Link& link) { default_link_ = link; }
  /// The link of a pair, to be changed at any time; a copy of the default at first.
  [[nodiscard]] Link& link(const Host& a, const Host& b);
  /// Connects to this address are never answered.
  void silence(const base::IpAddress& address) { silent_.insert(address); }
  /// Breaks every connection between two machines.
  void reset_all(const Host& a, const Host& b);

  // For the parts of the network.

  [[nodiscard]] Scheduler& scheduler() const { return scheduler_; }
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] const Link& link_between(const Host& a, const Host& b) const;
  [[nodiscard]] base::Duration latency(const Link& link);
  /// The machine that has this address; nullptr: none.
  [[nodiscard]] Host* find(const base::IpAddress& address) const;
  [[nodiscard]] bool is_silent(const base::IpAddress& address) const {
    return silent_.contains(address);
  }
  [[nodiscard]] std::uint64_t next_number() { return next_number_++; }

 private:
  using Pair = std::pair<std::string, std::string>;
  [[nodiscard]] static Pair pair_of(const Host& a, const Host& b);

  Scheduler& scheduler_;
  Rng rng_;
  Link default_link_;
  Link local_link_;
  std::map<Pair, Link> links_;
  std::set<base::IpAddress> silent_;
  std::uint64_t next_number_ = 0;
  std::vector<std::unique_ptr<Host>> hosts_;
};

}  // namespace sim
