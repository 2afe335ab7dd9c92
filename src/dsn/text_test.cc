#include "dsn/text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dsn {
namespace {

using namespace std::literals;

TEST(OneLine, joins_lines_and_escapes_the_rest) {
  EXPECT_EQ(one_line("550 no\r\n  such\tuser \n", 100), "550 no such user");
  EXPECT_EQ(one_line("a\0\x1b[2J"sv, 100), "a\\x00\\x1b[2J");
  EXPECT_EQ(one_line("caf\xc3\xa9 \xe9", 100), "caf\xc3\xa9 \\xe9");
  EXPECT_EQ(one_ascii_line("caf\xc3\xa9\x7f", 100), "caf\\xc3\\xa9\\x7f");
  EXPECT_EQ(one_ascii_line("abcdef", 3), "abc...");
  EXPECT_EQ(one_ascii_line("abc", 3), "abc");
  EXPECT_EQ(one_ascii_line(" \r\n ", 3), "");
}

TEST(Field, is_folded_between_words) {
  EXPECT_EQ(field("A", "b c"), "A: b c\r\n");
  EXPECT_EQ(field("A", ""), "A: \r\n");
  const std::string word(40, 'x');
  EXPECT_EQ(field("A", word + " " + word + " y"), "A: " + word + "\r\n " + word + " y\r\n");
}

TEST(Field, no_line_is_too_long) {
  for (const std::size_t octets : {75u, 76u, 77u, 899u, 900u, 901u, 1'800u, 5'000u}) {
    std::string_view rest;
    const std::string text = field("Diagnostic-Code", std::string(octets, 'x') + " y");
    std::size_t found = 0;
    for (rest = text; !rest.empty();) {
      const std::size_t end = rest.find("\r\n");
      EXPECT_LE(end, line_octets_max);
      found += static_cast<std::size_t>(std::ranges::count(rest.substr(0, end), 'x'));
      rest.remove_prefix(end + 2);
      EXPECT_TRUE(rest.empty() || (rest[0] == ' ' && rest[1] != ' '));
    }
    EXPECT_EQ(found, octets);
  }
}

TEST(Wrapped, does_not_cut_characters) {
  std::string text = "a";
  for (int i = 0; i < 2'000; ++i) text += "\xc3\xa9";
  const std::string lines = wrapped("", text, "");
  for (std::size_t at = lines.find("\r\n"); at + 2 < lines.size();
       at = lines.find("\r\n", at + 2)) {
    EXPECT_EQ(lines[at - 1], '\xa9');
  }
}

TEST(QuotedPrintable, table) {
  const std::pair<std::string_view, std::string> rows[] = {
      {"", ""},
      {"plain\r\n", "plain\r\n"},
      {"plain\n", "plain\r\n"},
      {"no end", "no end\r\n"},
      {"a=b\r\n", "a=3Db\r\n"},
      {"caf\xc3\xa9\r\n", "caf=C3=A9\r\n"},
      {"space \r\ntab\t\r\n", "space=20\r\ntab=09\r\n"},
      {"a\rb\0c\r\n"sv, "a=0Db=00c\r\n"},
      {"\r\n\r\n", "\r\n\r\n"},
      {"last\r", "last=0D\r\n"},
  };
  for (const auto& [text, want] : rows) EXPECT_EQ(quoted_printable(text), want) << text;
  for (std::size_t octets = 70; octets < 160; ++octets) {
    for (const char c : {'x', '\xff'}) {
      const std::string encoded = quoted_printable(std::string(octets, c) + "\r\n");
      for (std::string_view rest = encoded; !rest.empty();) {
        const std::size_t end = rest.find("\r\n");
        EXPECT_LE(end, 76u);
        rest.remove_prefix(end + 2);
      }
    }
  }
}

TEST(SevenBit, what_passes_everywhere) {
  EXPECT_TRUE(is_seven_bit(""));
  EXPECT_TRUE(is_seven_bit("a\r\n\r\nb\r\n"));
  EXPECT_TRUE(is_seven_bit(std::string(998, 'x') + "\r\n"));
  EXPECT_FALSE(is_seven_bit(std::string(999, 'x') + "\r\n"));
  EXPECT_FALSE(is_seven_bit("a"));
  EXPECT_FALSE(is_seven_bit("a\r\nb\n"));
  EXPECT_FALSE(is_seven_bit("a\rb\r\n"));
  EXPECT_FALSE(is_seven_bit("a\nb\r\n"));
  EXPECT_FALSE(is_seven_bit("a\0b\r\n"sv));
  EXPECT_FALSE(is_seven_bit("\xe9\r\n"));
  EXPECT_TRUE(is_eight_bit_text("\xe9\r\n"));
  EXPECT_FALSE(is_eight_bit_text("\r\n\r"));
}

}  // namespace
}  // namespace dsn
