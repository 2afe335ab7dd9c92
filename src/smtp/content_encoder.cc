#include "smtp/content_encoder.h"

#include "smtp/content_scan.h"

namespace smtp {

void ContentEncoder::encode(std::string_view piece, std::vector<std::string_view>& out) {
  std::size_t from = 0;  // Of the span that is being made.
  std::size_t at = 0;
  if (piece.empty()) return;
  if (after_cr_) {
    line_start_ = piece[0] == '\n';
    bare_ = bare_ || !line_start_;
    after_cr_ = false;
    at = line_start_ ? 1 : 0;
  }
  while (at < piece.size()) {
    if (line_start_ && piece[at] == '.') {
      // The dot ends this span and begins the next one.
      out.push_back(piece.substr(from, at + 1 - from));
      from = at;
    }
    // scan_lines() sees an LF at its start as bare; here it is, since a CRLF across pieces is
    // behind.
    const LineScan scan = scan_lines(piece, at);
    bare_ = bare_ || scan.bare;
    line_start_ = scan.line_start;
    after_cr_ = scan.after_cr;
    at = scan.end;
  }
  if (from < piece.size()) out.push_back(piece.substr(from));
}

void ContentEncoder::finish(std::vector<std::string_view>& out) {
  bare_ = bare_ || after_cr_;
  out.push_back(line_start_ ? ".\r\n" : "\r\n.\r\n");
}

}  // namespace smtp
