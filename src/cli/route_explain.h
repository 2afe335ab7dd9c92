#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/task.h"
#include "config/config.h"
#include "delivery/settings.h"
#include "grammar/path.h"
#include "reception/recipients.h"
#include "route/mx_lookup.h"
#include "route/step.h"

namespace directory {
class Srs;
}

namespace engine {
class Resolver;
}

// Where mail to an address goes next, and why: by the same functions that the server calls at RCPT
// and at each attempt.
namespace cli {

struct RouteRequest {
  std::string address;                         ///< As it came, with or without `<>` and a route.
  std::optional<base::IpAddress> client;       ///< Of an mx listener; nullopt: one that may relay.
  std::string user;                            ///< Who has logged in; empty: nobody.
  std::optional<grammar::ReversePath> sender;  ///< nullopt: not known.
};

enum class RouteOutcome : std::uint8_t {
  relay,
  local,
  alias,
  refused,   ///< By a reply, or by a report.
  deferred,  ///< For now.
};

struct RouteAnswer {
  std::string recipient;  ///< As it came; of a target, its address.
  RouteOutcome outcome = RouteOutcome::refused;
  std::string reply;  ///< Of what is refused or deferred, `550 5.1.1 …`; else empty.
  std::vector<route::Step> steps;
  std::string via;                   ///< The next hop as a target; empty: none.
  std::vector<route::Host> hosts;    ///< In the order of trial.
  std::vector<RouteAnswer> targets;  ///< Of an alias.
  std::string tls = {};              ///< Whether it is encrypted on its way; empty: ends here.

  /// It ends well, and so do all of its targets.
  [[nodiscard]] bool is_good() const;
};

/// All must outlive the answer.
struct RouteWorld {
  const config::Config& config;
  std::shared_ptr<const delivery::Settings> settings;
  engine::Resolver& resolver;
  reception::AskAboutRecipient ask;  ///< For `recipients = "ask"`.
  std::uint64_t random = 0;
  std::shared_ptr<const directory::Srs> srs = {};  ///< Null: senders are not rewritten.
  base::WallTime now = {};
};

[[nodiscard]] base::Task<RouteAnswer> explain_route(RouteWorld& world, RouteRequest request);

}  // namespace cli
