#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "crypto/password_hash.h"

// What is taken is bounded, and is printed and taken again as it was.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto hash = crypto::PasswordHash::parse(text);
  if (hash) {
    PH_ASSERT(hash->costs().memory_kib <= crypto::argon2_memory_kib_max);
    PH_ASSERT(hash->encode() == text);
  }
  return 0;
}
