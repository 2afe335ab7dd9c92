#pragma once

#include <string>
#include <string_view>

namespace cli {

/// Shows a conversation on stderr: our lines behind `C: `, the peer's behind `S: `, controls
/// escaped.
class Dialogue {
 public:
  /// Octets in any pieces; a line is shown when it is complete.
  void show(bool ours, std::string_view octets);

 private:
  std::string unfinished_[2];
};

}  // namespace cli
