#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "dns/message.h"

/// Whatever decodes, encodes to the same message again; and an answer is made of it without
/// trouble.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const auto message = dns::decode(octets);
  if (!message) return 0;
  // Names without compression may need more room than the message had.
  const std::string encoded = dns::encode(*message);
  const auto again = dns::decode(encoded);
  PH_ASSERT(again.has_value());
  PH_ASSERT(*again == *message || again->truncated);
  for (const dns::Question& question : message->questions) {
    const auto answer = dns::answer_of(*message, question);
    if (answer) PH_ASSERT(answer->records.size() <= message->answers.size());
  }
  (void)dns::encode(*message, 512);
  return 0;
}
