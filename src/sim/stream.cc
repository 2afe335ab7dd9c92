#include "sim/stream.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/assert.h"

namespace sim {

using base::io_error;
using base::IoErrorCode;

namespace {

/// How often a segment that cannot pass is tried again.
constexpr base::Duration retransmission = std::chrono::milliseconds(200);
/// Of a lossy link: then it passes.
constexpr int retransmissions_max = 50;

/// Most connections move big pieces, some cut everything small.
std::size_t pick_segment_octets_max(Rng& rng) {
  const std::uint64_t dice = rng.below(20);
  return dice == 0 ? 16 : dice < 8 ? 1'460 : 16'384;
}

}  // namespace

Stream::Stream(Host& host, SimLoop& loop, const Ends& ends)
    : host_(host),
      loop_(loop),
      ends_(ends),
      number_(host.network_.next_number()),
      segment_octets_max_(pick_segment_octets_max(host.network_.rng())) {}

Stream::~Stream() { host_.streams_.erase(number_); }

void Stream::join(const std::shared_ptr<Stream>& a, const std::shared_ptr<Stream>& b) {
  for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
    one->peer_ = other;
    one->peer_host_ = &other->host_;
    one->host_.streams_.emplace(one->number_, one);
  }
}

// Reading.

bool Stream::is_readable() const { return !received_.empty() || ended_ || error_ || closed_; }

base::Io<std::string_view> Stream::take_received() {
  if (closed_) return io_error(IoErrorCode::reset, ECONNRESET);
  if (received_.empty()) return io_error(error_.value_or(IoErrorCode::closed));
  Rng& rng = network().rng();
  const std::size_t octets =
      rng.coin() ? received_.size() : static_cast<std::size_t>(1 + rng.below(received_.size()));
  std::string taken = received_.substr(0, octets);
  received_.erase(0, octets);
  network().scheduler().after(network().latency(link()), [peer = peer_, octets] {
    if (const auto sender = peer.lock()) sender->acknowledge(octets);
  });
  return loop_.lend(std::move(taken));
}

sys::Now<std::string_view> Stream::read(sys::Completion<std::string_view>& done) {
  PH_ASSERT(loop_.scheduler().current() == &loop_);
  PH_ASSERT(read_done_ == nullptr);
  if (is_readable() && network().rng().coin()) return take_received();
  read_done_ = &done;
  done.set_cancel(this, [](void* self, base::Operation&) noexcept {
    static_cast<Stream*>(self)->cancel_read();
  });
  if (is_readable()) wake_reader();
  return std::nullopt;
}

void Stream::wake_reader() {
  if (read_done_ == nullptr) return;
  loop_.run_soon([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->finish_read();
  });
}

void Stream::finish_read() {
  if (read_done_ == nullptr || !is_readable()) return;
  std::exchange(read_done_, nullptr)->complete(take_received());
}

void Stream::cancel_read() {
  auto* const done = std::exchange(read_done_, nullptr);
  PH_ASSERT(done != nullptr);
  done->queue_result(io_error(IoErrorCode::cancelled));
  loop_.post(*done, *done);
}

// Writing.

sys::Now<> Stream::write(std::span<const std::string_view> pieces, sys::Completion<>& done) {
  PH_ASSERT(loop_.scheduler().current() == &loop_);
  PH_ASSERT(write_done_ == nullptr);
  if (closed_ || error_) return io_error(error_.value_or(IoErrorCode::reset), ECONNRESET);
  if (shut_) return io_error(IoErrorCode::reset, EPIPE);
  pieces_.assign(pieces.begin(), pieces.end());
  pump();
  if (error_) {
    pieces_.clear();
    return io_error(*error_, ECONNRESET);
  }
  if (pieces_.empty()) {
    if (network().rng().coin()) return base::Io<>{};
    done.queue_result({});
    loop_.post(done, done);
    return std::nullopt;
  }
  write_done_ = &done;
  done.set_cancel(this, [](void* self, base::Operation&) noexcept {
    static_cast<Stream*>(self)->cancel_write();
  });
  return std::nullopt;
}

std::string Stream::take_segment() {
  Rng& rng = network().rng();
  std::size_t room = std::min(window_octets - unread_, segment_octets_max_);
  // Cut anywhere, also within what was written in one piece.
  if (rng.chance(300)) room = static_cast<std::size_t>(1 + rng.below(room));
  std::string segment;
  while (!pieces_.empty() && segment.size() < room) {
    std::string_view& piece = pieces_.front();
    const std::string_view part = piece.substr(0, room - segment.size());
    segment += part;
    piece.remove_prefix(part.size());
    if (piece.empty()) pieces_.erase(pieces_.begin());
  }
  return segment;
}

void Stream::pump() {
  while (!pieces_.empty() && unread_ < window_octets && !error_) {
    std::string segment = take_segment();
    if (segment.empty()) continue;
    unread_ += segment.size();
    if (network().rng().chance(link().reset_per_mille)) {
      break_down();
      return;
    }
    send(Kind::octets, std::move(segment));
  }
  if (pieces_.empty() && write_done_ != nullptr) finish_write({});
  if (pieces_.empty() && shut_ && !end_sent_ && !error_) {
    end_sent_ = true;
    send(Kind::end, {});
  }
}

void Stream::finish_write(base::Io<> result) {
  auto* const done = std::exchange(write_done_, nullptr);
  if (done == nullptr) return;
  pieces_.clear();
  done->queue_result(std::move(result));
  loop_.post(*done, *done);
}

void Stream::acknowledge(std::size_t octets) {
  unread_ -= octets;
  if (!closed_) pump();
}

void Stream::cancel_write() {
  // What was sent ends in the middle: nothing may follow.
  error_ = error_.value_or(IoErrorCode::reset);
  finish_write(io_error(IoErrorCode::cancelled));
}

void Stream::shutdown() {
  if (closed_ || error_) return;
  shut_ = true;
  pump();
}

// The end.

void Stream::close() {
  if (closed_) return;
  PH_ASSERT(read_done_ == nullptr && write_done_ == nullptr);
  closed_ = true;
  if (!received_.empty() || (error_ && !end_sent_)) {
    // [RFC1122 4.2.2.13]: closing with octets that nobody has read resets the connection, and may
    // destroy what the peer has not read yet.
    if (network().rng().coin()) wire_.clear();
    send(Kind::reset, {});
  } else if (!std::exchange(end_sent_, true)) {
    send(Kind::end, {});
  }
}

void Stream::end_pending() {
  wake_reader();
  finish_write(io_error(IoErrorCode::reset, ECONNRESET));
}

void Stream::power_off() {
  if (closed_) return;
  closed_ = true;
  Rng& rng = network().rng();
  if (rng.coin()) wire_.clear();
  if (rng.coin()) answer_reset();
  end_pending();
}

void Stream::kill() {
  if (closed_) return;
  auto* const reader = std::exchange(read_done_, nullptr);
  auto* const writer = std::exchange(write_done_, nullptr);
  close();
  read_done_ = reader;
  write_done_ = writer;
  end_pending();
}

void Stream::break_down() {
  receive_reset(IoErrorCode::reset);
  answer_reset();
}

void Stream::answer_reset() {
  if (link().down) return;
  network().scheduler().after(network().latency(link()), [peer = peer_] {
    if (const auto other = peer.lock()) other->receive_reset(IoErrorCode::reset);
  });
}

// The wire.

void Stream::send(Kind kind, std::string octets) {
  const Link& through = link();
  base::Duration needed{0};
  if (through.octets_per_second > 0)
    needed = std::chrono::nanoseconds(octets.size() * 1'000'000'000 / through.octets_per_second);
  const base::Instant now = network().scheduler().now();
  last_due_ = std::max(last_due_ + needed, now + needed + network().latency(through));
  for (int tries = 0; tries < retransmissions_max && through.loss_per_mille > 0; ++tries) {
    if (!network().rng().chance(through.loss_per_mille)) break;
    last_due_ += retransmission;
  }
  wire_.push_back({kind, std::move(octets), last_due_});
  schedule_arrival();
}

void Stream::schedule_arrival() {
  if (arrival_scheduled_ || wire_.empty()) return;
  arrival_scheduled_ = true;
  base::Instant when = wire_.front().due;
  if (blocked_since_) when = std::max(when, network().scheduler().now() + retransmission);
  network().scheduler().at(when, [self = shared_from_this()] {
    self->arrival_scheduled_ = false;
    self->arrive();
  });
}

void Stream::arrive() {
  if (wire_.empty()) return;
  const base::Instant now = network().scheduler().now();
  if (link().down || !peer_host_->is_powered()) {
    if (!blocked_since_) blocked_since_ = now;
    if (now - *blocked_since_ > give_up_after) {
      wire_.clear();
      receive_reset(IoErrorCode::timed_out);
    }
    schedule_arrival();
    return;
  }
  blocked_since_.reset();
  Parcel parcel = std::move(wire_.front());
  wire_.pop_front();
  if (const auto peer = peer_.lock()) {
    peer->receive(std::move(parcel));
  } else if (parcel.kind == Kind::octets) {
    receive_reset(IoErrorCode::reset);
  }
  schedule_arrival();
}

void Stream::receive(Parcel parcel) {
  switch (parcel.kind) {
    case Kind::octets:
      if (closed_) {
        answer_reset();
        return;
      }
      if (error_) return;
      received_ += parcel.octets;
      break;
    case Kind::end: ended_ = true; break;
    case Kind::reset: receive_reset(IoErrorCode::reset); return;
  }
  wake_reader();
}

void Stream::receive_reset(IoErrorCode code) {
  if (error_ || closed_) return;
  error_ = code;
  wire_.clear();
  if (network().rng().coin()) received_.clear();
  wake_reader();
  finish_write(io_error(code, code == IoErrorCode::reset ? ECONNRESET : ETIMEDOUT));
}

}  // namespace sim
