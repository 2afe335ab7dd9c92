#include "sim/network.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "sim/listener.h"
#include "sim/stream.h"

namespace sim {

using base::io_error;
using base::IoErrorCode;

namespace {

constexpr std::uint16_t first_ephemeral_port = 32'768;
constexpr std::uint16_t last_ephemeral_port = 60'999;

class SimListener final : public sys::Listener {
 public:
  explicit SimListener(std::shared_ptr<ListenerState> state) : state_(std::move(state)) {}
  ~SimListener() override { state_->close(); }
  [[nodiscard]] sys::Now<std::unique_ptr<sys::Connection>> accept(
      ConnectionCompletion& done) override {
    return state_->accept(done);
  }
  [[nodiscard]] base::Endpoint local() const override { return state_->local(); }

 private:
  std::shared_ptr<ListenerState> state_;
};

/// `0.0.0.0` or `::`.
bool is_wildcard(const base::IpAddress& address) {
  return address == base::IpAddress() || address == base::IpAddress::v4({0, 0, 0, 0});
}

}  // namespace

class SimNet final : public sys::Net {
 public:
  SimNet(Host& host, SimLoop& loop) : host_(host), loop_(loop) {}

  [[nodiscard]] base::Io<std::unique_ptr<sys::Listener>> listen(
      const base::Endpoint& local) override;
  [[nodiscard]] base::Io<std::unique_ptr<sys::Listener>> listen_unix(
      const std::string& path, sys::UnixAccess access) override;
  [[nodiscard]] sys::Now<std::unique_ptr<sys::Connection>> connect(
      const base::Endpoint& remote, const std::optional<base::IpAddress>& source,
      ConnectionCompletion& done) override;
  [[nodiscard]] sys::Now<std::unique_ptr<sys::Connection>> connect_unix(
      const std::string& path, ConnectionCompletion& done) override;

 private:
  [[nodiscard]] base::Io<> begin() const;
  [[nodiscard]] std::optional<base::IpAddress> pick_source(const base::IpAddress& remote) const;
  void start(ConnectAttempt::Target target, ConnectionCompletion& done);

  Host& host_;
  SimLoop& loop_;
};

base::Io<> SimNet::begin() const {
  if (!host_.alive_) return io_error(IoErrorCode::cancelled);
  if (host_.no_descriptors_) return io_error(IoErrorCode::no_descriptors, EMFILE);
  return {};
}

base::Io<std::unique_ptr<sys::Listener>> SimNet::listen(const base::Endpoint& local) {
  if (const base::Io<> begun = begin(); !begun) return std::unexpected(begun.error());
  if (!is_wildcard(local.address) && !local.address.is_loopback() && !host_.owns(local.address))
    return io_error(IoErrorCode::unreachable, EADDRNOTAVAIL);
  base::Endpoint chosen = local;
  if (chosen.port == 0) chosen.port = host_.pick_port();
  if (host_.listeners_.contains(chosen)) return io_error(IoErrorCode::busy, EADDRINUSE);
  auto state = std::make_shared<ListenerState>(host_, loop_, ListenAddress{chosen, {}});
  host_.listeners_.emplace(chosen, state);
  return std::make_unique<SimListener>(std::move(state));
}

base::Io<std::unique_ptr<sys::Listener>> SimNet::listen_unix(const std::string& path,
                                                             sys::UnixAccess /*access*/) {
  if (const base::Io<> begun = begin(); !begun) return std::unexpected(begun.error());
  if (host_.unix_listeners_.contains(path)) return io_error(IoErrorCode::busy, EADDRINUSE);
  auto state = std::make_shared<ListenerState>(host_, loop_, ListenAddress{{}, path});
  host_.unix_listeners_.emplace(path, state);
  return std::make_unique<SimListener>(std::move(state));
}

std::optional<base::IpAddress> SimNet::pick_source(const base::IpAddress& remote) const {
  if (remote.is_loopback()) return remote;
  for (const base::IpAddress& address : host_.addresses_)
    if (address.is_v4() == remote.is_v4()) return address;
  return std::nullopt;
}

sys::Now<std::unique_ptr<sys::Connection>> SimNet::connect(
    const base::Endpoint& remote, const std::optional<base::IpAddress>& source,
    ConnectionCompletion& done) {
  if (const base::Io<> begun = begin(); !begun) return std::unexpected(begun.error());
  const std::optional<base::IpAddress> from = source ? source : pick_source(remote.address);
  if (!from) return io_error(IoErrorCode::unreachable, ENETUNREACH);
  if (!from->is_loopback() && !host_.owns(*from))
    return io_error(IoErrorCode::unreachable, EADDRNOTAVAIL);
  start({{*from, host_.pick_port()}, remote, {}}, done);
  return std::nullopt;
}

sys::Now<std::unique_ptr<sys::Connection>> SimNet::connect_unix(const std::string& path,
                                                                ConnectionCompletion& done) {
  if (const base::Io<> begun = begin(); !begun) return std::unexpected(begun.error());
  start({{}, {}, path}, done);
  return std::nullopt;
}

void SimNet::start(ConnectAttempt::Target target, ConnectionCompletion& done) {
  PH_ASSERT(loop_.scheduler().current() == &loop_);
  std::make_shared<ConnectAttempt>(host_, loop_, std::move(target), done)->start();
}

Host::Host(Network& network, std::string name, std::vector<base::IpAddress> addresses)
    : network_(network), name_(std::move(name)), addresses_(std::move(addresses)) {}

Host::~Host() = default;

bool Host::owns(const base::IpAddress& address) const {
  return std::ranges::find(addresses_, address) != addresses_.end();
}

std::unique_ptr<sys::Net> Host::make_net(SimLoop& loop) {
  return std::make_unique<SimNet>(*this, loop);
}

std::uint16_t Host::pick_port() {
  const std::uint16_t port = next_port_;
  next_port_ =
      port == last_ephemeral_port ? first_ephemeral_port : static_cast<std::uint16_t>(port + 1);
  return port;
}

ListenerState* Host::find_listener(const base::Endpoint& local) const {
  const base::IpAddress any =
      local.address.is_v4() ? base::IpAddress::v4({0, 0, 0, 0}) : base::IpAddress();
  // A socket bound to `::` takes IPv4, too.
  for (const base::IpAddress& address : {local.address, any, base::IpAddress()}) {
    const auto found = listeners_.find({address, local.port});
    if (found != listeners_.end()) return found->second.get();
  }
  return nullptr;
}

void Host::end_life() {
  alive_ = false;
  for (const auto& [local, listener] : std::exchange(listeners_, {})) listener->end_life();
  for (const auto& [path, listener] : std::exchange(unix_listeners_, {})) listener->end_life();
  const auto attempts = attempts_;
  for (const auto& [number, weak] : attempts)
    if (const auto attempt = weak.lock()) attempt->end_life();
}

void Host::power_off() {
  powered_ = false;
  end_life();
  const auto streams = streams_;
  for (const auto& [number, weak] : streams)
    if (const auto stream = weak.lock()) stream->power_off();
}

void Host::start() {
  powered_ = true;
  alive_ = true;
}

void Host::kill() {
  end_life();
  const auto streams = streams_;
  for (const auto& [number, weak] : streams)
    if (const auto stream = weak.lock()) stream->kill();
}

Network::Network(Scheduler& scheduler)
    : scheduler_(scheduler),
      rng_(scheduler.rng().fork()),
      local_link_{.latency_min = std::chrono::microseconds(5),
                  .latency_max = std::chrono::microseconds(50)} {}

Network::~Network() = default;

Host& Network::add_host(std::string name, std::vector<base::IpAddress> addresses) {
  for (const base::IpAddress& address : addresses) PH_ASSERT(find(address) == nullptr);
  hosts_.push_back(std::make_unique<Host>(*this, std::move(name), std::move(addresses)));
  return *hosts_.back();
}

Network::Pair Network::pair_of(const Host& a, const Host& b) {
  return std::minmax(a.name(), b.name());
}

Link& Network::link(const Host& a, const Host& b) {
  PH_ASSERT(&a != &b);
  return links_.try_emplace(pair_of(a, b), default_link_).first->second;
}

const Link& Network::link_between(const Host& a, const Host& b) const {
  if (&a == &b) return local_link_;
  const auto found = links_.find(pair_of(a, b));
  return found == links_.end() ? default_link_ : found->second;
}

base::Duration Network::latency(const Link& link) {
  const auto spread = static_cast<std::uint64_t>((link.latency_max - link.latency_min).count());
  return link.latency_min + base::Duration(rng_.below(spread + 1));
}

Host* Network::find(const base::IpAddress& address) const {
  for (const auto& host : hosts_)
    if (host->owns(address)) return host.get();
  return nullptr;
}

void Network::reset_all(const Host& a, const Host& b) {
  const auto streams = a.streams_;
  for (const auto& [number, weak] : streams) {
    const auto stream = weak.lock();
    if (stream && &stream->peer_host() == &b) stream->break_down();
  }
}

}  // namespace sim
