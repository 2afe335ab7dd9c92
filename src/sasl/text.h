#pragma once

#include <string_view>

#include "base/escape.h"

namespace sasl {

/// What user names and passwords may be: well-formed UTF-8 without NUL [RFC4616 2]. Not empty.
[[nodiscard]] inline bool is_text(std::string_view octets) {
  return !octets.empty() && octets.find('\0') == octets.npos && base::is_utf8(octets);
}

}  // namespace sasl
