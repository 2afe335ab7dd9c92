#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "smtp/reply_parser.h"

namespace {

/// Replies read, and the error at the end.
struct Seen {
  std::size_t replies = 0;
  std::size_t text_octets = 0;
  std::optional<smtp::ReplyError> error;

  friend bool operator==(const Seen&, const Seen&) = default;
};

void read(smtp::ReplyParser& parser, std::string_view in, Seen& seen) {
  while (!in.empty() && !seen.error) {
    const auto reply = parser.next(in);
    if (!reply) {
      seen.error = reply.error();
    } else if (*reply) {
      PH_ASSERT((*reply)->code >= 200 && (*reply)->code <= 599);
      PH_ASSERT((*reply)->text.size() < smtp::reply_octets_max + smtp::reply_lines_max);
      ++seen.replies;
      seen.text_octets += (*reply)->text.size();
    }
  }
}

}  // namespace

/// The first octet says where to cut; what is read must not depend on it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  Seen whole;
  smtp::ReplyParser first;
  read(first, in, whole);
  Seen cut;
  smtp::ReplyParser second;
  const std::size_t at = in.size() * data[0] / 256;
  read(second, in.substr(0, at), cut);
  read(second, in.substr(at), cut);
  PH_ASSERT(whole == cut);
  return 0;
}
