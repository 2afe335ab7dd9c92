#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace admin {

/// Figures in Prometheus' text format 0.0.4: for each its help, its type and one sample.
class MetricsPage {
 public:
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

  /// Only grows, from 0 at the start of the process. The name ends in `_total`.
  void counter(std::string_view name, std::string_view help, std::uint64_t value) {
    add(name, help, "counter", value);
  }
  void gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    add(name, help, "gauge", value);
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void add(std::string_view name, std::string_view help, std::string_view type,
           std::uint64_t value);

  std::string text_;
};

}  // namespace admin
