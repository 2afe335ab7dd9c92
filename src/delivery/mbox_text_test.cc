#include "delivery/mbox_text.h"

#include <gtest/gtest.h>

namespace delivery {
namespace {

using namespace std::string_literals;

base::WallTime at(std::int64_t seconds) { return base::WallTime(std::chrono::seconds(seconds)); }

struct SeparatorCase {
  std::string_view sender;
  std::int64_t seconds;
  std::string_view want;
};

const SeparatorCase separator_cases[] = {
    {"ann@a.example", 820'631'134, "From ann@a.example Wed Jan  3 01:05:34 1996\n"},
    {"", 1'795'596'067, "From MAILER-DAEMON Wed Nov 25 08:41:07 2026\n"},
    {"\"a b\"@c.example", 0, "From \"a_b\"@c.example Thu Jan  1 00:00:00 1970\n"},
    {"a\nb@c", 951'782'399, "From a_b@c Mon Feb 28 23:59:59 2000\n"},
    {"a@b", 951'782'400, "From a@b Tue Feb 29 00:00:00 2000\n"},
};

TEST(mbox_text, separators) {
  for (const SeparatorCase& row : separator_cases) {
    EXPECT_EQ(mbox_separator(row.sender, at(row.seconds)), row.want);
  }
}

struct ContentCase {
  std::string_view name;
  std::string in;
  std::string want;
};

const ContentCase content_cases[] = {
    {"empty", "", "\n"},
    {"one line", "a: b\r\n", "a: b\n\n"},
    {"no line end", "a: b", "a: b\n\n"},
    {"blank line at the end stays", "a\r\n\r\n", "a\n\n\n"},
    {"blank lines", "\r\n\r\n", "\n\n\n"},
    {"From_ line", "a\r\n\r\nFrom b\r\n", "a\n\n>From b\n\n"},
    {"From_ line at the start", "From a\r\n", ">From a\n\n"},
    {"quoted already", ">From a\r\n>>>From b\r\n", ">>From a\n>>>>From b\n\n"},
    {"the shortest", "From ", ">From \n\n"},
    {"one octet shorter", "From", "From\n\n"},
    {"without the space", "From\r\nFromage\r\n", "From\nFromage\n\n"},
    {"From: is a field", "From: a\r\n", "From: a\n\n"},
    {"not at the start of the line", "a From b\r\n From c\r\n", "a From b\n From c\n\n"},
    {"in another case", "from a\r\nFROM b\r\n", "from a\nFROM b\n\n"},
    {"quotes alone", ">>\r\n>", ">>\n>\n\n"},
    {"a quote within", "Fr>om \r\nF>From a\r\n", "Fr>om \nF>From a\n\n"},
    {"begins anew", "FFrom a\r\n>F>From b\r\n", "FFrom a\n>F>From b\n\n"},
    {"behind a bare LF", "a\nFrom b\r\n", "a\n>From b\n\n"},
    {"behind a bare CR", "a\rFrom b\r\n", "a\rFrom b\n\n"},
    {"NUL", "\0From a\r\n"s, "\0From a\n\n"s},
    {"octets", "\xff\xfe\r\nFrom \xff\r\n", "\xff\xfe\n>From \xff\n\n"},
};

std::string converted(const std::vector<std::string_view>& pieces) { return mbox_text("", pieces); }

TEST(mbox_text, from_lines_are_quoted_wherever_the_content_is_cut) {
  for (const ContentCase& row : content_cases) {
    const std::string_view in = row.in;
    for (std::size_t cut = 0; cut <= in.size(); ++cut) {
      EXPECT_EQ(converted({in.substr(0, cut), "", in.substr(cut)}), row.want) << row.name;
    }
    std::vector<std::string_view> octets;
    for (std::size_t i = 0; i < in.size(); ++i) octets.push_back(in.substr(i, 1));
    EXPECT_EQ(converted(octets), row.want) << row.name;
  }
}

TEST(mbox_text, from_lines_at_the_border_of_a_block) {
  for (std::size_t before = LfContent::block_octets - 8; before < LfContent::block_octets + 3;
       ++before) {
    const std::string line(before, 'x');
    EXPECT_EQ(converted({line + "\r\n>>From a\r\n"}), line + "\n>>>From a\n\n");
  }
}

TEST(mbox_text, unquoting_gives_the_content_back) {
  std::string in;
  for (int i = 0; i < 50; ++i) in += std::string(static_cast<std::size_t>(i), '>') + "From x\r\n";
  std::string text = converted({in});
  text.pop_back();
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    std::string_view line = std::string_view(text).substr(at, end - at);
    ASSERT_TRUE(line.starts_with('>'));
    out += std::string(line.substr(1)) + "\r\n";
    at = end + 1;
  }
  EXPECT_EQ(out, in);
}

}  // namespace
}  // namespace delivery
