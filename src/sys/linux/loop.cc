#include "sys/linux/loop.h"

#include <boost/asio/post.hpp>

#include "sys/linux/core.h"
#include "sys/linux/thread.h"

namespace sys::real {

using boost::system::error_code;

bool PostedList::add(base::Posted& first, base::Posted& last) noexcept {
  last.next = nullptr;
  const std::lock_guard lock(mutex_);
  (first_ == nullptr ? first_ : last_->next) = &first;
  last_ = &last;
  return !std::exchange(told_, true);
}

base::Posted* PostedList::take() noexcept {
  const std::lock_guard lock(mutex_);
  told_ = false;
  return std::exchange(first_, nullptr);
}

void LoopCore::wake() {
  // `posted_place` is free: the handler before this one gave it back before it called take().
  asio::post(io, Handler<LoopCore, &LoopCore::run_posted>{this, &posted_place});
}

void LoopCore::run_posted(const error_code& /*error*/) {
  for (base::Posted* next = posted.take(); next != nullptr;) {
    base::Posted& now = *next;
    next = now.next;  // Running it may be the end of it.
    now.run(now);
  }
}

void LoopCore::arm_timer(base::Instant due) {
  armed_for = due;
  timer.expires_at(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(due));
  timer.async_wait(Handler<LoopCore, &LoopCore::run_timers>{this, &timer_place});
}

void LoopCore::run_timers(const error_code& error) {
  if (error == asio::error::operation_aborted) return;  // Armed anew for an earlier time.
  armed_for = base::Instant::max();
  const base::Instant now = loop.now();
  // Those that come while others run have another turn, since `now` stays.
  while (Completion<>* const done = sleepers.take_due(now)) done->complete({});
  const auto due = sleepers.first_due();
  if (due && *due < armed_for) arm_timer(*due);
}

RealLoop::RealLoop() : core_(std::make_unique<LoopCore>(*this)) {}

RealLoop::~RealLoop() = default;

void RealLoop::run() {
  core_->io.run();
  core_->io.restart();
}

void RealLoop::stop() noexcept { core_->io.stop(); }

void RealLoop::post(base::Posted& first, base::Posted& last) noexcept {
  if (core_->posted.add(first, last)) core_->wake();
}

Now<> RealLoop::sleep_until(base::Instant when, Completion<>& done) {
  if (when <= now()) return base::Io<>{};
  core_->sleepers.add(when, done, *this);
  if (when < core_->armed_for) core_->arm_timer(when);
  return std::nullopt;
}

base::Instant RealLoop::now() const { return std::chrono::steady_clock::now(); }

LoopThread::LoopThread(const char* name) : thread_(start_thread(name, [this] { loop_.run(); })) {}

LoopThread::~LoopThread() {
  loop_.stop();
  thread_.join();
}

}  // namespace sys::real
