#include <cstdint>
#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/assert.h"
#include "grammar/address_list.h"

// What is read is clean, and read again it is the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto list = grammar::parse_address_list(text);
  if (!list) {
    PH_ASSERT(list.error().offset <= text.size());
    return 0;
  }
  std::string printed;
  for (const grammar::Mailbox& mailbox : *list) {
    printed += mailbox.domain.empty() ? mailbox.local.text() : mailbox.print();
    printed += ", ";
  }
  for (const char c : printed) PH_ASSERT(!base::is_control(c));
  PH_ASSERT(grammar::parse_address_list(printed) == list);
  return 0;
}
