#include "sys/linux/resolver.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "base/ascii.h"
#include "sys/linux/upstream.h"

namespace sys::real {

using base::Io;
using base::IoErrorCode;

namespace {

constexpr std::uint16_t dns_port = 53;  // [RFC1035 4.2]

/// How long a server that was silent is asked after the others.
constexpr auto silent_for = std::chrono::seconds(30);

class RealResolver;

/// One look-up. Owned by the resolver's table of deadlines.
struct Query final : Asker {
  void answered(LookUp result) override;

  RealResolver* resolver = nullptr;
  Completion<dns::Answer>* done = nullptr;
  base::Instant deadline;                 ///< For all servers together.
  std::vector<std::size_t> order;         ///< Servers, in the order of asking.
  std::size_t asked = 0;                  ///< The one being asked is order[asked - 1].
  bool failed = false;                    ///< It has said so; the next one is to be asked.
  base::IoError error{IoErrorCode::dns};  ///< Of the last server that failed.
  std::multimap<base::Instant, std::unique_ptr<Query>>::iterator place;
};

class RealResolver final : public Resolver, public std::enable_shared_from_this<RealResolver> {
 public:
  RealResolver(RealLoop& loop, const ResolverOptions& options)
      : core_(loop.core()), options_(options), timer_(core_.io) {
    for (const base::Endpoint& server : options.servers) servers_.push_back({.endpoint = server});
  }
  ~RealResolver() override { PH_ASSERT(queries_.empty()); }

  [[nodiscard]] Now<dns::Answer> resolve(const dns::Question& question,
                                         Completion<dns::Answer>& done) override;

 private:
  friend Query;
  struct Server {
    base::Endpoint endpoint;
    std::shared_ptr<Upstream> upstream;  ///< Made at the first look-up.
    base::Instant silent_until{};
  };

  static void cancel(void* query, base::Operation& operation) noexcept;
  [[nodiscard]] std::vector<std::size_t> order_of_asking() const;
  /// Asks the next server that can be asked; the error of the last one when there is none.
  [[nodiscard]] Io<> ask_next(Query& query);
  void set_deadline(Query& query, base::Instant when);
  /// Ends `query`; its waiter goes on in another turn of the loop.
  void finish(Query& query, LookUp result) noexcept;
  void arm(base::Instant when);
  void give_up_late_ones();

  LoopCore& core_;
  ResolverOptions options_;
  std::vector<Server> servers_;
  /// By the time at which the server that is being asked is given up.
  std::multimap<base::Instant, std::unique_ptr<Query>> queries_;
  decltype(LoopCore::timer) timer_;
  base::Instant armed_for_ = base::Instant::max();
};

void Query::answered(LookUp result) {
  if (result) return resolver->finish(*this, std::move(result));
  failed = true;
  error = result.error();
  // Not from inside libunbound: the timer's next turn asks the next server.
  resolver->set_deadline(*this, resolver->core_.loop.now());
}

Now<dns::Answer> RealResolver::resolve(const dns::Question& question,
                                       Completion<dns::Answer>& done) {
  if (queries_.size() >= options_.in_flight_max) return base::io_error(IoErrorCode::busy);
  const base::Instant deadline = core_.loop.now() + options_.timeout;
  const auto place = queries_.emplace(deadline, std::make_unique<Query>());
  Query& query = *place->second;
  query.place = place;
  query.question = question;
  query.resolver = this;
  query.done = &done;
  query.deadline = deadline;
  query.order = order_of_asking();
  if (const Io<> asked = ask_next(query); !asked) {
    queries_.erase(query.place);
    return std::unexpected(asked.error());
  }
  done.set_cancel(&query, &cancel);
  return std::nullopt;
}

void RealResolver::cancel(void* owner, base::Operation& /*operation*/) noexcept {
  Query& query = *static_cast<Query*>(owner);
  RealResolver& self = *query.resolver;
  self.servers_[query.order[query.asked - 1]].upstream->forget(query);
  self.finish(query, base::io_error(IoErrorCode::cancelled));
}

std::vector<std::size_t> RealResolver::order_of_asking() const {
  std::vector<std::size_t> order;
  const base::Instant now = core_.loop.now();
  for (const bool silent : {false, true}) {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      if ((servers_[i].silent_until > now) == silent) order.push_back(i);
    }
  }
  return order;
}

Io<> RealResolver::ask_next(Query& query) {
  Io<> result = std::unexpected(query.error);
  while (query.asked < query.order.size()) {
    Server& server = servers_[query.order[query.asked++]];
    if (server.upstream == nullptr) {
      server.upstream = Upstream::make(
          core_, {.server = server.endpoint, .in_flight_max = options_.in_flight_max});
    }
    if (server.upstream == nullptr) {
      result = base::io_error(IoErrorCode::no_descriptors);
      continue;
    }
    result = server.upstream->ask(query);
    if (!result) continue;
    // Each server gets an equal share of what is left, so that the last one has its turn, too.
    const base::Instant now = core_.loop.now();
    const auto left = std::max(query.deadline - now, base::Duration::zero());
    set_deadline(query, now + left / static_cast<int>(query.order.size() - query.asked + 1));
    return {};
  }
  return result;
}

void RealResolver::set_deadline(Query& query, base::Instant when) {
  auto node = queries_.extract(query.place);
  node.key() = when;
  query.place = queries_.insert(std::move(node));
  if (when < armed_for_) arm(when);
}

void RealResolver::finish(Query& query, LookUp result) noexcept {
  Completion<dns::Answer>& done = *query.done;
  queries_.erase(query.place);
  done.queue_result(std::move(result));
  core_.loop.post(done, done);
}

void RealResolver::arm(base::Instant when) {
  armed_for_ = when;
  timer_.expires_at(when);
  timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const std::shared_ptr<RealResolver> self = weak.lock();
    if (self == nullptr || error) return;
    self->give_up_late_ones();
  });
}

void RealResolver::give_up_late_ones() {
  armed_for_ = base::Instant::max();
  const base::Instant now = core_.loop.now();
  while (!queries_.empty() && queries_.begin()->first <= now) {
    Query& query = *queries_.begin()->second;
    if (!std::exchange(query.failed, false)) {
      Server& server = servers_[query.order[query.asked - 1]];
      server.upstream->forget(query);
      server.silent_until = now + silent_for;
      query.error = {IoErrorCode::timed_out};
    }
    if (const Io<> asked = ask_next(query); !asked) {
      finish(query, std::unexpected(asked.error()));
    }
  }
  if (!queries_.empty() && queries_.begin()->first < armed_for_) arm(queries_.begin()->first);
}

std::vector<base::Endpoint> system_servers() {
  std::ifstream file("/etc/resolv.conf");
  std::ostringstream text;
  text << file.rdbuf();
  return parse_resolv_conf(text.str());
}

/// Lets the waits of the resolver find out that it is gone.
class SharedResolver final : public Resolver {
 public:
  explicit SharedResolver(std::shared_ptr<RealResolver> resolver)
      : resolver_(std::move(resolver)) {}
  [[nodiscard]] Now<dns::Answer> resolve(const dns::Question& question,
                                         Completion<dns::Answer>& done) override {
    return resolver_->resolve(question, done);
  }

 private:
  std::shared_ptr<RealResolver> resolver_;
};

}  // namespace

std::vector<base::Endpoint> parse_resolv_conf(std::string_view text) {
  std::vector<base::Endpoint> servers;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));

    constexpr std::string_view keyword = "nameserver";
    if (!line.starts_with(keyword)) continue;
    line.remove_prefix(keyword.size());
    if (line.empty() || !base::is_space(line.front())) continue;
    line = base::trimmed(line);
    line = line.substr(0, line.find_first_of(" \t\r#;"));
    const auto address = base::IpAddress::parse(line);
    if (address) servers.push_back({*address, dns_port});
  }
  if (servers.empty()) servers.push_back({base::IpAddress::v4({127, 0, 0, 1}), dns_port});
  return servers;
}

std::unique_ptr<Resolver> make_resolver(RealLoop& loop, const ResolverOptions& options) {
  ResolverOptions used = options;
  if (used.servers.empty()) used.servers = system_servers();
  if (used.servers.size() > ResolverOptions::servers_max) {
    used.servers.resize(ResolverOptions::servers_max);
  }
  return std::make_unique<SharedResolver>(std::make_shared<RealResolver>(loop, used));
}

}  // namespace sys::real
