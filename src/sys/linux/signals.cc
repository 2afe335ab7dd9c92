#include <boost/asio/signal_set.hpp>

#include "sys/linux/core.h"

namespace sys::real {

using boost::system::error_code;

struct Signals::State {
  explicit State(LoopCore& core) : set(core.io) {}

  void arrived(const error_code& error, int number) {
    Completion<int>& to = *std::exchange(done, nullptr);
    if (error) {
      to.complete(base::io_error(base::IoErrorCode::cancelled));
    } else {
      to.complete(number);  // A signal that came before the cancel is not lost.
    }
  }

  asio::basic_signal_set<Executor> set;
  Completion<int>* done = nullptr;
};

Signals::Signals(RealLoop& loop, const std::vector<int>& numbers)
    : state_(std::make_unique<State>(loop.core())) {
  for (const int number : numbers) state_->set.add(number);
}

Signals::~Signals() { PH_ASSERT(state_->done == nullptr); }

Now<int> Signals::wait(Completion<int>& done) {
  PH_ASSERT(state_->done == nullptr);
  state_->done = &done;
  state_->set.async_wait([state = state_.get()](const error_code& error, int number) {
    state->arrived(error, number);
  });
  done.set_cancel(state_.get(), [](void* owner, base::Operation&) noexcept {
    static_cast<State*>(owner)->set.cancel();
  });
  return std::nullopt;
}

}  // namespace sys::real
