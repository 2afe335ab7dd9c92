#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

#include "base/address.h"

namespace policy {

enum class Admission : std::uint8_t {
  admitted,
  too_many_sessions,
  too_many_of_client,
};

/// What is one client: one IPv4 address or one IPv6 network of 64 bits, since that is the least
/// that a site has [RFC6177 2].
[[nodiscard]] base::IpAddress site_of(const base::IpAddress& client);

/// Counts open sessions, of a client by its site_of(). Memory is bounded by `sessions`. Not
/// synchronised.
class SessionLimits {
 public:
  struct Options {
    std::size_t sessions = 10'000;
    std::size_t sessions_per_client = 100;
  };
  explicit SessionLimits(const Options& options) : options_(options) {}

  /// Counts a new session if it is admitted; release() it once when it has ended.
  [[nodiscard]] Admission admit(const base::IpAddress& client);
  void release(const base::IpAddress& client);

  /// After a reload. Open sessions stay.
  void set_options(const Options& options) { options_ = options; }
  [[nodiscard]] std::size_t sessions() const { return sessions_; }

 private:
  Options options_;
  std::size_t sessions_ = 0;
  std::map<base::IpAddress, std::size_t> by_client_;
};

}  // namespace policy
