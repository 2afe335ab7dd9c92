#include "grammar/path.h"

#include <gtest/gtest.h>

namespace grammar {

namespace {

using namespace std::literals;
using enum ParseErrorCode;

constexpr PathRules ascii_rules{.smtputf8 = false};
constexpr PathRules utf8_rules{.smtputf8 = true};

std::unexpected<ParseError> error(ParseErrorCode code, std::size_t offset) {
  return std::unexpected(ParseError{code, offset});
}

std::string repeated(std::size_t count, std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

struct PathCase {
  std::string_view name;
  std::string text;
  ParseResult<std::string> want;  ///< Printed form, or code and offset.
};

/// What both paths do alike.
const PathCase path_cases[] = {
    {"a mailbox", "<ann@a.example>", "<ann@a.example>"},
    {"case of local-part and domain is kept", "<Ann@A.Example>", "<Ann@A.Example>"},
    {"all of atext", "<!#$%&'*+-/=?^_`{|}~09azAZ@a>", "<!#$%&'*+-/=?^_`{|}~09azAZ@a>"},
    {"dots within the local-part", "<a.b.c@a.example>", "<a.b.c@a.example>"},
    {"percent and bang mean nothing", "<b!a%c@a.example>", "<b!a%c@a.example>"},
    {"one label", "<user@z>", "<user@z>"},
    {"digits as a label", "<a@3com.163.example>", "<a@3com.163.example>"},
    {"hyphens within a label", "<a@a--b-c.example>", "<a@a--b-c.example>"},
    {"underscores in a label", "<a@_a_b_.example>", "<a@_a_b_.example>"},
    {"an A-label", "<a@xn--bcher-kva.example>", "<a@xn--bcher-kva.example>"},
    {"quoted local-part", "<\"a b\"@a.example>", "<\"a b\"@a.example>"},
    {"quoted specials", "<\"a@b,c:d>e<\"@a.example>", "<\"a@b,c:d>e<\"@a.example>"},
    {"quoted pairs", "<\"a\\\"b\\\\c\\d\"@a.example>", "<\"a\\\"b\\\\c\\d\"@a.example>"},
    {"quoted dots may lead, trail and double", "<\".a..b.\"@a>", "<\".a..b.\"@a>"},
    {"empty quoted string", "<\"\"@a.example>", "<\"\"@a.example>"},
    {"IPv4 literal", "<a@[192.0.2.1]>", "<a@[192.0.2.1]>"},
    {"IPv6 literal", "<a@[IPv6:2001:db8::1]>", "<a@[IPv6:2001:db8::1]>"},
    {"IPv6 tag in any case", "<a@[ipv6:::1]>", "<a@[ipv6:::1]>"},
    {"IPv6 with IPv4 inside", "<a@[IPv6:::ffff:192.0.2.1]>", "<a@[IPv6:::ffff:192.0.2.1]>"},
    {"source route is kept", "<@r,@s.example:ann@a.example>", "<@r,@s.example:ann@a.example>"},
    {"route of one host", "<@a:user@z>", "<@a:user@z>"},
    {"literal in a route", "<@[192.0.2.1]:user@z>", "<@[192.0.2.1]:user@z>"},
    {"text behind is not ours", "<a@b> SIZE=1", "<a@b>"},
    {"a second bracket is not ours", "<a@b>>", "<a@b>"},
    {"postmaster with a domain", "<postmaster@a.example>", "<postmaster@a.example>"},
    {"label of 63 octets", "<a@" + repeated(63, "b") + ">", "<a@" + repeated(63, "b") + ">"},
    {"local-part of 255 octets", "<" + repeated(255, "a") + "@b>",
     "<" + repeated(255, "a") + "@b>"},
    {"domain of 255 octets", "<a@" + repeated(127, "b.") + "c>",
     "<a@" + repeated(127, "b.") + "c>"},
    {"path of 1,024 octets", "<@a" + repeated(338, ",@b") + ":aaa@b>",
     "<@a" + repeated(338, ",@b") + ":aaa@b>"},

    {"nothing", "", error(missing_left_angle, 0)},
    {"no angle brackets", "ann@a.example", error(missing_left_angle, 0)},
    {"space before", " <ann@a.example>", error(missing_left_angle, 0)},
    {"only the right bracket", "ann@a.example>", error(missing_left_angle, 0)},
    {"no right bracket", "<ann@a.example", error(missing_right_angle, 14)},
    {"no right bracket, parameter", "<ann@a.example SIZE=1", error(missing_right_angle, 21)},
    {"no right bracket, nothing else right", "<..", error(missing_right_angle, 3)},
    {"left bracket alone", "<", error(missing_right_angle, 1)},
    {"two left brackets", "<<a@b>", error(empty_atom, 1)},
    {"no at sign", "<ann>", error(missing_at_sign, 4)},
    {"no local-part", "<@>", error(empty_domain_label, 2)},
    {"no domain", "<ann@>", error(empty_domain_label, 5)},
    {"two at signs", "<a@b@c>", error(unexpected_character, 4)},
    {"space before the local-part", "< ann@a>", error(empty_atom, 1)},
    {"space after the local-part", "<ann @a>", error(missing_at_sign, 4)},
    {"space before the domain", "<ann@ a>", error(empty_domain_label, 5)},
    {"space after the domain", "<ann@a >", error(unexpected_character, 6)},
    {"a tab in the local-part", "<a\tb@a>", error(missing_at_sign, 2)},
    {"leading dot", "<.a@a.example>", error(empty_atom, 1)},
    {"trailing dot", "<a.@a.example>", error(empty_atom, 3)},
    {"doubled dot", "<a..b@a.example>", error(empty_atom, 3)},
    {"a dot alone", "<.@a.example>", error(empty_atom, 1)},
    {"comment in the local-part", "<a(b)@a.example>", error(missing_at_sign, 2)},
    {"comma in the local-part", "<a,b@a.example>", error(missing_at_sign, 2)},
    {"backslash without quotes", "<a\\b@a.example>", error(missing_at_sign, 2)},
    {"quote within an atom", "<a\"b\"@a.example>", error(missing_at_sign, 2)},
    {"atom behind a quoted string", "<\"a\"b@a.example>", error(missing_at_sign, 4)},
    {"quoted string within a dot-string", "<a.\"b\"@a.example>", error(empty_atom, 3)},
    {"dot behind a quoted string", "<\"a\".b@a.example>", error(missing_at_sign, 4)},
    {"unclosed quoted string", "<\"ann@a.example>", error(unclosed_quoted_string, 16)},
    {"unclosed behind a quoted quote", "<\"ann\\\"@a.example>", error(unclosed_quoted_string, 18)},
    {"the input ends in a quoted pair", "<\">\\", error(unclosed_quoted_string, 4)},
    {"quoted pair with a control", "<\"a\\\tb\"@a>", error(bad_quoted_pair, 3)},
    {"NUL in the local-part", "<a\0b@a.example>"s, error(missing_at_sign, 2)},
    {"NUL in a quoted string", "<\"a\0b\"@a.example>"s, error(control_in_quoted_string, 3)},
    {"tab in a quoted string", "<\"a\tb\"@a.example>", error(control_in_quoted_string, 3)},
    {"CRLF in a quoted string", "<\"a\r\nb\"@a.example>", error(control_in_quoted_string, 3)},
    {"DEL in a quoted string", "<\"a\x7f\"@a.example>", error(control_in_quoted_string, 3)},
    {"bare LF in the domain", "<ann@a.\nexample>", error(empty_domain_label, 7)},
    {"bare CR behind the domain", "<ann@a\r>", error(unexpected_character, 6)},
    {"NUL in the domain", "<ann@a\0b>"s, error(unexpected_character, 6)},
    {"domain with a trailing dot", "<ann@a.example.>", error(empty_domain_label, 15)},
    {"domain with a leading dot", "<ann@.a.example>", error(empty_domain_label, 5)},
    {"domain with a doubled dot", "<ann@a..example>", error(empty_domain_label, 7)},
    {"domain is a dot", "<ann@.>", error(empty_domain_label, 5)},
    {"label with a leading hyphen", "<ann@a.-b>", error(bad_domain_label, 7)},
    {"label with a trailing hyphen", "<ann@a-.b>", error(bad_domain_label, 6)},
    {"label is a hyphen", "<ann@->", error(bad_domain_label, 5)},
    {"a port", "<ann@a.example:25>", error(unexpected_character, 14)},
    {"a slash in the domain", "<ann@a/b>", error(unexpected_character, 6)},
    {"a colon first", "<:ann@a>", error(empty_atom, 1)},
    {"label of 64 octets", "<a@x." + repeated(64, "b") + ">", error(domain_label_too_long, 5)},
    {"domain of 256 octets", "<a@" + repeated(127, "b.") + "cc>", error(domain_too_long, 3)},
    {"local-part of 256 octets", "<" + repeated(256, "a") + "@b>", error(local_part_too_long, 1)},
    {"quoted local-part of 256 octets", "<\"" + repeated(254, "a") + "\"@b>",
     error(local_part_too_long, 1)},
    {"path of 1,025 octets", "<@a" + repeated(338, ",@b") + ":aaaa@b>", error(path_too_long, 0)},
    {"a very long route", "<@a" + repeated(5'000, ",@b") + ":a@b>", error(path_too_long, 0)},

    {"literal without brackets' end", "<a@[192.0.2.1>", error(bad_address_literal, 3)},
    {"literal without anything", "<a@[]>", error(bad_address_literal, 3)},
    {"literal of three numbers", "<a@[192.0.2]>", error(bad_address_literal, 3)},
    {"literal of five numbers", "<a@[192.0.2.1.1]>", error(bad_address_literal, 3)},
    {"literal with 256", "<a@[192.0.2.256]>", error(bad_address_literal, 3)},
    {"literal with a leading zero", "<a@[192.0.2.01]>", error(bad_address_literal, 3)},
    {"literal with a space", "<a@[ 192.0.2.1]>", error(bad_address_literal, 3)},
    {"IPv6 literal without its tag", "<a@[2001:db8::1]>", error(bad_address_literal, 3)},
    {"IPv4 literal with the IPv6 tag", "<a@[IPv6:192.0.2.1]>", error(bad_address_literal, 3)},
    {"IPv6 literal with two gaps", "<a@[IPv6:1::2::3]>", error(bad_address_literal, 3)},
    {"IPv6 literal with a zone", "<a@[IPv6:fe80::1%eth0]>", error(bad_address_literal, 3)},
    {"general literal", "<a@[x400:foo]>", error(bad_address_literal, 3)},
    {"text in brackets", "<a@[example]>", error(bad_address_literal, 3)},
    {"text behind a literal", "<a@[192.0.2.1]x>", error(unexpected_character, 14)},
    {"literal as one label of a domain", "<a@b.[192.0.2.1]>", error(empty_domain_label, 5)},

    {"route without colon", "<@a>", error(missing_colon, 3)},
    {"route without mailbox", "<@a:>", error(empty_atom, 4)},
    {"route without local-part", "<@a:@z>", error(empty_atom, 4)},
    {"route, local-part without domain", "<@a:user>", error(missing_at_sign, 8)},
    {"route with a space behind the comma", "<@a, @b:u@z>", error(empty_domain_label, 4)},
    {"route without the second at sign", "<@a,b:u@z>", error(empty_domain_label, 4)},
    {"route with an empty host", "<@a,@,@b:u@z>", error(empty_domain_label, 5)},
    {"route with a trailing comma", "<@a,:u@z>", error(empty_domain_label, 4)},
    {"route with a semicolon", "<@a;@b:u@z>", error(missing_colon, 3)},
    {"route with a bad host", "<@-a:u@z>", error(bad_domain_label, 2)},
    {"route to a bare postmaster", "<@a:postmaster>", error(missing_at_sign, 14)},
    {"two routes", "<@a:@b:u@z>", error(empty_atom, 4)},

    {"UTF-8 in the local-part", "<j\xc3\xa9@a.example>", error(non_ascii, 2)},
    {"UTF-8 in a quoted string", "<\"j\xc3\xa9\"@a.example>", error(non_ascii, 3)},
    {"UTF-8 in the domain", "<ann@b\xc3\xbc.example>", error(non_ascii, 6)},
    {"UTF-8 in a route", "<@\xc3\xbc:u@z>", error(non_ascii, 2)},
    {"Latin-1 in the local-part", "<j\xe9@a.example>", error(non_ascii, 2)},
    {"quoted pair with UTF-8", "<\"\\\xc3\xa9\"@a>", error(bad_quoted_pair, 2)},
};

const PathCase utf8_path_cases[] = {
    {"ASCII", "<ann@a.example>", "<ann@a.example>"},
    {"UTF-8 in the local-part", "<jos\xc3\xa9@a.example>", "<jos\xc3\xa9@a.example>"},
    {"UTF-8 alone", "<\xe7\x94\xb2@\xe4\xb9\x99.example>", "<\xe7\x94\xb2@\xe4\xb9\x99.example>"},
    {"UTF-8 in a quoted string", "<\"j \xc3\xa9\"@a>", "<\"j \xc3\xa9\"@a>"},
    {"U-label",
     "<ann@b\xc3\xbc"
     "cher.example>",
     "<ann@b\xc3\xbc"
     "cher.example>"},
    {"U-label in a route", "<@b\xc3\xbc:u@z>", "<@b\xc3\xbc:u@z>"},
    {"beyond the first plane", "<\xf0\x9f\x93\xae@a>", "<\xf0\x9f\x93\xae@a>"},

    {"Latin-1 in the local-part", "<j\xe9@a.example>", error(bad_utf8, 2)},
    {"a continuation octet alone", "<j\x80@a.example>", error(bad_utf8, 2)},
    {"overlong form", "<\xc0\xaf@a.example>", error(bad_utf8, 1)},
    {"overlong NUL", "<\xc0\x80@a.example>", error(bad_utf8, 1)},
    {"a surrogate", "<\xed\xa0\x80@a.example>", error(bad_utf8, 1)},
    {"beyond Unicode", "<\xf4\x90\x80\x80@a.example>", error(bad_utf8, 1)},
    {"cut character", "<\xe7\x94@a.example>", error(bad_utf8, 1)},
    {"C1 control", "<a\xc2\x85@a.example>", error(bad_utf8, 2)},
    {"C1 control in a quoted string", "<\"\xc2\x9b\"@a.example>", error(bad_utf8, 2)},
    {"Latin-1 in the domain", "<a@b\xfc.example>", error(bad_utf8, 4)},
    {"quoted pair with UTF-8", "<\"\\\xc3\xa9\"@a>", error(bad_quoted_pair, 2)},
    {"NUL", "<\xc3\xa9\0@a>"s, error(missing_at_sign, 3)},
    {"fullwidth at sign in a domain",
     "<a@b\xef\xbc\xa0"
     "c>",
     error(bad_internationalized_domain, 3)},
    {"a label of a soft hyphen alone", "<a@b.\xc2\xad.c>", error(bad_internationalized_domain, 3)},
    {"label too long as A-label", "<a@" + repeated(60, "\xc3\xbc") + ">",
     error(bad_internationalized_domain, 3)},
};

template <class Path>
ParseResult<std::string> printed(const ParseResult<Path>& path) {
  if (!path) return std::unexpected(path.error());
  return path->print();
}

/// Readable in the message of a failed test.
std::string shown(const ParseResult<std::string>& result) {
  if (result) return *result;
  return std::string(describe(result.error().code)) + " (at octet " +
         std::to_string(result.error().offset) + ")";
}
std::string shown(ParseErrorCode code, std::size_t offset) { return shown(error(code, offset)); }

/// Parses, prints, and parses again.
template <class Path>
void check_path(const PathCase& row, PathRules rules,
                ParseResult<Path> (*parse)(Cursor&, PathRules)) {
  Cursor in(row.text);
  const auto path = parse(in, rules);
  EXPECT_EQ(shown(printed(path)), shown(row.want)) << row.name;
  if (!path || !row.want) return;
  EXPECT_EQ(in.offset(), row.want->size()) << row.name;
  EXPECT_EQ(Path::parse(path->print()), path) << row.name;
}

TEST(Path, table_of_both_paths) {
  for (const PathCase& row : path_cases) {
    check_path(row, ascii_rules, parse_forward_path);
    check_path(row, ascii_rules, parse_reverse_path);
  }
}

TEST(Path, table_with_smtputf8) {
  for (const PathCase& row : utf8_path_cases) {
    check_path(row, utf8_rules, parse_forward_path);
    check_path(row, utf8_rules, parse_reverse_path);
  }
}

TEST(Path, smtputf8_changes_nothing_for_ascii) {
  for (const PathCase& row : path_cases) {
    if (row.want.has_value()) check_path(row, utf8_rules, parse_forward_path);
  }
}

const PathCase forward_path_cases[] = {
    {"postmaster without a domain [RFC5321 4.1.1.3]", "<Postmaster>", "<Postmaster>"},
    {"in upper case", "<POSTMASTER> X", "<POSTMASTER>"},
    {"null", "<>", error(null_forward_path, 1)},
    {"quoted postmaster", "<\"postmaster\">", error(missing_at_sign, 13)},
    {"longer than postmaster", "<postmasters>", error(missing_at_sign, 12)},
    {"shorter than postmaster", "<postmaste>", error(missing_at_sign, 10)},
    {"space behind postmaster", "<postmaster >", error(missing_at_sign, 11)},
    {"postmaster without bracket", "<postmaster", error(missing_right_angle, 11)},
};

TEST(ForwardPath, table) {
  for (const PathCase& row : forward_path_cases) {
    check_path(row, ascii_rules, parse_forward_path);
  }
  EXPECT_TRUE(ForwardPath::parse("<postMaster>")->is_bare_postmaster());
  EXPECT_FALSE(ForwardPath::parse("<postmaster@a>")->is_bare_postmaster());
}

const PathCase reverse_path_cases[] = {
    {"null reverse-path [RFC5321 4.5.5]", "<>", "<>"},
    {"null reverse-path, parameters", "<> BODY=7BIT", "<>"},
    {"null with a space", "< >", error(empty_atom, 1)},
    {"postmaster without a domain", "<postmaster>", error(missing_at_sign, 11)},
};

TEST(ReversePath, table) {
  for (const PathCase& row : reverse_path_cases) {
    check_path(row, ascii_rules, parse_reverse_path);
  }
  EXPECT_TRUE(ReversePath::parse("<>")->is_null());
  EXPECT_FALSE(ReversePath::parse("<a@b>")->is_null());
}

TEST(Path, parts) {
  const auto path = *ForwardPath::parse("<@A,@b.example:\"j. \\q\"@Z.Example>");
  ASSERT_EQ(path.route.size(), 2u);
  EXPECT_EQ(path.route[0].text(), "A");
  EXPECT_EQ(path.route[1].canonical(), "b.example");
  EXPECT_EQ(path.mailbox.local.text(), "\"j. \\q\"");
  EXPECT_EQ(path.mailbox.local.value(), "j. q");
  EXPECT_EQ(path.mailbox.domain.canonical(), "z.example");
  EXPECT_EQ(path.print_without_route(), "<\"j. \\q\"@Z.Example>");
  const auto reverse = *ReversePath::parse("<@r:a@b>");
  EXPECT_EQ(reverse.print_without_route(), "<a@b>");
}

TEST(Path, every_prefix_of_a_path_is_refused) {
  const std::string_view wholes[] = {"<ann@a.example>",
                                     "<@a,@[192.0.2.1],@c:\"q \\\" q\"@[IPv6:2001:db8::1]>",
                                     "<jos\xc3\xa9@b\xc3\xbc"
                                     "cher.example>"};
  for (const std::string_view whole : wholes) {
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
      Cursor in(whole.substr(0, cut));
      EXPECT_EQ(shown(printed(parse_forward_path(in, utf8_rules))),
                shown(missing_right_angle, cut));
      Cursor again(whole.substr(0, cut));
      EXPECT_EQ(shown(printed(parse_reverse_path(again, utf8_rules))),
                shown(missing_right_angle, cut));
    }
  }
}

/// Puts each octet at each position of a path. Nothing that is accepted has a control or, without
/// SMTPUTF8, an octet above 127; and it prints as it was read.
TEST(Path, every_octet_at_every_position) {
  const std::string whole = "<@r,@s.example:\"a b\"@a-b.example>";
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int octet = 0; octet < 256; ++octet) {
      std::string text = whole;
      text[at] = static_cast<char>(octet);
      for (const PathRules rules : {ascii_rules, utf8_rules}) {
        Cursor in(text);
        const auto path = parse_forward_path(in, rules);
        if (!path) {
          EXPECT_LE(path.error().offset, text.size());
          continue;
        }
        EXPECT_TRUE(octet >= 0x20 && octet < 0x7f) << at << " " << octet;
        EXPECT_EQ(path->print(), text.substr(0, in.offset()));
      }
    }
  }
}

/// The same for octets that are put between the others, in the shortest path.
TEST(Path, every_octet_inserted) {
  const std::string whole = "<a@b>";
  for (std::size_t at = 0; at <= whole.size(); ++at) {
    for (int octet = 0; octet < 256; ++octet) {
      std::string text = whole;
      text.insert(at, 1, static_cast<char>(octet));
      Cursor in(text);
      const auto path = parse_reverse_path(in, ascii_rules);
      if (!path) continue;
      EXPECT_EQ(path->print(), text.substr(0, in.offset()));
      if (at < whole.size()) {
        EXPECT_TRUE(octet > 0x20 && octet < 0x7f) << at << " " << octet;
      }
    }
  }
}

TEST(Path, ascii_form_for_a_next_hop_without_smtputf8) {
  const auto path = *ForwardPath::parse(
      "<@b\xc3\xbc:Ann@B\xc3\xbc"
      "cher.Example>");
  EXPECT_FALSE(path.needs_smtputf8());
  EXPECT_EQ(path.print(DomainForm::ascii), "<@xn--b-eha:Ann@xn--bcher-kva.example>");
  EXPECT_EQ(ForwardPath::parse(path.print(DomainForm::ascii)), path);
  EXPECT_TRUE(ForwardPath::parse("<jos\xc3\xa9@a>")->needs_smtputf8());
  EXPECT_FALSE(ReversePath::parse("<>")->needs_smtputf8());
  EXPECT_EQ(ReversePath::parse("<A@B.Example>")->print(DomainForm::ascii), "<A@B.Example>");
}

TEST(Path, convenience_takes_the_whole_input_only) {
  EXPECT_EQ(shown(printed(ForwardPath::parse("<a@b> x"))), shown(trailing_text, 5));
  EXPECT_EQ(shown(printed(ReversePath::parse("<>\r\n"))), shown(trailing_text, 2));
}

TEST(ParseErrorCode, every_code_is_described) {
  for (int code = 0; code <= static_cast<int>(bad_xtext); ++code) {
    EXPECT_FALSE(describe(static_cast<ParseErrorCode>(code)).empty()) << code;
  }
}

TEST(path, the_mailbox_of_a_printed_path) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"<ann@a.example>", "ann@a.example"},
      {"<@r,@s.example:ann@a.example>", "ann@a.example"},
      {"<@[IPv6:2001:db8::1],@s:\"a:@b\"@[IPv6:::1]>", "\"a:@b\"@[IPv6:::1]"},
      {"<\"@x:y\"@a.example>", "\"@x:y\"@a.example"},
      {"<>", ""},
      {"<postmaster>", "postmaster"},
      {"<@>", "@"},
      {"", ""},
  };
  for (const auto& [path, want] : cases) EXPECT_EQ(mailbox_text(path), want) << path;
}

}  // namespace
}  // namespace grammar
