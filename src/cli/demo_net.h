#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/address.h"
#include "sys/net.h"

namespace cli {

/// What went over the network between addresses, in both directions. A connection counts where it
/// is opened; its octets where they are written, so both ends must be counted.
class DemoTraffic {
 public:
  struct Link {
    std::uint64_t connections = 0;
    std::uint64_t octets = 0;
  };

  [[nodiscard]] Link& between(const base::IpAddress& a, const base::IpAddress& b) {
    return links_[a < b ? std::pair(a, b) : std::pair(b, a)];
  }

 private:
  std::map<std::pair<base::IpAddress, base::IpAddress>, Link> links_;
};

/// A network whose traffic is counted. Everything must outlive it and its connections.
class CountingNet final : public sys::Net {
 public:
  using Connected = std::unique_ptr<sys::Connection>;

  CountingNet(sys::Net& inner, DemoTraffic& traffic) : inner_(inner), traffic_(traffic) {}

  [[nodiscard]] base::Io<std::unique_ptr<sys::Listener>> listen(const base::Endpoint& at) override;
  [[nodiscard]] base::Io<std::unique_ptr<sys::Listener>> listen_unix(
      const std::string& path, sys::UnixAccess access) override {
    return inner_.listen_unix(path, access);
  }
  [[nodiscard]] sys::Now<Connected> connect(const base::Endpoint& remote,
                                            const std::optional<base::IpAddress>& source,
                                            sys::Completion<Connected>& done) override;
  [[nodiscard]] sys::Now<Connected> connect_unix(const std::string& path,
                                                 sys::Completion<Connected>& done) override {
    return inner_.connect_unix(path, done);
  }

 private:
  sys::Net& inner_;
  DemoTraffic& traffic_;
};

}  // namespace cli
