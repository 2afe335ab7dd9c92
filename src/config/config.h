#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/rate.h"
#include "base/time.h"
#include "directory/snapshot.h"
#include "policy/policy.h"
#include "route/decide.h"
#include "route/table.h"

// The configuration file as a value: read once, never changed, shared by pointer. The names and
// defaults are those of docs/configuration.md.
namespace config {

struct Node;  // Of document.h.

struct Listener {
  base::Endpoint address;
  policy::ListenerRole role = policy::ListenerRole::mx;
  std::string unix_path = {};  ///< Of a Unix socket, absolute; empty: `address`, by TCP.
};

/// Paths. Both empty: no certificate, so that STARTTLS and AUTH are not offered.
struct Tls {
  std::string certificate;
  std::string key;
};

struct Dns {
  std::vector<base::Endpoint> servers;  ///< In this order; empty: the system's resolvers.
  base::Duration timeout = std::chrono::seconds(5);

  friend bool operator==(const Dns&, const Dns&) = default;
};

struct Limits {
  std::uint64_t message_size = 50 * 1024 * 1024;  ///< In octets.
  std::size_t recipients = 1'000;                 ///< Of one transaction.
  std::size_t sessions = 10'000;
  std::size_t sessions_per_client = 100;
  base::Rate messages_per_client;  ///< Of clients without AUTH that may not relay.
  base::Rate messages_per_user;    ///< Of each who has logged in.
  base::Rate recipients_per_user;
  base::Duration idle_timeout = std::chrono::minutes(5);
};

using TlsPolicy = route::TlsDemand;

struct Delivery {
  std::uint16_t port = 25;                        ///< Dialled for MX delivery.
  std::string helo;                               ///< Never empty: `hostname` by default.
  std::vector<base::IpAddress> source_addresses;  ///< Empty: the system's choice.
  std::vector<base::Network> refuse_networks;     ///< Where the DNS may not lead us.
  TlsPolicy tls = TlsPolicy::opportunistic;
  std::size_t connections_per_host = 20;
  std::size_t messages_per_connection = 100;
  base::Rate messages_per_host;  ///< To each next hop.
};

/// `[etrn]`: domains whose mail waits until their host asks for it [RFC1985].
struct Etrn {
  std::vector<route::AddressPattern> domains;  ///< A domain, or what is below one.
  std::vector<base::Network> networks;         ///< Who may ask, beside those that may relay.
  base::Rate requests_per_client{.count = 10, .per = std::chrono::minutes(10)};
};

enum class Durability : std::uint8_t {
  fsync,   ///< 250 only when on stable storage.
  memory,  ///< Written, not synced: for tests alone.
};

struct Queue {
  std::vector<base::Duration> retry;  ///< Never empty; the last one repeats.
  base::Duration expire = std::chrono::days(5);
  std::optional<base::Duration> warn_after = std::chrono::hours(4);  ///< nullopt: never.
  Durability durability = Durability::fsync;
};

struct Trace {
  base::Duration keep = std::chrono::days(7);  ///< 0: there is no trace.
  std::uint64_t size = 4 * std::uint64_t{1024} * 1024 * 1024;  ///< In octets.
};

/// How the senders of forwarded mail are rewritten.
struct Srs {
  grammar::Domain domain;   ///< Empty: not at all.
  std::string secret_file;  ///< Made when a server starts, if it is `own_secret`.
  bool own_secret = true;   ///< In `data_dir`.
  base::Duration expire = std::chrono::days(21);
};

struct Admin {
  std::optional<base::Endpoint> address;  ///< nullopt: off.
};

enum class LogFormat : std::uint8_t { json, text };

struct Log {
  LogFormat format = LogFormat::json;
  std::string file;  ///< Empty: stderr.
};

/// What `serve` gives up and keeps when root starts it.
struct Privileges {
  std::string user;                ///< Whom the server runs as; empty: as who started it.
  std::size_t first_uid = 1'000;   ///< System users from here on have mail, and
  std::vector<std::string> users;  ///< those with these names.
};

/// Of the machine's user database.
struct SystemUser {
  std::string name;
  std::uint32_t uid = 0;
};

/// Whether mail may be delivered into the home of this one. Never for root.
[[nodiscard]] bool may_have_mail(const Privileges& privileges, const SystemUser& user);

/// Where something stands in a file. Line and column count from 1, the column in
/// characters; 0: the file as a whole.
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

/// A file that the configuration names and that must be there when the server starts: of the
/// certificate, its key, and passwords for smart hosts.
struct NamedFile {
  std::string key;  ///< "tls.certificate"
  std::string path;
  Position position;
};

/// Everything that one server is to do. All paths are absolute if the base folder was.
struct Config {
  std::string hostname;
  std::string data_dir;
  std::vector<Listener> listeners;
  Tls tls;
  Dns dns;
  policy::RelayRules relay;
  Limits limits;
  Delivery delivery;
  Etrn etrn;
  Queue queue;
  Trace trace;
  Admin admin;
  Srs srs;
  Log log;
  Privileges privileges;

  /// `[[domain]]`, `[[alias]]`, `[[user]]`, and the accounts in `data_dir`.
  std::shared_ptr<const directory::Snapshot> directory;
  route::LocalDomains local_domains;  ///< `[[domain]]`, for route::decide.
  route::RouteTable routes;           ///< `[[route]]`.

  /// Something is done under the rights of other users: a delivery into a home, a program.
  bool needs_other_users = false;
  bool sandbox = false;  ///< See sandbox().
  std::vector<NamedFile> files;
  /// For people: what works, but perhaps not as meant; and what leaves the machine without AUTH.
  std::vector<std::string> warnings;
};

/// One mistake in a configuration file.
struct Mistake {
  std::string file;
  Position position;
  std::string key;      ///< "listener[1].role"; empty when the text is no TOML.
  std::string message;  ///< What was expected.

  /// `file:line:column: key: message`
  [[nodiscard]] std::string print() const;
  friend bool operator==(const Mistake&, const Mistake&) = default;
};

/// One row of a table in a file of its own.
struct TableRow {
  std::string key;
  std::string value;
  std::size_t line = 0;  ///< Of text; of other forms the row. From 1.
};

/// A text file, as it is and where it lies.
struct TextFile {
  std::string text;
  std::string real_path;     ///< Whatever links led to it.
  bool open_to_all = false;  ///< Everybody may write to it.
};

/// What load() asks of the world. What is left out is not asked.
struct LoadQuestions {
  /// All users of the machine. If they are not known, nobody has mail in a home.
  std::function<std::vector<SystemUser>()> system_users = {};
  /// Whether there is a file at a path.
  std::function<bool(const std::string& path)> is_readable = {};
  /// Whether a pipe could run it.
  std::function<bool(const std::string& path)> is_executable = {};
  /// Why no server could use these, when their files are there; empty: they are good.
  std::function<std::string(const Tls& tls)> certificate_problem = {};
  /// The accounts that are kept in a data folder. The error is for people. If they are not known,
  /// an alias that leads to no mailbox is no mistake: it may lead to one of them.
  std::function<std::expected<std::vector<directory::User>, std::string>(
      const std::string& data_dir)>
      accounts = {};
  /// The rows of a table in a file, be it text, CDB or SQLite. The error is for people, with path
  /// and line.
  std::function<std::expected<std::vector<TableRow>, std::string>(const std::string& path)> table =
      {};
  /// A file of aliases. The error is for people, with the path.
  std::function<std::expected<TextFile, std::string>(const std::string& path)> text_file = {};
  /// Where a file or folder lies, whatever links lead to it; empty: nowhere.
  std::function<std::string(const std::string& path)> real_path = {};
};

struct LoadOptions {
  std::string file_name;     ///< For mistakes.
  std::string base_folder;   ///< Relative paths are relative to it; absolute itself.
  std::string machine_name;  ///< The default of `hostname`.
  LoadQuestions questions = {};
};

/// Reads the text of a configuration file. Finds all mistakes, in the order of the file; of text
/// that is no TOML, the first one. Looks at nothing else but by `options.questions`.
[[nodiscard]] std::expected<Config, std::vector<Mistake>> load(std::string_view text,
                                                               const LoadOptions& options);
/// The same of a table in a larger document; `path`: its key there, for mistakes.
[[nodiscard]] std::expected<Config, std::vector<Mistake>> load(const Node& document,
                                                               const std::string& path,
                                                               const LoadOptions& options);

/// What `serve` runs without a configuration: mx 127.0.0.1:2525, submission 127.0.0.1:2587 without
/// AUTH; every recipient of every domain is known, and captured in `data_dir`/mail/DOMAIN/LOCAL. A
/// route sends everything there, so nothing leaves the machine.
[[nodiscard]] Config sandbox(const std::string& data_dir, const std::string& machine_name);

/// `data_dir` and everything else by default; relays nothing, has no domain. For tests and tools.
[[nodiscard]] Config defaults(const std::string& machine_name);

}  // namespace config
