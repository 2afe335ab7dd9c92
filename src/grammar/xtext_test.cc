#include "grammar/xtext.h"

#include <gtest/gtest.h>

namespace grammar {
namespace {

using namespace std::literals;

TEST(Xtext, encodes_what_must_be) {
  EXPECT_EQ(xtext_encode(""), "");
  EXPECT_EQ(xtext_encode("ann@a.example"), "ann@a.example");
  EXPECT_EQ(xtext_encode("a+b=c d"), "a+2Bb+3Dc+20d");
  EXPECT_EQ(xtext_encode("\0\r\n\x7f\xff"sv), "+00+0D+0A+7F+FF");
}

TEST(Xtext, every_octet_survives) {
  std::string all;
  for (int octet = 0; octet < 256; ++octet) all += static_cast<char>(octet);
  EXPECT_EQ(xtext_decode(xtext_encode(all)), all);
}

TEST(Xtext, refusals_with_their_offset) {
  const std::pair<std::string_view, std::size_t> rows[] = {
      {"+", 0},   {"a+", 1},    {"a+4", 1},    {"a+4g", 1},     {"a+2b", 1}, {"=", 0},
      {"a b", 1}, {"ab\tc", 2}, {"a\0b"sv, 1}, {"\xc3\xa9", 0}, {"+2B+", 3}, {"+ 41", 0},
  };
  for (const auto& [text, offset] : rows) {
    const auto decoded = xtext_decode(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error(), (ParseError{ParseErrorCode::bad_xtext, offset})) << text;
  }
}

}  // namespace
}  // namespace grammar
