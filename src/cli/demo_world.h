#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "config/config.h"
#include "dns/zone.h"

// What the demo is set in: names, accounts, certificates and configurations. Everything lies in one
// folder, and listens on 127.0.0.1 alone.
namespace cli {

inline constexpr std::string_view demo_originator = "alice@a.test";
inline constexpr std::string_view demo_recipient = "bob@z.test";
inline constexpr std::string_view demo_password = "post, haste, haste";

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

/// The zones `a.test` and `z.test`: an MX each, at 127.0.0.1.
[[nodiscard]] dns::Zone demo_zone();

struct DemoServer {
  std::shared_ptr<const config::Config> config;
  std::string certificate;  ///< PEM, signed by itself.
};

struct DemoServerOptions {
  std::string folder;
  base::Endpoint dns;
  std::uint16_t smtp_port = 25;  ///< That is dialled for MX delivery.
};

/// `a.test`: a submission listener, where the originator may log in.
[[nodiscard]] DemoServer make_demo_a(const DemoServerOptions& options);
/// `z.test`: an mx listener, and the recipient's Maildir.
[[nodiscard]] DemoServer make_demo_z(const DemoServerOptions& options);

/// Where the recipient's message is: the path below `new`, or empty.
[[nodiscard]] std::string find_demo_message(const std::string& folder);

/// A port of 127.0.0.1 where nobody listens.
[[nodiscard]] std::uint16_t unused_port();

}  // namespace cli
