#include <cstdint>

#include "base/assert.h"
#include "broker/message.h"

/// What is a message is printed as it came, but for an endpoint, which has several spellings.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  if (const auto request = broker::decode_request(octets)) {
    const bool has_endpoint = std::holds_alternative<broker::Listen>(*request);
    const std::string again = broker::encode(*request);
    PH_ASSERT(has_endpoint || again == octets);
    PH_ASSERT(broker::decode_request(again) == request);
  }
  if (const auto reply = broker::decode_reply(octets)) PH_ASSERT(broker::encode(*reply) == octets);
  if (const auto end = broker::decode_run_end(octets)) PH_ASSERT(broker::encode(*end) == octets);
  return 0;
}
