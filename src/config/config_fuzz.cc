#include <cstddef>
#include <cstdint>

#include "base/assert.h"
#include "config/config.h"

// Any text gives a configuration, or mistakes that can be printed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto result = config::load(
      text, {.file_name = "fuzz.toml", .base_folder = "/etc", .machine_name = "host.example"});
  if (result) {
    PH_ASSERT(!result->hostname.empty() && !result->queue.retry.empty());
    PH_ASSERT(result->directory != nullptr);
  } else {
    PH_ASSERT(!result.error().empty());
    for (const config::Mistake& mistake : result.error()) PH_ASSERT(!mistake.print().empty());
  }
  return 0;
}
