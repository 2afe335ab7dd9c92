#include "cli/dialogue.h"

#include "base/escape.h"
#include "cli/output.h"

namespace cli {

void Dialogue::show(bool ours, std::string_view octets) {
  std::string& text = unfinished_[ours ? 0 : 1];
  text += octets;
  for (std::size_t end = 0; (end = text.find('\n')) != text.npos; text.erase(0, end + 1)) {
    std::string_view line = std::string_view(text).substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    complain((ours ? "C: " : "S: ") + base::escaped(line));
  }
}

}  // namespace cli
