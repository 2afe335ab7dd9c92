#include "delivery/home_arguments.h"

#include <gtest/gtest.h>

namespace delivery {
namespace {

const HomeArguments good{.target = "maildir:~/Maildir",
                         .name = "0123.0.mx.example.org",
                         .separator = "From ann@a.example Wed Nov 25 08:41:07 2026\n",
                         .repeated = true};

TEST(home_arguments, come_back_as_they_were) {
  EXPECT_EQ(parse_home_arguments(home_arguments(good)), good);
  HomeArguments first = good;
  first.target = "mbox:~/mail/inbox";
  first.repeated = false;
  EXPECT_EQ(parse_home_arguments(home_arguments(first)), first);
}

struct BadCase {
  const char* name;
  std::vector<std::string> arguments;
};

std::vector<std::string> with(std::size_t which, std::string value) {
  std::vector<std::string> out = home_arguments(good);
  out[which] = std::move(value);
  return out;
}

TEST(home_arguments, what_leaves_its_place_is_refused) {
  const BadCase bad[] = {
      {"too few", {"maildir:~/Maildir", "name"}},
      {"none", {}},
      {"a target that is no home", with(0, "maildir:/etc")},
      {"a target that is no mailbox", with(0, "pipe:/bin/sh")},
      {"a name with a slash", with(1, "a/b")},
      {"a name that goes up", with(1, "..")},
      {"a hidden name", with(1, ".a")},
      {"no name", with(1, "")},
      {"a name with a line feed", with(1, "a\nb")},
      {"a name of 256 octets", with(1, std::string(256, 'a'))},
      {"no separator", with(2, "")},
      {"another line", with(2, "To: x\n")},
      {"a separator of two lines", with(2, "From x\nFrom y\n")},
      {"a separator without its end", with(2, "From x")},
      {"neither first nor repeated", with(3, "x")},
  };
  for (const BadCase& row : bad) EXPECT_FALSE(parse_home_arguments(row.arguments)) << row.name;
  EXPECT_TRUE(parse_home_arguments(with(1, std::string(255, 'a'))));
}

TEST(home_blocks, wherever_they_are_cut) {
  const std::string text = "Subject: x\n\n12\nbody\n";
  const std::string whole =
      home_block(text.substr(0, 7)) + home_block(text.substr(7)) + home_block("");
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    HomeBlocks blocks;
    std::string out;
    ASSERT_TRUE(blocks.take(std::string_view(whole).substr(0, cut), out));
    EXPECT_EQ(blocks.ended(), cut == whole.size());
    ASSERT_TRUE(blocks.take(std::string_view(whole).substr(cut), out));
    EXPECT_TRUE(blocks.ended());
    EXPECT_EQ(out, text);
  }
}

TEST(home_blocks, what_is_none) {
  for (const std::string text :
       {"x\n", "\n", "-1\n", "99999999\n", "123456789", "0\nmore", "+1\na"}) {
    HomeBlocks blocks;
    std::string out;
    EXPECT_FALSE(blocks.take(text, out)) << text;
  }
}

}  // namespace
}  // namespace delivery
