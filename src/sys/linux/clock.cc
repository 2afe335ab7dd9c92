#include "sys/linux/clock.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <utility>

#include "base/assert.h"

namespace sys::real {
namespace {

class RealClock final : public Clock {
 public:
  [[nodiscard]] base::WallTime wall() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

class RealRandom final : public Random {
 public:
  [[nodiscard]] std::uint64_t next() override {
    const std::lock_guard lock(mutex_);
    if (used_ == numbers_.size()) fill();
    // What has been given out must not be found in memory later.
    return std::exchange(numbers_[used_++], 0);
  }

 private:
  void fill() {
    auto* const octets = reinterpret_cast<char*>(numbers_.data());
    for (std::size_t got = 0; got < sizeof numbers_;) {
      const ssize_t result = ::getrandom(octets + got, sizeof numbers_ - got, 0);
      // Without flags the kernel fails for nothing but a signal.
      PH_ASSERT(result > 0 || errno == EINTR);
      if (result > 0) got += static_cast<std::size_t>(result);
    }
    used_ = 0;
  }

  std::mutex mutex_;
  std::array<std::uint64_t, 64> numbers_{};
  std::size_t used_ = numbers_.size();
};

}  // namespace

std::unique_ptr<Clock> make_clock() { return std::make_unique<RealClock>(); }
std::unique_ptr<Random> make_random() { return std::make_unique<RealRandom>(); }

}  // namespace sys::real
