#include "grammar/address_list.h"

#include <gtest/gtest.h>

namespace grammar {
namespace {

using namespace std::string_literals;
using enum ParseErrorCode;

std::string print(const Mailbox& mailbox) {
  return mailbox.domain.empty() ? mailbox.local.text() : mailbox.print();
}

/// The addresses, joined by bars; or code and offset.
std::string read(std::string_view text) {
  const auto list = parse_address_list(text);
  if (!list) {
    return '!' + std::to_string(static_cast<int>(list.error().code)) + " at " +
           std::to_string(list.error().offset);
  }
  std::string out;
  for (const Mailbox& mailbox : *list) out += (out.empty() ? "" : "|") + print(mailbox);
  return out;
}

std::string error(ParseErrorCode code, std::size_t offset) {
  return '!' + std::to_string(static_cast<int>(code)) + " at " + std::to_string(offset);
}

struct ListCase {
  std::string name;
  std::string text;
  std::string want;
};

const ListCase list_cases[] = {
    {"nothing", "", ""},
    {"nothing but a comment", " (undisclosed) ", ""},
    {"one", "ann@a.example", "ann@a.example"},
    {"two", "ann@a.example, bob@b.example", "ann@a.example|bob@b.example"},
    {"a bare name", "root", "root"},
    {"bare names among others", "root, <bob>, Cy <cy@c.example>", "root|bob|cy@c.example"},
    {"a bare name with a dot", "ann.smith", "ann.smith"},
    {"a display name", "Ann Smith <ann@a.example>", "ann@a.example"},
    {"a display name with a dot [RFC5322 4.1]", "Ann B. Smith <ann@a.example>", "ann@a.example"},
    {"quoted, with a comma", "\"Smith, Ann\" <ann@a.example>, b@b", "ann@a.example|b@b"},
    {"quoted, with an escaped quote", R"("A \" <x@y>," <ann@a.example>)", "ann@a.example"},
    {"no display name", "<ann@a.example>", "ann@a.example"},
    {"a source route is left out", "<@r.example,@s.example:ann@a.example>", "ann@a.example"},
    {"comments everywhere", "(1)ann(2)@(3)a(4).(5)example(6),(7)bob@b.example(8)",
     "ann@a.example|bob@b.example"},
    {"comments nest", "ann@a.example (a (b \\) c) d), bob@b.example",
     "ann@a.example|bob@b.example"},
    {"a comment with an address", "ann@a.example (was: x@y.example)", "ann@a.example"},
    {"folded", "ann@a.example,\r\n\tbob@b.example\r\n", "ann@a.example|bob@b.example"},
    {"spaces around dots and at [RFC5322 4.4]", "ann . smith @ a . example", "ann.smith@a.example"},
    {"a quoted local-part", "\"ann smith\"@a.example", "\"ann smith\"@a.example"},
    {"quotes that need not be", "\"ann\"@a.example", "ann@a.example"},
    {"quoted and not [RFC5322 4.4]", "ann.\"b c\"@a.example", "\"ann.b c\"@a.example"},
    {"a literal", "ann@[192.0.2.1]", "ann@[192.0.2.1]"},
    {"a group", "friends: ann@a.example, Bob <bob@b.example>;", "ann@a.example|bob@b.example"},
    {"an empty group", "Undisclosed recipients:;", ""},
    {"a group among others", "x@x, g g: a@a, b@b; , y@y", "x@x|a@a|b@b|y@y"},
    {"empty members [RFC5322 4.4]", " , a@a,, ,b@b, ", "a@a|b@b"},
    {"UTF-8 [RFC6532 3.2]", "Jörg <jörg@bücher.example>", "jörg@bücher.example"},
    {"the same twice", "a@a, a@a", "a@a|a@a"},
    {"bangs and percents are letters", "a!b%c@d.example", "a!b%c@d.example"},

    {"two words", "ann smith", error(empty_atom, 0)},
    {"two words before the at", "a b@c", error(empty_atom, 0)},
    {"no local-part", "@a.example", error(empty_atom, 0)},
    {"no domain", "ann@", error(empty_domain_label, 4)},
    {"doubled dot", "a..b@c", error(empty_atom, 0)},
    {"leading dot", ".a@c", error(empty_atom, 0)},
    {"trailing dot", "a.@c", error(empty_atom, 0)},
    {"a domain with a doubled dot", "a@b..c", error(empty_domain_label, 2)},
    {"null path", "<>", error(null_forward_path, 0)},
    {"no right angle", "<a@b", error(missing_right_angle, 4)},
    {"text in the angle", "<a@b c>", error(unexpected_character, 5)},
    {"text behind the angle", "A <a@b> c", error(unexpected_character, 8)},
    {"no comma", "<a@b> <c@d>", error(unexpected_character, 6)},
    {"a route without colon", "<@a>", error(missing_colon, 3)},
    {"comment without end", "a@b (c", error(unexpected_character, 4)},
    {"comment that ends in a backslash", "(\\", error(unexpected_character, 0)},
    {"quote without end", "\"a", error(unclosed_quoted_string, 0)},
    {"quote that ends in a backslash", "\"a\\", error(unclosed_quoted_string, 0)},
    {"group without end", "g: a@b", error(unexpected_character, 6)},
    {"group in a group", "g: h: a@b;;", error(unexpected_character, 4)},
    {"colon without a name", ": a@b;", error(unexpected_character, 0)},
    {"semicolon outside of a group", "a@b;", error(unexpected_character, 3)},
    {"a control", "a\x01@b", error(unexpected_character, 1)},
    {"NUL", "a\0@b"s, error(unexpected_character, 1)},
    {"a control in quotes", "\"a\x01\"@b", error(control_in_quoted_string, 0)},
    {"a literal without end", "a@[192.0.2.1", error(bad_address_literal, 2)},
    {"bad UTF-8", "a\xff@b", error(bad_utf8, 0)},
    {"a local-part of 255 octets", std::string(255, 'a') + "@b", std::string(255, 'a') + "@b"},
    {"and of 256", std::string(256, 'a') + "@b", error(local_part_too_long, 0)},
};

TEST(address_list, reads_what_people_write) {
  for (const ListCase& test : list_cases) EXPECT_EQ(read(test.text), test.want) << test.name;
}

TEST(address_list, takes_no_longer_for_nested_comments_and_many_addresses) {
  EXPECT_EQ(read(std::string(100'000, '(') + std::string(100'000, ')') + "a@b"), "a@b");
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "Ann <a@b>, ";
  EXPECT_EQ(parse_address_list(many)->size(), 10'000u);
}

}  // namespace
}  // namespace grammar
