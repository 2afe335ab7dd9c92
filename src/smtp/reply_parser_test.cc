#include "smtp/reply_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/escape.h"

namespace smtp {
namespace {

using namespace std::string_literals;

std::string repeated(std::string_view line, std::size_t times) {
  std::string out;
  while (times-- > 0) out += line;
  return out;
}

std::string show(const Reply& reply) {
  std::string out = std::to_string(reply.code);
  if (reply.enhanced) out += " (" + to_string(*reply.enhanced) + ")";
  out += " [";
  for (const char c : reply.text) out += c == '\n' ? "|" : base::escaped(std::string(1, c));
  return out + "]";
}

/// All replies in `chunks`, one behind the other; an error as "error@offset: words".
std::string parse(const std::vector<std::string_view>& chunks) {
  ReplyParser parser;
  std::string out;
  for (std::string_view chunk : chunks) {
    while (!chunk.empty()) {
      const auto reply = parser.next(chunk);
      if (!reply) {
        return out + "error@" + std::to_string(reply.error().offset) + ": " +
               std::string(describe(reply.error().code));
      }
      if (*reply) out += show(**reply);
    }
  }
  return out;
}

struct ReplyCase {
  std::string_view name;
  std::string text;
  std::string want;
};

const ReplyCase reply_cases[] = {
    {"one line", "250 ok\r\n", "250 [ok]"},
    {"no text [RFC5321 4.2]", "250\r\n", "250 []"},
    {"space and no text", "250 \r\n", "250 []"},
    {"two lines", "250-a\r\n250 b\r\n", "250 [a|b]"},
    {"empty lines in between", "250-\r\n250-\r\n250\r\n", "250 [||]"},
    {"two replies", "250 a\r\n550 b\r\n", "250 [a]550 [b]"},
    {"enhanced code", "250 2.1.0 ok\r\n", "250 (2.1.0) [ok]"},
    {"enhanced code alone", "250 2.1.0\r\n", "250 (2.1.0) []"},
    {"enhanced code on each line", "550-5.1.1 a\r\n550 5.1.1 b\r\n", "550 (5.1.1) [a|b]"},
    {"enhanced code on the first line alone", "550-5.1.1 a\r\n550 b\r\n", "550 (5.1.1) [a|b]"},
    {"another enhanced code stays text", "550-5.1.1 a\r\n550 5.2.2 b\r\n",
     "550 (5.1.1) [a|5.2.2 b]"},
    {"enhanced code of another class stays text", "550 4.1.1 a\r\n", "550 [4.1.1 a]"},
    {"spaces before the text", "250   ok\r\n", "250 [  ok]"},
    {"controls are kept", "250 a\0b\tc\x1b[2J\r\n"s, "250 [a\\x00b\\x09c\\x1b[2J]"},
    {"octets that are not ASCII are kept", "250 \xff\r\n", "250 [\\xff]"},
    {"CR without LF is text", "250 a\rb\r\n", "250 [a\\x0db]"},
    {"CR CR LF", "250 a\r\r\n", "250 [a\\x0d]"},
    {"lowest and highest code", "200 a\r\n599 b\r\n", "200 [a]599 [b]"},
    {"incomplete", "250 ok\r", ""},
    {"99 lines before the last one", repeated("250-x\r\n", 99) + "250 y\r\n",
     "250 [" + repeated("x|", 99) + "y]"},
    {"text of 16,384 octets", "250 " + std::string(16'384, 'x') + "\r\n",
     "250 [" + std::string(16'384, 'x') + "]"},
    {"text of 16,384 octets on two lines", "250-" + std::string(16'383, 'x') + "\r\n250 y\r\n",
     "250 [" + std::string(16'383, 'x') + "|y]"},

    {"no digits", "hello\r\n", "error@0: reply without a code"},
    {"two digits", "25 ok\r\n", "error@2: reply without a code"},
    {"four digits", "2500 ok\r\n", "error@3: neither space nor hyphen after a reply code"},
    {"code and LF", "250\n", "error@3: neither space nor hyphen after a reply code"},
    {"empty line", "\r\n", "error@0: reply without a code"},
    {"space in front", " 250 ok\r\n", "error@0: reply without a code"},
    {"NUL in front",
     "\0"
     "250 ok\r\n"s,
     "error@0: reply without a code"},
    {"code 199", "199 x\r\n", "error@2: reply code out of range"},
    {"code 600", "600 x\r\n", "error@2: reply code out of range"},
    {"code 000", "000 x\r\n", "error@2: reply code out of range"},
    {"bare LF ends nothing", "250 ok\n250 more\r\n", "error@6: bare line feed in a reply"},
    {"LF CR", "250 ok\n\r", "error@6: bare line feed in a reply"},
    {"code changes", "250-a\r\n550 b\r\n", "error@9: lines of one reply have different codes"},
    {"text without a code in between", "250-a\r\nb\r\n", "error@7: reply without a code"},
    {"100 lines before the last one", repeated("250-x\r\n", 100) + "250 y\r\n",
     "error@699: reply of too many lines"},
    {"text of 16,385 octets", "250 " + std::string(16'385, 'x') + "\r\n",
     "error@16388: reply too long"},
    {"text of 16,385 octets on two lines", "250-" + std::string(16'384, 'x') + "\r\n250 y\r\n",
     "error@16394: reply too long"},
    {"line of 70,000 octets", "250 " + std::string(70'000, 'x') + "\r\n",
     "error@16388: reply too long"},
    {"CR at the limit", "250 " + std::string(16'384, 'x') + "\rx", "error@16389: reply too long"},
    {"a good reply before a bad one", "250 a\r\nx", "250 [a]error@0: reply without a code"},
};

TEST(reply_parser, replies_and_errors_are_as_in_the_table) {
  for (const ReplyCase& row : reply_cases) {
    EXPECT_EQ(parse({row.text}), row.want) << row.name;
  }
}

TEST(reply_parser, the_cut_makes_no_difference) {
  for (const ReplyCase& row : reply_cases) {
    const std::string_view text = row.text;
    const std::size_t step = text.size() > 2'000 ? 397 : 1;  // Long rows: some of the places.
    for (std::size_t cut = 1; cut < text.size(); cut += step) {
      ASSERT_EQ(parse({text.substr(0, cut), text.substr(cut)}), row.want) << row.name << " " << cut;
    }
    std::vector<std::string_view> octets;
    for (std::size_t i = 0; i < text.size(); ++i) octets.push_back(text.substr(i, 1));
    EXPECT_EQ(parse(octets), row.want) << row.name;
  }
}

TEST(reply_parser, an_error_is_final) {
  ReplyParser parser;
  std::string_view bad = "x";
  EXPECT_FALSE(parser.next(bad));
  std::string_view good = "250 ok\r\n";
  EXPECT_FALSE(parser.next(good));
}

TEST(reply_parser, stops_behind_one_reply) {
  ReplyParser parser;
  std::string_view in = "250 a\r\n250 b\r\n";
  const auto reply = parser.next(in);
  ASSERT_TRUE(reply && *reply);
  EXPECT_EQ((*reply)->text, "a");
  EXPECT_EQ(in, "250 b\r\n");
}

}  // namespace
}  // namespace smtp
