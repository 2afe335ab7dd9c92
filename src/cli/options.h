#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/account_options.h"

// What each command was asked to do. One struct and one run() for each.
namespace cli {

/// Of every command.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;  ///< The answer is "no", or the work failed.
inline constexpr int exit_usage = 2;   ///< Wrong usage or configuration.

/// `--config FILE`, or empty: the default file, or without it the sandbox.
struct ServeOptions {
  std::string config;
};

struct CheckOptions {
  std::string config;
  bool json = false;
};

struct CheckAddressOptions {};

enum class SendTls : std::uint8_t {
  automatic,  ///< From the start at port 465, else STARTTLS where it is offered.
  off,
  starttls,
  implicit,
};

struct SendOptions {
  std::string server;  ///< HOST:PORT
  std::string from;
  std::vector<std::string> to;
  std::string file;  ///< Empty or "-": stdin.
  std::string helo;
  std::string auth_user;
  std::string password_file;
  SendTls tls = SendTls::automatic;
  std::string ca_file;
  bool insecure = false;
  bool verbose = false;
};

struct UserHashOptions {};

struct QueueListOptions {
  std::string config;
  bool json = false;
};
struct QueueShowOptions {
  std::string config;
  std::string id;
  bool json = false;
};
struct QueueBodyOptions {
  std::string config;
  std::string id;
};
/// `retry`, `hold`, …
struct QueueActionOptions {
  std::string action;
  std::string config;
  std::optional<std::string> id, to, from;
  bool all = false;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;  ///< Prints nothing when it went well.
  std::string via;     ///< Of `reroute`.
};

/// What a program that calls sendmail(8) wants.
enum class SendmailMode : std::uint8_t {
  deliver,      ///< -bm: takes a message from stdin.
  smtp,         ///< -bs: speaks SMTP on stdin and stdout.
  print_queue,  ///< -bp, or called as mailq.
  run_queue,    ///< -q
  nothing,      ///< -bi, or called as newaliases: there is nothing to build.
};

struct SendmailOptions {
  std::string config;
  SendmailMode mode = SendmailMode::deliver;
  bool recipients_from_header = false;  ///< -t
  bool dot_ends = true;                 ///< Not with -i or -oi.
  bool verbose = false;
  std::optional<std::string> from;  ///< -f, -r
  std::string full_name;            ///< -F
  std::string notify;               ///< -N
  std::string ret;                  ///< -R
  std::string envid;                ///< -V
  std::vector<std::string> recipients;
};

struct TraceOptions {
  std::string config;
  std::string id;
  bool json = false;
};

struct DemoOptions {
  bool without_z = false;  ///< The server z.test does not run: the demo must fail.
  bool json = false;
};

struct LabOptions {
  std::string file;
  std::uint64_t seed = 1;
  std::string journeys;  ///< A number, or `all`; empty: as the form of the answer has it.
  bool json = false;
  std::string svg;  ///< Empty: no picture.
};

using Command =
    std::variant<ServeOptions, CheckOptions, CheckAddressOptions, SendOptions, UserHashOptions,
                 UserAddOptions, UserPasswdOptions, UserRemoveOptions, UserListOptions,
                 RouteOptions, TraceOptions, QueueListOptions, QueueShowOptions, QueueBodyOptions,
                 QueueActionOptions, SendmailOptions, DemoOptions, LabOptions>;

// Each returns the exit status of the process.
[[nodiscard]] int run(const ServeOptions& options);
[[nodiscard]] int run(const CheckOptions& options);
[[nodiscard]] int run(const CheckAddressOptions& options);
[[nodiscard]] int run(const SendOptions& options);
[[nodiscard]] int run(const UserHashOptions& options);
[[nodiscard]] int run(const TraceOptions& options);
[[nodiscard]] int run(const QueueListOptions& options);
[[nodiscard]] int run(const QueueShowOptions& options);
[[nodiscard]] int run(const QueueBodyOptions& options);
[[nodiscard]] int run(const QueueActionOptions& options);
[[nodiscard]] int run(const SendmailOptions& options);
[[nodiscard]] int run(const DemoOptions& options);
[[nodiscard]] int run(const LabOptions& options);

}  // namespace cli
