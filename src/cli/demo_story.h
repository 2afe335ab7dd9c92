#pragma once

#include <chrono>
#include <mutex>
#include <string_view>

namespace cli {

/// Tells what happens in the demo, line by line, each with its time since the start. From any
/// thread.
class DemoStory {
 public:
  /// `who`: the part of the demo that did it.
  void tell(std::string_view who, std::string_view what);
  /// A line that belongs to the one before.
  void add(std::string_view what);

  [[nodiscard]] std::chrono::duration<double> elapsed() const {
    return std::chrono::steady_clock::now() - start_;
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
};

}  // namespace cli
