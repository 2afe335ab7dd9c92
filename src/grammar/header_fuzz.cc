#include <cstdint>
#include <string_view>

#include "base/ascii.h"
#include "base/assert.h"
#include "grammar/header.h"
#include "grammar/received.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);

  const grammar::ContentParts parts = grammar::split_content(content);
  PH_ASSERT(content.starts_with(parts.header_section) && content.ends_with(parts.body));
  PH_ASSERT(parts.header_section.size() + parts.body.size() <= content.size());
  PH_ASSERT(parts.blank_line || parts.header_section.size() + parts.body.size() == content.size());
  PH_ASSERT(grammar::split_content(parts.header_section).header_section == parts.header_section);

  grammar::HeaderFields fields(content);
  std::size_t octets = 0;
  while (const auto field = fields.next()) {
    PH_ASSERT(!field->name.empty() && !field->whole.empty());
    PH_ASSERT(grammar::unfold(field->value).find('\n') == std::string::npos);
    octets += field->whole.size();
  }
  PH_ASSERT(octets == parts.header_section.size());

  // What is said of a part stays true for the whole.
  const auto end = grammar::find_header_end(content.substr(0, size / 2));
  PH_ASSERT(!end || *end == octets);

  const std::string received = grammar::received_field({.helo = content,
                                                        .client = base::IpAddress(),
                                                        .by = "mx.example.org",
                                                        .id = "0",
                                                        .date = {}});
  PH_ASSERT(base::is_ascii(received));
  PH_ASSERT(grammar::split_content(received).header_section == received);
  PH_ASSERT(grammar::count_fields(received, "Received") == 1);
  grammar::HeaderFields one(received);
  PH_ASSERT(one.next()->whole == received);
  return 0;
}
