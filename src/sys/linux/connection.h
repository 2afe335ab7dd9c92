#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "sys/linux/core.h"
#include "sys/linux/socket.h"
#include "sys/net.h"

namespace sys::real {

/// A descriptor that a loop watches. Its waits say only "try again": the caller then repeats its
/// system call, so that a wait that ends for another reason does no harm.
using Watched = asio::posix::basic_stream_descriptor<Executor>;

/// Takes over `socket`. Fails when the kernel has no room for one more to watch.
[[nodiscard]] base::Io<Watched> watch(LoopCore& core, Descriptor socket);

/// One stream socket. While it waits it holds no buffer: reads go to the loop's.
class RealConnection final : public Connection {
 public:
  RealConnection(LoopCore& core, Watched socket, const base::Endpoint& remote)
      : core_(core), socket_(std::move(socket)), remote_(remote) {}
  ~RealConnection() override;

  [[nodiscard]] Now<std::string_view> read(Completion<std::string_view>& done) override;
  [[nodiscard]] Now<> write(std::span<const std::string_view> pieces, Completion<>& done) override;
  void shutdown() noexcept override;
  [[nodiscard]] base::Endpoint local() const override;
  [[nodiscard]] base::Endpoint remote() const override { return remote_; }
  [[nodiscard]] std::optional<std::uint32_t> peer_uid() const override;

 private:
  using Error = boost::system::error_code;

  /// What it gave, or nothing: would have to wait.
  [[nodiscard]] Now<std::string_view> receive() noexcept;
  [[nodiscard]] Now<> send() noexcept;
  void wait_to_read();
  void wait_to_write();
  void readable(const Error& error);
  void writable(const Error& error);
  /// False once in at_once_max calls without a wait between: the caller must go through the loop.
  [[nodiscard]] bool may_go_at_once() noexcept;

  LoopCore& core_;
  Watched socket_;
  base::Endpoint remote_;
  bool read_cancelled_ = false;
  bool write_cancelled_ = false;
  std::uint8_t went_at_once_ = 0;

  Completion<std::string_view>* reader_ = nullptr;
  Completion<>* writer_ = nullptr;
  std::span<const std::string_view> unsent_;
  std::size_t sent_of_first_ = 0;  ///< Octets of unsent_[0].
  HandlerPlace read_place_;
  HandlerPlace write_place_;
};

}  // namespace sys::real
