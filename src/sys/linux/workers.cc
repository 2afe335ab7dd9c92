#include "sys/linux/workers.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/assert.h"
#include "sys/linux/thread.h"

namespace sys::real {
namespace {

class RealWorkers final : public Workers {
 public:
  RealWorkers(std::size_t threads, std::size_t line) : tickets_(line + threads) {
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.push_back(start_thread("worker", [this] { work(); }));
    }
  }

  ~RealWorkers() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  [[nodiscard]] Now<> run(Job& job, Loop& home, Completion<>& done) override {
    {
      const std::lock_guard lock(mutex_);
      if (unfinished_ == tickets_.size()) return base::io_error(base::IoErrorCode::busy);
      ++unfinished_;
      tickets_[(first_ + waiting_++) % tickets_.size()] = {&job, &home, &done};
    }
    changed_.notify_one();
    return std::nullopt;
  }

 private:
  struct Ticket {
    Job* job = nullptr;
    Loop* home = nullptr;
    Completion<>* done = nullptr;
  };

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return waiting_ > 0 || stopping_; });
      if (waiting_ == 0) return;
      const Ticket ticket = tickets_[first_];
      first_ = (first_ + 1) % tickets_.size();
      --waiting_;
      lock.unlock();
      ticket.job->work();
      lock.lock();
      // Before the post: who has a result must find our place free.
      --unfinished_;
      lock.unlock();
      ticket.done->set_result({});
      ticket.home->post(*ticket.done, *ticket.done);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Ticket> tickets_;  ///< A ring; room for those that run and those that wait.
  std::size_t first_ = 0;
  std::size_t waiting_ = 0;
  std::size_t unfinished_ = 0;  ///< Waiting or running.
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Workers> make_workers(const WorkerOptions& options) {
  const std::size_t cores = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  return std::make_unique<RealWorkers>(options.threads == 0 ? cores : options.threads,
                                       options.line);
}

}  // namespace sys::real
