#pragma once

#include <deque>
#include <memory>
#include <string>

#include "sim/network.h"
#include "sys/net.h"

namespace sim {

using ConnectionResult = base::Io<std::unique_ptr<sys::Connection>>;
using ConnectionCompletion = sys::Completion<std::unique_ptr<sys::Connection>>;

/// Where a listener listens: an endpoint, or a path.
struct ListenAddress {
  base::Endpoint endpoint;
  std::string unix_path;
};

/// A listening socket and those who wait at it.
class ListenerState {
 public:
  ListenerState(Host& host, SimLoop& loop, ListenAddress address);
  ListenerState(const ListenerState&) = delete;
  ListenerState& operator=(const ListenerState&) = delete;
  ~ListenerState();

  [[nodiscard]] sys::Now<std::unique_ptr<sys::Connection>> accept(ConnectionCompletion& done);
  /// By the owner's handle, or because the machine's life has ended: whoever waits is reset.
  void close();
  void end_life();

  [[nodiscard]] bool is_full() const { return waiting_.size() >= backlog_max; }
  /// Somebody has connected.
  void add(std::shared_ptr<Stream> stream);
  [[nodiscard]] SimLoop& loop() const { return loop_; }
  [[nodiscard]] const base::Endpoint& local() const { return address_.endpoint; }

 private:
  [[nodiscard]] ConnectionResult take();
  void finish(ConnectionResult result);

  Host& host_;
  SimLoop& loop_;
  ListenAddress address_;
  std::deque<std::shared_ptr<Stream>> waiting_;
  ConnectionCompletion* done_ = nullptr;
  bool dead_ = false;
};

/// A connect() under way.
class ConnectAttempt : public std::enable_shared_from_this<ConnectAttempt> {
 public:
  struct Target {
    base::Endpoint local;
    base::Endpoint remote;
    std::string unix_path;  ///< Not empty: `local` and `remote` do not matter.
  };
  ConnectAttempt(Host& host, SimLoop& loop, Target target, ConnectionCompletion& done);
  ConnectAttempt(const ConnectAttempt&) = delete;
  ConnectAttempt& operator=(const ConnectAttempt&) = delete;
  ~ConnectAttempt();

  void start();
  /// The machine's life has ended.
  void end_life() { finish(base::io_error(base::IoErrorCode::cancelled)); }

 private:
  void knock();
  /// Nobody has answered: knocks again later, until the time is over.
  void wait_for_answer();
  void fail_later(base::IoErrorCode code, int system_error);
  void meet(ListenerState& listener, Host& peer);
  void finish(ConnectionResult result);

  Host& host_;
  SimLoop& loop_;
  Target target_;
  ConnectionCompletion* done_;
  std::uint64_t number_;
  base::Instant give_up_at_;
  base::Duration pause_ = std::chrono::seconds(1);
};

}  // namespace sim
