#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <memory>

#include "base/address.h"
#include "dns/message.h"
#include "sys/linux/core.h"

struct ub_ctx;
struct ub_result;

namespace sys::real {

/// What a look-up at one server gave: an answer, or IoErrorCode::dns.
using LookUp = base::Io<dns::Answer>;

/// Who asked. Lives until it has the result, or has been forgotten.
class Asker {
 public:
  /// Runs inside libunbound: must not ask anew here, nor resume anybody.
  virtual void answered(LookUp result) = 0;

  dns::Question question;
  int ticket = 0;  ///< libunbound's name for the look-up.

 protected:
  ~Asker() = default;
};

/// One recursive server, asked through a libunbound context (and its thread) of its own: within
/// one context libunbound chooses among servers by speed and not by order.
class Upstream : public std::enable_shared_from_this<Upstream> {
 public:
  struct Options {
    base::Endpoint server;
    std::size_t in_flight_max = 0;
  };

  /// Null: no descriptors or no memory.
  [[nodiscard]] static std::shared_ptr<Upstream> make(LoopCore& core, const Options& options);
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  ~Upstream();

  /// Starts to ask; the asker is answered later, never inside this call.
  [[nodiscard]] base::Io<> ask(Asker& asker);
  /// The asker is not answered any more.
  void forget(const Asker& asker) noexcept;

 private:
  explicit Upstream(LoopCore& core);
  [[nodiscard]] bool configure(const Options& options);
  void wait();
  static void called_back(void* asker, int error, ub_result* result);

  ub_ctx* context_;
  asio::posix::basic_stream_descriptor<Executor> results_;  ///< libunbound's; only watched here.
};

/// A name as libunbound reads it: text of a zone file [RFC1035 5.1].
[[nodiscard]] std::string zone_file_text(const dns::Name& name);

}  // namespace sys::real
