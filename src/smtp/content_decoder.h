#pragma once

#include <cstdint>
#include <string_view>

namespace smtp {

/// Takes what a client sends after the 354 to DATA apart: where it ends, and which dots were added
/// [RFC5321 4.5.2]. Copies nothing: its spans refer to the input, or to constants.
///
/// Only CRLF ends a line and only CRLF.CRLF ends the content [RFC5321 4.1.1.4]; the CRLF of the
/// line before is the first of these. A bare CR or LF does not end anything: it is remembered, the
/// rest is read to the same end, and no more spans come.
class ContentDecoder {
 public:
  struct Step {
    std::size_t used = 0;   ///< Octets of the input; all of it unless a span or the end came first.
    std::string_view span;  ///< The next octets of the content; may be empty.
    bool ended = false;     ///< The final dot and its CRLF were the last octets used.
  };

  /// Takes octets up to the end of the next span. Call it again with the rest of the input. Not
  /// after it has ended.
  [[nodiscard]] Step decode(std::string_view in);

  /// A bare CR or LF was met.
  [[nodiscard]] bool has_bare_cr_or_lf() const { return bare_; }

 private:
  enum class Place : std::uint8_t {
    line_start,
    dot,     ///< Behind a dot at the start of a line; it is no content.
    dot_cr,  ///< Behind that and CR.
    text,
    cr,  ///< Behind a CR in a line, which has not been given out yet.
  };

  [[nodiscard]] Step decode_text(std::string_view in, std::size_t start);

  Place place_ = Place::line_start;
  bool bare_ = false;
};

}  // namespace smtp
