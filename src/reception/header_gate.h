#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace reception {

/// In octets. A header section that is longer is passed on as it is, unread from there on.
inline constexpr std::size_t header_section_octets_max = 256 * 1024;

/// Content that has come in a circle this often goes no further [RFC5321 6.3].
inline constexpr std::size_t received_fields_max = 100;

/// Holds the start of a content back until its header section is whole, so that it can be read.
class HeaderGate {
 public:
  /// Takes octets while the header section is not whole. True: it is now, or no more is held.
  [[nodiscard]] bool take(std::string_view octets);
  [[nodiscard]] bool is_open() const { return open_; }
  /// Gives out what was taken: the header section, and what came with its end. Opens the gate.
  [[nodiscard]] std::string release();

 private:
  std::string held_;
  std::size_t searched_ = 0;
  bool open_ = false;
};

/// The content begins with its body, and not even with the blank line before it.
[[nodiscard]] bool lacks_header_section(std::string_view held);

struct SubmissionParts {
  std::string_view hostname;
  std::string_view id;
  base::WallTime now;
};

/// What submission does to a header section [RFC6409 8]: Date and Message-ID when they are missing.
[[nodiscard]] std::string missing_fields(std::string_view held, const SubmissionParts& parts);

/// Without its Bcc fields [RFC5322 3.6.3].
[[nodiscard]] std::string without_bcc(std::string_view held);

}  // namespace reception
