#include "smtp/content_scan.h"

#include <algorithm>

namespace smtp {

LineScan scan_lines(std::string_view text, std::size_t start) {
  LineScan out;
  std::size_t at = start;
  for (;;) {
    const std::size_t lf = std::min(text.find('\n', at), text.size());
    // All of the line but the CR before its LF, which is looked at last.
    const std::size_t line_end = lf < text.size() && lf > at && text[lf - 1] == '\r' ? lf - 1 : lf;
    const std::size_t cr = text.substr(at, line_end - at).find('\r');
    if (lf == text.size()) {
      out.end = lf;
      out.after_cr = lf > at && text[lf - 1] == '\r';
      out.bare = out.bare || (cr != std::string_view::npos && at + cr + 1 != lf);
      return out;
    }
    const bool whole = line_end != lf;  // Ends in CRLF.
    out.bare = out.bare || !whole || cr != std::string_view::npos;
    at = lf + 1;
    if (!whole) {
      if (at < text.size()) continue;
      out.end = at;
      return out;
    }
    if (at == text.size() || text[at] == '.') {
      out.end = at;
      out.line_start = true;
      return out;
    }
  }
}

void BareScan::take(std::string_view text) {
  if (text.empty()) return;
  std::size_t at = 0;
  if (after_cr_) {
    found_ = found_ || text[0] != '\n';
    at = text[0] == '\n' ? 1 : 0;
    after_cr_ = false;
  }
  while (!found_ && at < text.size()) {
    const LineScan scan = scan_lines(text, at);
    found_ = scan.bare;
    after_cr_ = scan.after_cr;
    at = scan.end;
  }
}

}  // namespace smtp
