#include "reception/reception.h"

#include <algorithm>
#include <utility>

#include "engine/channel.h"
#include "reception/session.h"
#include "smtp/server_replies.h"

namespace reception {

namespace {

/// How long to wait when there are no descriptors: sessions that end free some.
constexpr base::Duration no_descriptors_pause = std::chrono::milliseconds(100);

}  // namespace

std::string name_of(const ListenerSettings& listener) {
  return listener.unix_path.empty() ? listener.address.to_string() : "unix:" + listener.unix_path;
}

/// Cuts off the sessions that have not ended in time.
class Reception::Grace final : public engine::Deadline {
 public:
  Grace(engine::Timers& timers, base::Group& sessions) : Deadline(timers), sessions_(sessions) {}

 private:
  void expired() noexcept override { sessions_.cancel(); }
  base::Group& sessions_;
};

Reception::Reception(const ReceptionWorld& world, std::shared_ptr<const Settings> settings,
                     OnAccepted on_accepted)
    : world_(world),
      settings_(std::move(settings)),
      scram_accounts_(std::make_shared<const ScramAccounts>(settings_->directory)),
      on_accepted_(std::move(on_accepted)),
      limits_(settings_->limits),
      rates_(settings_->rates),
      grace_(std::make_unique<Grace>(world.timers, serving_)),
      stopped_(world.loop) {}

Reception::~Reception() = default;

auto Reception::bind(const ListenerSettings& settings)
    -> std::expected<std::shared_ptr<Listening>, std::string> {
  const bool is_unix = !settings.unix_path.empty();
  auto bound = is_unix ? world_.net.listen_unix(settings.unix_path, settings.for_all_users
                                                                        ? sys::UnixAccess::everybody
                                                                        : sys::UnixAccess::owner)
                       : world_.net.listen(settings.address);
  if (!bound) {
    return std::unexpected("cannot listen on " + name_of(settings) + ": " +
                           base::describe(bound.error()));
  }
  auto out = std::make_shared<Listening>();
  out->socket = std::move(*bound);
  out->address = settings.address;
  out->unix_path = settings.unix_path;
  return out;
}

auto Reception::bind_all(const Settings& settings) -> std::expected<Listenings, std::string> {
  Listenings out;
  for (const ListenerSettings& wanted : settings.listeners) {
    const auto open = std::ranges::find_if(listeners_, [&](const auto& listening) {
      return listening->address == wanted.address && listening->unix_path == wanted.unix_path &&
             std::ranges::find(out, listening) == out.end();
    });
    if (open != listeners_.end()) {
      out.push_back(*open);
      continue;
    }
    auto bound = bind(wanted);
    if (!bound) return std::unexpected(std::move(bound.error()));
    out.push_back(std::move(*bound));
  }
  return out;
}

std::expected<void, std::string> Reception::listen() { return reload(settings_); }

std::expected<void, std::string> Reception::reload(std::shared_ptr<const Settings> settings) {
  auto bound = bind_all(*settings);
  if (!bound) return std::unexpected(std::move(bound.error()));
  const Listenings before = std::exchange(listeners_, std::move(*bound));
  if (settings->directory != settings_->directory) {
    scram_accounts_ = std::make_shared<const ScramAccounts>(settings->directory);
  }
  settings_ = std::move(settings);
  limits_.set_options(settings_->limits);
  rates_.set_options(settings_->rates);
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    listeners_[i]->index = i;
    const bool is_new = std::ranges::find(before, listeners_[i]) == before.end();
    if (is_new && running_) acceptors_.spawn(keep_accepting(listeners_[i]));
  }
  for (const auto& listening : before) {
    const bool is_gone = std::ranges::find(listeners_, listening) == listeners_.end();
    if (is_gone) listening->accepting.cancel();
  }
  return {};
}

std::vector<base::Endpoint> Reception::addresses() const {
  std::vector<base::Endpoint> out;
  for (const auto& listening : listeners_) out.push_back(listening->socket->local());
  return out;
}

base::Task<> Reception::run() {
  running_ = true;
  for (const auto& listening : listeners_) acceptors_.spawn(keep_accepting(listening));
  (void)co_await stopped_.wait();
  running_ = false;
  acceptors_.cancel();
  co_await acceptors_.join();
  listeners_.clear();  // Clients that come now must not wait for nothing.
  co_await serving_.join();
  grace_->clear();
}

void Reception::stop() {
  stopped_.notify();
  running_ = false;
  acceptors_.cancel();
  grace_->set(world_.loop.now() + stop_grace);
  for (Session* session : sessions_) session->stop();
}

void Reception::abort() {
  stop();
  serving_.cancel();
}

base::Task<> Reception::keep_accepting(std::shared_ptr<Listening> listening) {
  listening->accepting.spawn(accept_all(*listening));
  co_await listening->accepting.join();
}

base::Task<> Reception::accept_all(Listening& listening) {
  using Accepted = base::Io<std::unique_ptr<sys::Connection>>;
  for (;;) {
    Accepted accepted = co_await base::operation<Accepted>(
        [&](base::Completion<Accepted>& done) { return listening.socket->accept(done); });
    if (accepted) {
      ++counters_.sessions_total;
      serving_.spawn(serve(std::move(*accepted), listening.index));
      continue;
    }
    if (accepted.error().code == base::IoErrorCode::cancelled) co_return;
    const auto paused = co_await base::operation<base::Io<>>([this](sys::Completion<>& done) {
      return world_.loop.sleep_until(world_.loop.now() + no_descriptors_pause, done);
    });
    if (!paused) co_return;
  }
}

base::Task<> Reception::serve(std::unique_ptr<sys::Connection> connection, std::size_t index) {
  const base::IpAddress client = connection->remote().address;
  if (limits_.admit(client) != policy::Admission::admitted) {
    co_await turn_away(std::move(connection));
    co_return;
  }
  // The listener's settings live as long as the session: it holds them by its shared pointer.
  const std::shared_ptr<const Settings> settings = settings_;
  const ListenerSettings& listener = settings->listeners[index];
  {
    Session session(*this, std::move(connection), settings, listener);
    const auto place = sessions_.insert(sessions_.end(), &session);
    auto opened = world_.log.event("session_opened");
    opened.text("client", session.client()).text("listener", name_of(listener));
    world_.log.write(opened);
    co_await session.run();
    auto closed = world_.log.event("session_closed");
    closed.text("client", session.client()).text("listener", name_of(listener));
    closed.text("reason", session.reason());
    world_.log.write(closed);
    sessions_.erase(place);
  }
  limits_.release(client);
}

base::Task<> Reception::turn_away(std::unique_ptr<sys::Connection> connection) {
  engine::Channel channel(std::move(connection), world_.timers);
  std::string reply;
  append_wire(smtp::replies::too_many_sessions(settings_->hostname), reply);
  (void)co_await channel.write(reply, world_.loop.now() + std::chrono::seconds(1));
}

}  // namespace reception
