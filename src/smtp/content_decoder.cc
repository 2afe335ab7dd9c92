#include "smtp/content_decoder.h"

#include "smtp/content_scan.h"

namespace smtp {

ContentDecoder::Step ContentDecoder::decode(std::string_view in) {
  std::size_t at = 0;
  while (at < in.size()) {
    const char c = in[at];
    switch (place_) {
      case Place::line_start:
        if (c != '.') return decode_text(in, at);
        place_ = Place::dot;
        ++at;
        break;
      case Place::dot:
        if (c != '\r') return decode_text(in, at);
        place_ = Place::dot_cr;
        ++at;
        break;
      case Place::dot_cr:
        if (c == '\n') return {.used = at + 1, .span = {}, .ended = true};
        bare_ = true;
        return decode_text(in, at);
      case Place::cr:
        if (c != '\n') {
          bare_ = true;
          return decode_text(in, at);
        }
        place_ = Place::line_start;
        if (!bare_) return {.used = at + 1, .span = "\r\n", .ended = false};
        ++at;
        break;
      case Place::text: return decode_text(in, at);
    }
  }
  return {.used = at, .span = {}, .ended = false};
}

/// Takes text from `start` up to the dot at the start of a line, or the end of the input.
ContentDecoder::Step ContentDecoder::decode_text(std::string_view in, std::size_t start) {
  const LineScan scan = scan_lines(in, start);
  bare_ = bare_ || scan.bare;
  place_ = scan.after_cr ? Place::cr : scan.line_start ? Place::line_start : Place::text;
  const std::size_t end = scan.after_cr ? scan.end - 1 : scan.end;
  return {.used = scan.end,
          .span = bare_ ? std::string_view() : in.substr(start, end - start),
          .ended = false};
}

}  // namespace smtp
