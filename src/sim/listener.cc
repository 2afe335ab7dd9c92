#include "sim/listener.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"
#include "sim/stream.h"

namespace sim {

using base::io_error;
using base::IoErrorCode;

ListenerState::ListenerState(Host& host, SimLoop& loop, ListenAddress address)
    : host_(host), loop_(loop), address_(std::move(address)) {}

ListenerState::~ListenerState() { PH_ASSERT(done_ == nullptr); }

ConnectionResult ListenerState::take() {
  auto connection = std::make_unique<SimConnection>(std::move(waiting_.front()));
  waiting_.pop_front();
  return connection;
}

sys::Now<std::unique_ptr<sys::Connection>> ListenerState::accept(ConnectionCompletion& done) {
  PH_ASSERT(loop_.scheduler().current() == &loop_);
  PH_ASSERT(done_ == nullptr);
  if (dead_) return io_error(IoErrorCode::cancelled);
  if (host_.no_descriptors_) return io_error(IoErrorCode::no_descriptors, EMFILE);
  if (!waiting_.empty() && loop_.scheduler().rng().coin()) return take();
  done_ = &done;
  if (!waiting_.empty()) {
    finish(take());
    return std::nullopt;
  }
  done.set_cancel(this, [](void* self, base::Operation&) noexcept {
    static_cast<ListenerState*>(self)->finish(io_error(IoErrorCode::cancelled));
  });
  return std::nullopt;
}

void ListenerState::finish(ConnectionResult result) {
  auto* const done = std::exchange(done_, nullptr);
  if (done == nullptr) return;
  done->queue_result(std::move(result));
  loop_.post(*done, *done);
}

void ListenerState::add(std::shared_ptr<Stream> stream) {
  waiting_.push_back(std::move(stream));
  if (done_ == nullptr) return;
  if (host_.no_descriptors_)
    finish(io_error(IoErrorCode::no_descriptors, EMFILE));
  else
    finish(take());
}

void ListenerState::end_life() {
  dead_ = true;
  finish(io_error(IoErrorCode::cancelled));
  for (const auto& stream : std::exchange(waiting_, {})) {
    stream->break_down();
    stream->close();
  }
}

void ListenerState::close() {
  PH_ASSERT(done_ == nullptr);
  const bool was_dead = dead_;
  end_life();
  if (was_dead) return;
  if (address_.unix_path.empty())
    host_.listeners_.erase(address_.endpoint);
  else
    host_.unix_listeners_.erase(address_.unix_path);
}

ConnectAttempt::ConnectAttempt(Host& host, SimLoop& loop, Target target, ConnectionCompletion& done)
    : host_(host),
      loop_(loop),
      target_(std::move(target)),
      done_(&done),
      number_(host.network_.next_number()),
      give_up_at_(loop.now() + connect_time_out) {}

ConnectAttempt::~ConnectAttempt() { host_.attempts_.erase(number_); }

void ConnectAttempt::start() {
  host_.attempts_.emplace(number_, weak_from_this());
  done_->set_cancel(this, [](void* self, base::Operation&) noexcept {
    static_cast<ConnectAttempt*>(self)->finish(io_error(IoErrorCode::cancelled));
  });
  Network& network = host_.network_;
  const Host* const peer =
      target_.unix_path.empty() ? network.find(target_.remote.address) : &host_;
  const Link& link = network.link_between(host_, peer != nullptr ? *peer : host_);
  if (network.rng().chance(link.time_out_per_mille)) {
    network.scheduler().at(give_up_at_, [self = shared_from_this()] {
      self->finish(io_error(IoErrorCode::timed_out, ETIMEDOUT));
    });
  } else if (network.rng().chance(link.refuse_per_mille)) {
    fail_later(IoErrorCode::refused, ECONNREFUSED);
  } else {
    network.scheduler().after(network.latency(link),
                              [self = shared_from_this()] { self->knock(); });
  }
}

void ConnectAttempt::fail_later(IoErrorCode code, int system_error) {
  Network& network = host_.network_;
  network.scheduler().after(network.latency(network.link_between(host_, host_)) * 2,
                            [self = shared_from_this(), code, system_error] {
                              self->finish(io_error(code, system_error));
                            });
}

void ConnectAttempt::wait_for_answer() {
  Scheduler& scheduler = host_.network_.scheduler();
  const base::Instant next = std::min(scheduler.now() + pause_, give_up_at_);
  pause_ *= 2;
  scheduler.at(next, [self = shared_from_this()] {
    if (self->host_.network_.scheduler().now() >= self->give_up_at_)
      self->finish(io_error(IoErrorCode::timed_out, ETIMEDOUT));
    else
      self->knock();
  });
}

void ConnectAttempt::knock() {
  if (done_ == nullptr) return;
  Network& network = host_.network_;
  if (!target_.unix_path.empty()) {
    const auto found = host_.unix_listeners_.find(target_.unix_path);
    if (found == host_.unix_listeners_.end())
      finish(io_error(IoErrorCode::refused, ECONNREFUSED));
    else if (found->second->is_full())
      wait_for_answer();
    else
      meet(*found->second, host_);
    return;
  }
  Host* const peer =
      target_.remote.address.is_loopback() ? &host_ : network.find(target_.remote.address);
  if (network.is_silent(target_.remote.address)) return wait_for_answer();
  if (peer == nullptr) return finish(io_error(IoErrorCode::unreachable, EHOSTUNREACH));
  if (!peer->is_powered() || network.link_between(host_, *peer).down) return wait_for_answer();
  ListenerState* const listener = peer->find_listener(target_.remote);
  if (listener == nullptr) return fail_later(IoErrorCode::refused, ECONNREFUSED);
  if (listener->is_full()) return wait_for_answer();
  meet(*listener, *peer);
}

void ConnectAttempt::meet(ListenerState& listener, Host& peer) {
  const bool is_unix = !target_.unix_path.empty();
  const Stream::Ends ours{target_.local, target_.remote};
  const Stream::Ends theirs{target_.remote, target_.local};
  const auto here = std::make_shared<Stream>(host_, loop_, is_unix ? Stream::Ends{} : ours);
  const auto there =
      std::make_shared<Stream>(peer, listener.loop(), is_unix ? Stream::Ends{} : theirs);
  Stream::join(here, there);
  Network& network = host_.network_;
  network.scheduler().after(network.latency(network.link_between(host_, peer)),
                            [self = shared_from_this(), here] {
                              // A handle that nobody takes closes the connection.
                              self->finish(std::make_unique<SimConnection>(here));
                            });
  listener.add(there);
}

void ConnectAttempt::finish(ConnectionResult result) {
  auto* const done = std::exchange(done_, nullptr);
  if (done == nullptr) return;
  done->queue_result(std::move(result));
  loop_.post(*done, *done);
}

}  // namespace sim
