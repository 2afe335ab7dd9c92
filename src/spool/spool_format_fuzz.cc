#include <cstddef>
#include <cstdint>
#include <string_view>

#include "spool/format.h"
#include "spool/journal.h"

// The bodies of records, without the checksums that keep others' octets away from them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  (void)spool::parse_frame_head(octets);
  (void)spool::parse_record_head(octets, {});
  (void)spool::summarize_accepted(octets);
  (void)spool::decode_hop(octets);
  (void)spool::decode_damage(octets);
  (void)spool::parse_journal(octets, 1);
  if (const auto items = spool::decode_items(octets))
    if (spool::encode_items(*items).size() > octets.size()) __builtin_trap();
  if (const auto body = spool::decode_accepted(octets)) {
    const std::string again = spool::encode_accepted(body->envelope, body->prefix,
                                                     body->content_octets, body->content_crc);
    const auto twice = spool::decode_accepted(again);
    if (!twice || twice->envelope != body->envelope) __builtin_trap();
  }
  return 0;
}
