#include "grammar/header.h"

#include <gtest/gtest.h>

namespace grammar {
namespace {

using namespace std::literals;

/// "name=value;name=value;", then what follows the header section.
std::string walked(std::string_view content) {
  HeaderFields fields(content);
  std::string out;
  std::size_t offset = 0;
  while (const auto field = fields.next()) {
    out.append(field->name).append("=").append(unfold(field->value)).append(";");
    EXPECT_EQ(field->whole.data(), content.data() + offset) << "fields are adjacent";
    offset += field->whole.size();
    EXPECT_EQ(fields.offset(), offset);
  }
  const ContentParts parts = split_content(content);
  EXPECT_EQ(parts.header_section, content.substr(0, offset));
  out += parts.blank_line ? "|" : "!";
  return out.append(parts.body);
}

struct HeaderCase {
  std::string_view name;
  std::string_view content;
  std::string_view want;
};

const HeaderCase header_cases[] = {
    {"fields, blank line, body", "A: 1\r\nB: 2\r\n\r\nbody\r\n", "A=1;B=2;|body\r\n"},
    {"no body", "A: 1\r\n\r\n", "A=1;|"},
    {"no blank line", "A: 1\r\n", "A=1;!"},
    {"no last line end", "A: 1", "A=1;!"},
    {"LF line ends", "A: 1\nB: 2\n\nbody\n", "A=1;B=2;|body\n"},
    {"folded", "A: 1\r\n 2\r\n\t3\r\nB: 4\r\n\r\n", "A=1 2\t3;B=4;|"},
    {"folded to a line of spaces", "A: 1\r\n \r\n 2\r\n\r\nx", "A=1  2;|x"},
    {"empty value", "A:\r\nB: \r\n\r\n", "A=;B=;|"},
    {"value of folding alone", "A:\r\n 1\r\n\r\n", "A=1;|"},
    {"colons in the value", "A: b:c\r\n\r\n", "A=b:c;|"},
    {"no space behind the colon", "A:1\r\n\r\n", "A=1;|"},
    {"space before the colon (obsolete)", "A : 1\r\nB\t:2\r\n\r\n", "A=1;B=2;|"},
    {"8-bit value", "A: \xc3\xa9\r\n\r\n", "A=\xc3\xa9;|"},
    {"8-bit name", "\xc3\xa9: 1\r\n\r\n", "\xc3\xa9=1;|"},
    {"NUL in a value", "A: 1\0002\r\n\r\n"sv, "A=1\0002;|"sv},
    {"blank line first", "\r\nbody\r\n", "|body\r\n"},
    {"blank line alone", "\r\n", "|"},
    {"nothing", "", "!"},
    {"no header section", "Hello there,\r\nA: 1\r\n", "!Hello there,\r\nA: 1\r\n"},
    {"begins with a continuation", " A: 1\r\nB: 2\r\n", "! A: 1\r\nB: 2\r\n"},
    {"begins with a colon", ": 1\r\n\r\n", "!: 1\r\n\r\n"},
    {"space in the name", "A b: 1\r\n\r\n", "!A b: 1\r\n\r\n"},
    {"control in the name", "A\x01: 1\r\n\r\n", "!A\x01: 1\r\n\r\n"},
    {"mbox separator", "From ann@a Thu Jan  1 00:00:00 1970\r\nA: 1\r\n",
     "!From ann@a Thu Jan  1 00:00:00 1970\r\nA: 1\r\n"},
    {"text after some fields", "A: 1\r\ntext\r\nB: 2\r\n", "A=1;!text\r\nB: 2\r\n"},
    {"a dot", "A: 1\r\n.\r\n", "A=1;!.\r\n"},
    {"bare CR is no line end", "A: 1\rB: 2\r\n\r\n", "A=1\rB: 2;|"},
    {"CR alone is not blank", "A: 1\r\n\rB: 2\r\n", "A=1;!\rB: 2\r\n"},
    {"two blank lines", "A: 1\r\n\r\n\r\n", "A=1;|\r\n"},
};

TEST(Header, table) {
  for (const HeaderCase& row : header_cases) {
    EXPECT_EQ(walked(row.content), row.want) << row.name;
  }
}

/// Whatever a cut content says about its end must stay true when the rest arrives.
TEST(Header, the_end_is_told_only_when_it_is_certain) {
  for (const HeaderCase& row : header_cases) {
    const std::size_t whole = split_content(row.content).header_section.size();
    for (std::size_t cut = 0; cut <= row.content.size(); ++cut) {
      const auto end = find_header_end(row.content.substr(0, cut));
      if (end) {
        EXPECT_EQ(*end, whole) << row.name << " cut at " << cut;
      }
    }
  }
  EXPECT_EQ(find_header_end("A: 1\r\n\r\n"), 6u);
  EXPECT_EQ(find_header_end("A: 1\r\n\r"), std::nullopt);
  EXPECT_EQ(find_header_end("A: 1\r\n"), std::nullopt) << "a continuation may follow";
  EXPECT_EQ(find_header_end("A: 1\r\ntext"), std::nullopt) << "a colon may follow";
  EXPECT_EQ(find_header_end("\r\n"), 0u);
}

/// Each octet in each place: nothing fails, nothing is lost, nothing is read twice.
TEST(Header, every_octet_at_every_position) {
  const std::string whole = "Ab: c\r\n d\r\nE: f\r\n\r\ng\r\n";
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int octet = 0; octet < 256; ++octet) {
      std::string content = whole;
      content[at] = static_cast<char>(octet);
      const ContentParts parts = split_content(content);
      std::string joined(parts.header_section);
      if (parts.blank_line) {
        joined += content.substr(joined.size(), content.size() - joined.size() - parts.body.size());
        EXPECT_TRUE(joined.ends_with('\n'));
      }
      EXPECT_EQ(joined.append(parts.body), content);
    }
  }
}

TEST(Header, find_and_count) {
  const std::string_view content =
      "Received: 1\r\nreceived: 2\r\nX-Received: 3\r\nRECEIVED : 4\r\n folded\r\n\r\nReceived: 5";
  EXPECT_EQ(count_received(content), 3u);
  EXPECT_EQ(count_fields(content, "Received", 2), 2u) << "counting ends at the most wanted";
  EXPECT_EQ(unfold(find_field(content, "X-RECEIVED")->value), "3");
  EXPECT_FALSE(find_field(content, "Date"));
  EXPECT_EQ(count_received(""), 0u);
}

TEST(Header, overlong_lines_are_carried) {
  const std::string content = "A: " + std::string(1'000'000, 'x') + "\r\n\r\nbody";
  EXPECT_EQ(split_content(content).body, "body");
  const std::string no_colon = std::string(1'000'000, 'x') + "\r\n\r\nbody";
  EXPECT_EQ(split_content(no_colon).body, no_colon);
}

TEST(Header, eight_bit) {
  EXPECT_FALSE(has_eight_bit(""));
  EXPECT_FALSE(has_eight_bit("plain\x7f"));
  EXPECT_TRUE(has_eight_bit("caf\xe9"));
  EXPECT_TRUE(header_needs_smtputf8("Subject: \xc3\xa9\r\n"));
}

TEST(Header, message_id_has_both_sides) {
  EXPECT_EQ(message_id("0abc.1", "mx.example.org"), "<0abc.1@mx.example.org>");
}

}  // namespace
}  // namespace grammar
