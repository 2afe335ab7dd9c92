#include "cli/demo_world.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "base/assert.h"
#include "crypto/password_hash.h"
#include "crypto/secret.h"
#include "sys/linux/certificate.h"
#include "sys/linux/descriptor.h"

namespace cli {
namespace {

/// Loopback alone may be dialled: it is refused by default.
constexpr std::string_view common_toml = R"(
hostname = "mx.{domain}"
data_dir = "{folder}/{domain}"
[tls]
certificate = "{folder}/{domain}.pem"
key = "{folder}/{domain}.key"
[dns]
servers = ["{dns}"]
[delivery]
port = {port}
refuse_networks = []
[admin]
address = ""
[[domain]]
name = "{domain}"
deliver = "maildir:{folder}/mail/{{domain}}/{{local}}"
[[user]]
address = "{user}"
password = "{password}"
[[listener]]
address = "127.0.0.1:1"
role = "{role}"
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

struct Role {
  std::string_view domain, user, role;
  std::string password;
};

DemoServer make_server(const DemoServerOptions& options, const Role& role) {
  const std::string base = fmt::format("{}/{}", options.folder, role.domain);
  auto [certificate, key] = sys::real::self_signed({fmt::format("mx.{}", role.domain)});
  write_file(base + ".pem", certificate);
  write_file(base + ".key", key);
  const std::string toml =
      fmt::format(fmt::runtime(common_toml), fmt::arg("domain", role.domain),
                  fmt::arg("folder", options.folder), fmt::arg("dns", options.dns.to_string()),
                  fmt::arg("port", options.smtp_port), fmt::arg("user", role.user),
                  fmt::arg("password", role.password), fmt::arg("role", role.role));
  auto config = config::load(
      toml, {.file_name = "demo", .base_folder = options.folder, .machine_name = "localhost"});
  PH_ASSERT(config.has_value());
  config->listeners.front().address.port = 0;  // A free one, which a file cannot ask for.
  return {std::make_shared<const config::Config>(std::move(*config)), certificate};
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

dns::Zone demo_zone() {
  dns::Zone zone;
  for (const std::string domain : {"a.test", "z.test"}) {
    const auto add = [&](const std::string& owner, std::string_view type, const std::string& data) {
      PH_ASSERT(zone.add_text(owner, type, data).has_value());
    };
    add(domain, "SOA", fmt::format("ns.{0} hostmaster.{0} 1 3600 600 86400 300", domain));
    add(domain, "MX", "10 mx." + domain);
    add("mx." + domain, "A", "127.0.0.1");
  }
  return zone;
}

DemoServer make_demo_a(const DemoServerOptions& options) {
  return make_server(options, {"a.test", demo_originator, "submission", password_hash()});
}

DemoServer make_demo_z(const DemoServerOptions& options) {
  return make_server(options, {"z.test", demo_recipient, "mx", ""});
}

std::string find_demo_message(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path maildir = std::filesystem::path(folder) / "mail/z.test/bob/new";
  for (const auto& entry : std::filesystem::directory_iterator(maildir, error)) {
    return entry.path().string();
  }
  return {};
}

std::uint16_t unused_port() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  const sys::real::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  (void)::bind(socket.get(), generic, size);
  (void)::getsockname(socket.get(), generic, &size);
  return ntohs(address.sin_port);
}

}  // namespace cli
