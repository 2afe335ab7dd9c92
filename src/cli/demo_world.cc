#include "cli/demo_world.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "crypto/password_hash.h"
#include "crypto/secret.h"
#include "sys/linux/certificate.h"
#include "sys/linux/descriptor.h"

namespace cli {
namespace {

/// Loopback may be dialled: it is refused by default.
constexpr std::string_view common_toml = R"(
hostname = "{domain}"
data_dir = "{folder}/{domain}"
[tls]
certificate = "{folder}/{domain}.pem"
key = "{folder}/{domain}.key"
[dns]
servers = ["{dns}"]
[relay]
networks = [{before}]
source_routes = "honor"
reverse_routes = true
[delivery]
port = {port}
source_addresses = ["{address}"]
refuse_networks = []
[admin]
address = ""
[[domain]]
name = "{domain}"
deliver = "maildir:{folder}/mail/{{domain}}/{{local}}"
[[listener]]
address = "{address}:{port}"
role = "mx"
)";

constexpr std::string_view originator_toml = R"(
[[user]]
address = "{user}"
password = "{password}"
[[listener]]
address = "{address}:1"
role = "submission"
)";

constexpr std::string_view recipient_toml = R"(
[[user]]
address = "{user}"
)";

void write_file(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string password_hash() {
  constexpr crypto::Argon2Costs cheap{.memory_kib = 8'192, .passes = 1};
  const auto hash =
      crypto::PasswordHash::make(crypto::Secret(demo_password), "salt of the demo", cheap);
  return hash ? hash->encode() : "";
}

std::string toml_of(const DemoServerOptions& options, std::size_t index) {
  const std::string address = options.addresses.servers[index].to_string();
  std::string out = fmt::format(
      fmt::runtime(common_toml), fmt::arg("domain", demo_domains[index]),
      fmt::arg("folder", options.folder), fmt::arg("dns", options.dns.to_string()),
      fmt::arg("before", index == 0 ? std::string()
                                    : '"' + options.addresses.servers[index - 1].to_string() + '"'),
      fmt::arg("port", options.addresses.port), fmt::arg("address", address));
  if (index == 0) {
    out += fmt::format(fmt::runtime(originator_toml), fmt::arg("user", demo_originator),
                       fmt::arg("password", password_hash()), fmt::arg("address", address));
  } else if (index + 1 == demo_servers) {
    out += fmt::format(fmt::runtime(recipient_toml), fmt::arg("user", demo_recipient));
  }
  return out;
}

/// The port that a listener gets at an address, `port` or a free one; 0: none.
std::uint16_t bind_port(const sys::real::Descriptor& socket, const base::IpAddress& to,
                        std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const std::string text = to.to_string();
  if (::inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1) return 0;
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), generic, size) != 0) return 0;
  return ::getsockname(socket.get(), generic, &size) == 0 ? ntohs(address.sin_port) : 0;
}

/// A port that is free at all of them; 0: none.
std::uint16_t common_port(const DemoAddresses& addresses) {
  std::vector<sys::real::Descriptor> sockets;
  std::uint16_t port = 0;
  for (const base::IpAddress& address : addresses.servers) {
    sockets.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    port = bind_port(sockets.back(), address, port);
    if (port == 0) return 0;
  }
  return port;
}

}  // namespace

DemoFolder::DemoFolder() {
  std::error_code error;
  const std::filesystem::path above = std::filesystem::temp_directory_path(error);
  if (error) return;
  std::string name = (above / "posthaste-demo-XXXXXX").string();
  if (::mkdtemp(name.data()) != nullptr) path_ = name;
}

DemoFolder::~DemoFolder() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::optional<DemoAddresses> find_demo_addresses(std::uint64_t random) {
  constexpr int tries_max = 20;
  for (int tries = 0; tries < tries_max; ++tries, random = random * 6364136223846793005u + 1) {
    const auto second = static_cast<std::uint8_t>(1 + (random >> 40) % 254);
    const auto third = static_cast<std::uint8_t>(1 + (random >> 50) % 254);
    DemoAddresses out;
    for (std::size_t i = 0; i < demo_servers; ++i) {
      out.servers[i] = base::IpAddress::v4({127, second, third, static_cast<std::uint8_t>(i + 1)});
    }
    out.client = base::IpAddress::v4({127, second, third, demo_servers + 1});
    out.port = common_port(out);
    if (out.port != 0) return out;
  }
  return std::nullopt;
}

dns::Zone demo_zone(const DemoAddresses& addresses) {
  dns::Zone zone;
  for (std::size_t i = 0; i < demo_servers; ++i) {
    const std::string domain(demo_domains[i]);
    const auto add = [&](const std::string& owner, std::string_view type, const std::string& data) {
      PH_ASSERT(zone.add_text(owner, type, data).has_value());
    };
    add(domain, "SOA", fmt::format("ns.{0} hostmaster.{0} 1 3600 600 86400 300", domain));
    add(domain, "MX", "10 " + domain);
    add(domain, "A", addresses.servers[i].to_string());
  }
  return zone;
}

DemoServer make_demo_server(const DemoServerOptions& options, std::size_t index) {
  const std::string domain(demo_domains[index]);
  const std::string base = fmt::format("{}/{}", options.folder, domain);
  auto [certificate, key] = sys::real::self_signed({domain});
  write_file(base + ".pem", certificate);
  write_file(base + ".key", key);
  auto config = config::load(
      toml_of(options, index),
      {.file_name = "demo", .base_folder = options.folder, .machine_name = "localhost"});
  PH_ASSERT(config.has_value());
  if (index == 0)
    config->listeners.back().address.port = 0;  // A free one, which a file can't name.
  return {std::make_shared<const config::Config>(std::move(*config)), certificate};
}

std::vector<std::string> find_demo_messages(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path maildir = std::filesystem::path(folder) / "mail/z.test/bob/new";
  std::vector<std::pair<std::filesystem::file_time_type, std::string>> found;
  for (const auto& entry : std::filesystem::directory_iterator(maildir, error)) {
    found.emplace_back(entry.last_write_time(error), entry.path().string());
  }
  std::ranges::sort(found);
  std::vector<std::string> out;
  for (auto& [time, path] : found) out.push_back(std::move(path));
  return out;
}

}  // namespace cli
