#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "directory/alias_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(octets), size);
  const directory::AliasFile file = directory::parse_alias_file(text);
  for (const directory::AliasEntry& entry : file.entries) {
    PH_ASSERT(!entry.name.local.text().empty());
    for (const directory::AliasItem& item : entry.items) {
      const bool address = item.kind == directory::AliasItem::Kind::address;
      PH_ASSERT(address != item.mailbox.local.text().empty());
      PH_ASSERT(item.text.find('\n') == item.text.npos);
    }
  }
  (void)directory::parse_alias_list(text);
  return 0;
}
