#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "sim/network.h"
#include "sys/net.h"

namespace sim {

/// One end of a connection, with the octets that are on their way from here. Its owner's handle may
/// be gone while they still travel.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  struct Ends {
    base::Endpoint local;
    base::Endpoint remote;
  };
  Stream(Host& host, SimLoop& loop, const Ends& ends);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  static void join(const std::shared_ptr<Stream>& a, const std::shared_ptr<Stream>& b);

  [[nodiscard]] sys::Now<std::string_view> read(sys::Completion<std::string_view>& done);
  [[nodiscard]] sys::Now<> write(std::span<const std::string_view> pieces, sys::Completion<>& done);
  void shutdown();
  /// By the owner's handle: in order, or with a reset when it has not read everything.
  void close();

  /// The machine has lost its power.
  void power_off();
  /// The process is gone.
  void kill();
  /// Both ends see a reset.
  void break_down();

  [[nodiscard]] const Ends& ends() const { return ends_; }
  [[nodiscard]] Host& host() const { return host_; }
  [[nodiscard]] const Host& peer_host() const { return *peer_host_; }
  [[nodiscard]] SimLoop& loop() const { return loop_; }

 private:
  enum class Kind : std::uint8_t { octets, end, reset };
  /// What travels from here to the peer.
  struct Parcel {
    Kind kind;
    std::string octets;
    base::Instant due;
  };

  [[nodiscard]] Network& network() const { return host_.network_; }
  [[nodiscard]] const Link& link() const { return network().link_between(host_, *peer_host_); }

  void send(Kind kind, std::string octets);
  void schedule_arrival();
  void arrive();
  void receive(Parcel parcel);
  void receive_reset(base::IoErrorCode code);
  /// Tells the peer, some time later, that nobody is here any more.
  void answer_reset();

  void pump();
  void finish_write(base::Io<> result);
  void acknowledge(std::size_t octets);
  [[nodiscard]] std::string take_segment();

  void wake_reader();
  void finish_read();
  [[nodiscard]] bool is_readable() const;
  [[nodiscard]] base::Io<std::string_view> take_received();
  void cancel_read();
  void cancel_write();
  void end_pending();

  Host& host_;
  SimLoop& loop_;
  Ends ends_;
  std::uint64_t number_;
  std::size_t segment_octets_max_;
  std::weak_ptr<Stream> peer_;
  Host* peer_host_ = nullptr;

  std::deque<Parcel> wire_;
  bool arrival_scheduled_ = false;
  base::Instant last_due_{};
  std::optional<base::Instant> blocked_since_;

  std::vector<std::string_view> pieces_;  ///< Of the pending write, what is not taken yet.
  sys::Completion<>* write_done_ = nullptr;
  std::size_t unread_ = 0;  ///< Octets that we sent and the peer has not read.
  bool shut_ = false;
  bool end_sent_ = false;

  std::string received_;
  sys::Completion<std::string_view>* read_done_ = nullptr;
  bool ended_ = false;
  std::optional<base::IoErrorCode> error_;
  bool closed_ = false;  ///< The handle is gone, or the machine's life.
};

class SimConnection final : public sys::Connection {
 public:
  explicit SimConnection(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~SimConnection() override { stream_->close(); }

  [[nodiscard]] sys::Now<std::string_view> read(sys::Completion<std::string_view>& done) override {
    return stream_->read(done);
  }
  [[nodiscard]] sys::Now<> write(std::span<const std::string_view> pieces,
                                 sys::Completion<>& done) override {
    return stream_->write(pieces, done);
  }
  void shutdown() noexcept override { stream_->shutdown(); }
  [[nodiscard]] base::Endpoint local() const override { return stream_->ends().local; }
  [[nodiscard]] base::Endpoint remote() const override { return stream_->ends().remote; }

 private:
  std::shared_ptr<Stream> stream_;
};

}  // namespace sim
