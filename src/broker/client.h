#pragma once

#include <cstdint>
#include <expected>
#include <mutex>
#include <string>

#include "base/address.h"
#include "broker/channel.h"
#include "broker/message.h"
#include "sys/linux/spawn.h"

namespace broker {

/// The worker's end: asks the broker, and waits for its answer, which takes a moment. From any
/// thread.
class Client {
 public:
  /// `requests`: a channel whose other end a Broker holds.
  explicit Client(sys::real::Descriptor requests);

  struct Configuration {
    std::string file;
    std::string text;
  };
  /// `anew`: as the file is now, and its rules count beside those in force, until taken_over(). The
  /// error is for people, one mistake a line.
  [[nodiscard]] std::expected<Configuration, std::string> configuration(bool anew);
  void taken_over(bool done);
  void ready();

  [[nodiscard]] base::Io<sys::real::Descriptor> listen(const base::Endpoint& endpoint);
  /// For reading.
  [[nodiscard]] base::Io<sys::real::Descriptor> open(const std::string& path);
  [[nodiscard]] base::Io<sys::real::Descriptor> open_log(const std::string& path);
  /// See sys::Program::run_as.
  [[nodiscard]] sys::real::Spawned run(const sys::Program& program);

 private:
  struct Answer {
    Reply reply;
    std::vector<sys::real::Descriptor> descriptors;
  };
  /// With as many descriptors as that. Without a sensible answer this process ends: there is nobody
  /// left to work for.
  [[nodiscard]] Answer ask(const Request& request, std::size_t descriptors);
  [[nodiscard]] base::Io<sys::real::Descriptor> ask_for_one(const Request& request);

  std::mutex mutex_;
  sys::real::Descriptor requests_;
};

}  // namespace broker
