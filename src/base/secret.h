#pragma once

#include <string>
#include <utility>

namespace base {

/// A password or key. Cannot be printed, compared or converted by accident: whoever wants the
/// octets has to say so.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string octets) : octets_(std::move(octets)) {}

  [[nodiscard]] const std::string& reveal() const { return octets_; }
  [[nodiscard]] bool empty() const { return octets_.empty(); }

 private:
  std::string octets_;
};

}  // namespace base
