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
      on_accepted_(std::move(on_accepted)),
      limits_(settings_->limits),
      grace_(std::make_unique<Grace>(world.timers, serving_)) {}

Reception::~Reception() = default;

std::expected<void, std::string> Reception::listen() {
  for (const ListenerSettings& listener : settings_->listeners) {
    auto bound = world_.net.listen(listener.address);
    if (!bound) {
      return std::unexpected("cannot listen on " + listener.address.to_string() + ": " +
                             base::describe(bound.error()));
    }
    listeners_.push_back(std::move(*bound));
  }
  return {};
}

std::vector<base::Endpoint> Reception::addresses() const {
  std::vector<base::Endpoint> out;
  for (const auto& listener : listeners_) out.push_back(listener->local());
  return out;
}

base::Task<> Reception::run() {
  for (std::size_t i = 0; i < listeners_.size(); ++i) acceptors_.spawn(accept_all(i));
  co_await acceptors_.join();
  co_await serving_.join();
  grace_->clear();
}

void Reception::stop() {
  acceptors_.cancel();
  grace_->set(world_.loop.now() + stop_grace);
  for (Session* session : sessions_) session->stop();
}

void Reception::abort() {
  stop();
  serving_.cancel();
}

base::Task<> Reception::accept_all(std::size_t index) {
  using Accepted = base::Io<std::unique_ptr<sys::Connection>>;
  for (;;) {
    Accepted accepted = co_await base::operation<Accepted>(
        [&](base::Completion<Accepted>& done) { return listeners_[index]->accept(done); });
    if (accepted) {
      serving_.spawn(serve(std::move(*accepted), index));
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
    opened.text("client", session.client()).text("listener", listener.address.to_string());
    world_.log.write(opened);
    co_await session.run();
    auto closed = world_.log.event("session_closed");
    closed.text("client", session.client()).text("listener", listener.address.to_string());
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
