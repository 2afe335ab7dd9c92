#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/ascii.h"
#include "base/assert.h"
#include "grammar/mime_seven_bit.h"
#include "grammar/mime_testing.h"

/// What is converted is US-ASCII, and decodes to what it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const auto got = grammar::to_seven_bit(content);
  if (!got) return 0;
  PH_ASSERT(base::is_ascii(*got));
  PH_ASSERT(grammar::mime_test::decoded(*got) == grammar::mime_test::decoded(content));
  return 0;
}
