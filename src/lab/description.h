#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "config/config.h"
#include "lab/personality.h"
#include "sim/network.h"

// A mail internet as its file describes it; docs/lab.md is for those who write one. All times are
// since its beginning.
namespace lab {

// What one process can hold. Contents count once for each recipient.
inline constexpr std::size_t servers_max = 200;
inline constexpr std::size_t messages_max = 100'000;
inline constexpr std::uint64_t content_octets_max = std::uint64_t{1} << 30;
inline constexpr base::Duration duration_max = std::chrono::days(366);

/// One server of ours.
struct ServerPlan {
  std::string name;  ///< Of its machine, in the DNS, and the default of its `hostname`.
  std::vector<base::IpAddress> addresses;  ///< Never empty; the first is where it sends from.
  std::shared_ptr<const config::Config> config;
};

/// One host that shares no code with us.
struct ForeignPlan {
  std::string name;
  base::IpAddress address;
  std::vector<std::string> domains;  ///< That it takes mail for, in lower case.
  std::string manner;                ///< The name of its personality.
  Personality personality;
};

/// One record of the DNS.
struct RecordPlan {
  std::string owner;  ///< Without the last dot, in lower case.
  std::string type;
  std::string data;
};

struct LinkPlan {
  std::string a, b;  ///< Both empty: every pair without a link of its own.
  sim::Link link;
};

struct Outage {
  enum class Kind : std::uint8_t {
    server,     ///< `names` has one: its machine is down.
    dns,        ///< `names` has one: questions for this domain, and all below it; `*`: all.
    partition,  ///< `names` and all others do not reach each other.
  };
  enum class How : std::uint8_t {
    power_cut,  ///< What was not synced may be gone, and nobody answers.
    kill,       ///< As kill -9.
    stop,       ///< In order, as by SIGTERM.
  };
  Kind kind = Kind::server;
  std::vector<std::string> names;
  How how = How::power_cut;
  std::string answer = "SERVFAIL";  ///< Of the DNS; or TIMEOUT, REFUSED, NXDOMAIN.
  base::Duration from{};
  base::Duration to = base::Duration::max();  ///< max(): it does not end.
};

/// Who sends to whom.
struct TrafficPlan {
  std::string from;
  std::vector<std::string> to;
  bool together = false;           ///< Each message goes to all of them; else to one, in turn.
  std::vector<std::string> route;  ///< The hosts of a source route.
  std::string server;              ///< Where it is submitted; one of ours.
  std::optional<base::IpAddress> client;  ///< By SMTP from here; else as a local program does.
  std::size_t messages = 1;
  base::Duration start{};
  base::Duration over{};                                 ///< They are spread over so long.
  std::uint64_t octets_min = 1'024, octets_max = 1'024;  ///< Of one content.
};

/// One line of [expect].
struct Expectation {
  enum class Bound : std::uint8_t { exactly, at_least, at_most };
  std::string key;   ///< As it stands in the file.
  std::string what;  ///< A figure of the ledger.
  Bound bound = Bound::exactly;
  std::uint64_t value = 0;
};

struct Description {
  base::Duration duration = std::chrono::days(10);  ///< It ends earlier when all is done.
  std::vector<ServerPlan> servers;
  std::vector<ForeignPlan> foreign;
  std::vector<RecordPlan> records;
  std::vector<LinkPlan> links;
  std::vector<Outage> outages;
  std::vector<TrafficPlan> traffic;
  std::vector<Expectation> expectations;
};

struct ReadOptions {
  std::string file_name;    ///< For mistakes.
  std::string base_folder;  ///< Relative paths are relative to it; absolute itself.
  /// The text of a configuration that the file names. The error is for people.
  std::function<std::expected<std::string, std::string>(const std::string& path)> read_file = {};
  /// What the configurations ask of the world. Files that they name need not be there.
  config::LoadQuestions questions = {};
};

/// Finds all mistakes, in the order of the file; those in configurations by path come with their
/// own file's name.
[[nodiscard]] std::expected<Description, std::vector<config::Mistake>> read_description(
    std::string_view text, const ReadOptions& options);

}  // namespace lab
