#include "cli/message_text.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

using namespace std::string_view_literals;

struct TextCase {
  std::string_view name;
  std::string_view text;
  std::string_view want;   ///< Normalised,
  std::string_view error;  ///< or a part of the error.
};

const TextCase cases[] = {
    {"CRLF stays", "a\r\nb\r\n", "a\r\nb\r\n", ""},
    {"LF becomes CRLF", "a\nb\n", "a\r\nb\r\n", ""},
    {"both in one file", "a\nb\r\nc\n", "a\r\nb\r\nc\r\n", ""},
    {"the last line gets its end", "a", "a\r\n", ""},
    {"empty lines stay", "\n\r\n\n", "\r\n\r\n\r\n", ""},
    {"nothing stays nothing", "", "", ""},
    {"dots are left to the encoder", ".\n..\n", ".\r\n..\r\n", ""},
    {"NUL stays", "a\0b\n"sv, "a\0b\r\n"sv, ""},
    {"CR alone", "a\nb\rc\n", "", "line 2"},
    {"CR at the end of the file", "a\r", "", "line 1"},
    {"two CR before a LF", "a\r\r\n", "", "line 1"},
    {"CR alone on a line with CRLF", "\rb\r\n", "", "line 1"},
};

TEST(message_text, line_ends_become_crlf) {
  for (const TextCase& c : cases) {
    const auto got = normalize_message(c.text);
    ASSERT_EQ(got.has_value(), c.error.empty()) << c.name;
    if (got) EXPECT_EQ(*got, c.want) << c.name;
    if (!got) EXPECT_NE(got.error().find(c.error), std::string::npos) << c.name;
  }
}

TEST(message_text, only_the_header_section_needs_smtputf8) {
  EXPECT_FALSE(has_8bit_header("Subject: a\r\n\r\nb\xc3\xbc\r\n"));
  EXPECT_TRUE(has_8bit_header("Subject: \xc3\xbc\r\n\r\nb\r\n"));
  EXPECT_TRUE(has_8bit_header("Subject: \xc3\xbc\r\n"));
}

}  // namespace
}  // namespace cli
