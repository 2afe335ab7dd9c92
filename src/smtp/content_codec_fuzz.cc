#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "smtp/content_decoder.h"
#include "smtp/content_encoder.h"

// The first two octets say how the rest is cut; it is content once, and the input of a decoder
// once.
namespace {

struct Decoded {
  std::string content;
  std::size_t used = 0;
  bool ended = false;
  bool bare = false;
};

Decoded decode(std::string_view in, std::size_t step) {
  smtp::ContentDecoder decoder;
  Decoded out;
  while (!in.empty() && !out.ended) {
    const auto got = decoder.decode(in.substr(0, step));
    PH_ASSERT(got.used > 0);
    PH_ASSERT(!got.ended || got.span.empty());
    out.content += got.span;
    out.used += got.used;
    out.ended = got.ended;
    in.remove_prefix(got.used);
  }
  out.bare = decoder.has_bare_cr_or_lf();
  return out;
}

std::string encode(std::string_view content, std::size_t step, bool& bare) {
  smtp::ContentEncoder encoder;
  std::vector<std::string_view> spans;
  while (!content.empty()) {
    encoder.encode(content.substr(0, step), spans);
    content.remove_prefix(std::min(step, content.size()));
  }
  encoder.finish(spans);
  bare = encoder.has_bare_cr_or_lf();
  std::string out;
  for (const std::string_view span : spans) out += span;
  return out;
}

/// The decoder, written as the rule says it and no faster.
Decoded decode_slowly(std::string_view in) {
  Decoded out;
  bool line_start = true;
  std::size_t at = 0;
  while (at < in.size()) {
    if (line_start && in.substr(at).starts_with(".\r\n")) {
      out.ended = true;
      at += 3;
      break;
    }
    if (line_start && in[at] == '.') ++at;
    const std::string_view rest = in.substr(at);
    line_start = rest.starts_with("\r\n");
    const std::size_t octets = line_start ? 2 : std::min<std::size_t>(1, rest.size());
    // A CR at the very end may yet become a CRLF.
    if (!line_start && (rest.starts_with('\n') || (rest.starts_with('\r') && rest.size() > 1))) {
      out.bare = true;
    }
    if (rest != "\r") out.content += rest.substr(0, octets);
    at += octets;
  }
  out.used = at;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t first_step = 1u + data[0];
  const std::size_t second_step = 1u + data[1];
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);

  const Decoded want = decode_slowly(octets);
  for (const std::size_t step : {first_step, second_step, size}) {
    const Decoded got = decode(octets, step);
    PH_ASSERT(got.ended == want.ended && got.used == want.used && got.bare == want.bare);
    PH_ASSERT(got.bare || got.content == want.content);
  }

  bool bare = false;
  const std::string wire = encode(octets, first_step, bare);
  bool bare_again = false;
  PH_ASSERT(encode(octets, second_step, bare_again) == wire && bare == bare_again);
  const Decoded back = decode(wire, second_step);
  PH_ASSERT(back.bare == bare);
  if (!bare) {
    std::string whole(octets);
    if (!whole.empty() && !whole.ends_with("\r\n")) whole += "\r\n";
    PH_ASSERT(back.ended && back.used == wire.size() && back.content == whole);
  }
  return 0;
}
