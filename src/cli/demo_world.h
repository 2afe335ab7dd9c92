#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "config/config.h"
#include "dns/zone.h"

// What the demo is set in: names, addresses, accounts, certificates and configurations. Everything
// lies in one folder, and listens on loopback alone.
namespace cli {

inline constexpr std::string_view demo_originator = "alice@a.test";
inline constexpr std::string_view demo_recipient = "bob@z.test";
inline constexpr std::string_view demo_password = "post, haste, haste";
/// The servers, in the order of the source route.
inline constexpr std::array<std::string_view, 5> demo_domains = {"a.test", "d.test", "p.test",
                                                                 "u.test", "z.test"};
inline constexpr std::size_t demo_servers = demo_domains.size();

/// A folder of its own below TMPDIR, removed with all that is in it.
class DemoFolder {
 public:
  DemoFolder();
  ~DemoFolder();
  DemoFolder(const DemoFolder&) = delete;
  DemoFolder& operator=(const DemoFolder&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }  ///< Empty: it failed.

 private:
  std::string path_;
};

/// Where everybody listens: an address for each server, one port for all of them.
struct DemoAddresses {
  std::array<base::IpAddress, demo_servers> servers;
  base::IpAddress client;
  std::uint16_t port = 0;
};
/// Addresses of 127.0.0.0/8 and a port that are free. `random` chooses among them, so that demos do
/// not meet. Nullopt: none can be had.
[[nodiscard]] std::optional<DemoAddresses> find_demo_addresses(std::uint64_t random);

/// For each domain an MX, which is the server at its address.
[[nodiscard]] dns::Zone demo_zone(const DemoAddresses& addresses);

struct DemoServer {
  std::shared_ptr<const config::Config> config;
  std::string certificate;  ///< PEM, signed by itself.
};

struct DemoServerOptions {
  std::string folder;
  base::Endpoint dns;
  DemoAddresses addresses;
};

/// The server at `index` of demo_domains: it executes source routes for the one before it alone.
/// The first takes submissions, too, at a port of its own; the last has the recipient's mailbox.
[[nodiscard]] DemoServer make_demo_server(const DemoServerOptions& options, std::size_t index);

/// Where the recipient's messages are: the paths below `new`, the oldest first.
[[nodiscard]] std::vector<std::string> find_demo_messages(const std::string& folder);

}  // namespace cli
