#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "delivery/smtp_client.h"

namespace cli {

/// A content from memory, which must outlive it. For one transaction.
class MessageSource final : public delivery::ContentSource {
 public:
  explicit MessageSource(std::string_view content) : content_(content) {}

  [[nodiscard]] base::Io<std::span<const std::string_view>> next() override {
    const bool first = !std::exchange(given_, true);
    return std::span(&content_, first && !content_.empty() ? 1u : 0u);
  }
  [[nodiscard]] bool at_end() const override { return given_; }
  [[nodiscard]] base::Task<base::Io<>> before_final_dot() override { co_return base::Io<>{}; }

 private:
  std::string_view content_;
  bool given_ = false;
};

}  // namespace cli
