#include "directory/alias_file.h"

#include <gtest/gtest.h>

namespace directory {
namespace {

std::string shown(const AliasItem& item) {
  switch (item.kind) {
    case AliasItem::Kind::address:
      return item.mailbox.domain.empty() ? item.mailbox.local.text() : item.mailbox.print();
    case AliasItem::Kind::program:
    case AliasItem::Kind::file: return item.text;
    case AliasItem::Kind::include: return "<" + item.text;
  }
  return "?";
}

/// "NAME@LINE=ITEM,ITEM; …", then "!LINE MESSAGE" for each mistake.
std::string shown(const AliasFile& file) {
  std::string out;
  for (const AliasEntry& entry : file.entries) {
    if (!out.empty()) out += "; ";
    out += (entry.name.domain.empty() ? entry.name.local.text() : entry.name.print()) + "#" +
           std::to_string(entry.line) + "=";
    for (const AliasItem& item : entry.items) {
      out += (out.ends_with('=') ? "" : ",") + shown(item);
    }
  }
  for (const AliasMistake& mistake : file.mistakes) {
    out += "!" + std::to_string(mistake.line) + " " + mistake.message;
  }
  return out;
}

struct FileCase {
  const char* name;
  std::string text;
  std::string want;
};

const FileCase file_cases[] = {
    {"nothing", "", ""},
    {"comments_and_blank_lines", "# a: b\n\n  \t\n   # c\n", ""},
    {"one", "a: b\n", "a#1=b"},
    {"no_line_end", "a: b", "a#1=b"},
    {"crlf", "a: b\r\nc: d\r\n", "a#1=b; c#2=d"},
    {"no_space", "a:b,c,d\n", "a#1=b,c,d"},
    {"space_everywhere", "a \t:  b ,\tc ,, d,\n", "a#1=b,c,d"},
    {"with_domains", "a@x.test: b@y.test, c\n", "a@x.test#1=b@y.test,c"},
    {"continued", "a: b,\n  c\n\td\ne: f\n", "a#1=b,c,d; e#4=f"},
    {"continued_over_comments", "a: b,\n# no\n\n c\n", "a#1=b,c"},
    {"continued_from_nothing", "a:\n b\n", "a#1=b"},
    {"quoted_name", "\"john doe\": b\n\"x:y\"@z.test: c\n", "\"john doe\"#1=b; \"x:y\"@z.test#2=c"},
    {"quoted_address", "a: \"john doe\", \"j, d\"@x.test\n", "a#1=\"john doe\",\"j, d\"@x.test"},
    {"names_and_comments", "a: Bob B. <bob@x.test>, carol (Carol, the boss)\n",
     "a#1=bob@x.test,carol"},
    {"backslash", "a: \\a, \\b\n", "a#1=a,b"},
    {"program", "a: |/bin/p\n", "a#1=|/bin/p"},
    {"program_with_arguments", "a: \"|/bin/p -x, y\t{local}\", b\n", "a#1=|/bin/p -x, y {local},b"},
    {"program_quoted_behind_the_bar", "a: |\"/bin/p x\"\n",
     "a#1=!1 expected a program and arguments split at spaces, without quotes and redirections: no "
     "shell reads them"},
    {"file", "a: /var/mail/x, \"/var/mail/y z\"\n", "a#1=/var/mail/x,/var/mail/y z"},
    {"include", "a: :include:/etc/l, \":include: /etc/m n\", :INCLUDE:/o\n",
     "a#1=</etc/l,</etc/m n,</o"},
    {"relative_include", "a: :include:l\n", "a#1=!1 expected a path from / on behind :include:"},
    {"empty_program", "a: \"| \"\n", "a#1=!1 expected a program behind |"},
    {"no_colon", "a b\nc: d\n", "c#2=d!1 expected NAME: TARGET, TARGET"},
    {"no_name", ": b\n", "!1 expected a name or an address before the colon"},
    {"two_names", "a, b: c\n", "!1 expected a name or an address before the colon"},
    {"no_targets", "a:\nb: c\n", "b#2=c!1 expected what the alias leads to behind the colon"},
    {"open_quote", "a: \"b\nc: d\n", "a#1=; c#2=d!1 expected a quotation mark at the end"},
    {"begins_with_space", " a: b\nc: d\n", "c#2=d!1 expected a name in the first column"},
    {"behind_a_bad_line", "a b\n  c\nd: e\n", "d#3=e!1 expected NAME: TARGET, TARGET"},
    {"no_address", "a: b@@c, d\n",
     "a#1=d!1 expected an address, |program, /file or :include:/path: a label of the domain is "
     "empty"},
    {"two_addresses", "a: <b@x.test> <c@x.test>, d\n",
     "a#1=d!1 expected an address, |program, /file or :include:/path: > is missing after the "
     "mailbox"},
    {"control", std::string("a: b\x01, c\n"), "a#1=c!1 a control is no part of an item"},
    {"nul", std::string("a: b\0, c\n", 9), "a#1=c!1 a control is no part of an item"},
};

class AliasFileForm : public ::testing::TestWithParam<FileCase> {};

TEST_P(AliasFileForm, is_read) {
  EXPECT_EQ(shown(parse_alias_file(GetParam().text)), GetParam().want);
}
INSTANTIATE_TEST_SUITE_P(Forms, AliasFileForm, ::testing::ValuesIn(file_cases),
                         [](const auto& tested) { return tested.param.name; });

TEST(alias_file, what_only_a_shell_would_understand_is_no_program) {
  for (const std::string mark : {"'a b'", "> /tmp/x", "; b", "& b", "$HOME", "`b`", "| b", "< b"}) {
    const AliasFile file = parse_alias_file("a: \"|/bin/p " + mark + "\"\n");
    EXPECT_EQ(file.mistakes.size(), 1u) << mark;
    EXPECT_TRUE(file.entries[0].items.empty()) << mark;
  }
}

TEST(alias_file, a_list_has_lines_and_commas) {
  const AliasList list = parse_alias_list("a, b\n# c\n\n d@x.test\n|/bin/p\n@\n", 7);
  std::string out;
  for (const AliasItem& item : list.items) {
    out += shown(item) + "#" + std::to_string(item.line) + " ";
  }
  EXPECT_EQ(out, "a#7 b#7 d@x.test#10 |/bin/p#11 ");
  ASSERT_EQ(list.mistakes.size(), 1u);
  EXPECT_EQ(list.mistakes[0].line, 12u);
}

TEST(alias_file, mistakes_are_bounded) {
  std::string text;
  for (std::size_t i = 0; i < alias_mistakes_max + 5; ++i) text += "bad\n";
  EXPECT_EQ(parse_alias_file(text).mistakes.size(), alias_mistakes_max);
}

TEST(alias_file, each_cut_is_read) {
  const std::string whole =
      "# a\na: \"b c\"@x.test,\n  |/bin/p d, :include:/e\r\n\"f: g\": H <h@i.test> (j)\n";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const AliasFile file = parse_alias_file(whole.substr(0, cut));
    EXPECT_LE(file.entries.size(), 2u);
  }
}

}  // namespace
}  // namespace directory
