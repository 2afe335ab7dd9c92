#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "dsn/report.h"
#include "dsn/text.h"
#include "grammar/header.h"

/// All texts of peers come from the input, cut at NUL: the report must keep its form.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto take = [&rest] {
    const std::string_view text = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(rest.size(), text.size() + 1));
    return std::string(text);
  };

  const std::string envelope_id = take();
  std::vector<dsn::RecipientReport> recipients(1);
  auto& recipient = recipients.front();
  recipient.final_recipient = *grammar::Mailbox::parse("ann@a.example");
  recipient.kind = static_cast<dsn::Kind>(size % 6);
  recipient.original_recipient = take();
  recipient.status = take();
  recipient.remote_mta = take();
  recipient.reply = take();
  const auto reverse_path = *grammar::ReversePath::parse("<bob@b.example>");

  const dsn::Report report = dsn::build_report({.hostname = "mx.example.org",
                                                .id = "0",
                                                .date = {},
                                                .reverse_path = reverse_path,
                                                .envelope_id = envelope_id,
                                                .recipients = recipients,
                                                .original = rest,
                                                .return_content = size % 2 == 0});
  PH_ASSERT(dsn::is_eight_bit_text(report.content));
  PH_ASSERT(report.eight_bit || dsn::is_seven_bit(report.content));
  const grammar::ContentParts parts = grammar::split_content(report.content);
  PH_ASSERT(parts.blank_line);
  for (const auto name : {"Date", "From", "To", "Subject", "Message-ID", "Content-Type"}) {
    PH_ASSERT(grammar::count_fields(parts.header_section, name) == 1);
  }

  // The boundary ends 3 parts at most: one line for each, and the last.
  const std::string type =
      grammar::unfold(grammar::find_field(report.content, "Content-Type")->value);
  const std::size_t start = type.find('"') + 1;
  const std::string line = "--" + type.substr(start, type.rfind('"') - start);
  std::size_t count = 0;
  for (std::size_t at = parts.body.find(line); at != std::string_view::npos;
       at = parts.body.find(line, at + 1)) {
    ++count;
  }
  PH_ASSERT(count == 3 || count == 4);
  return 0;
}
