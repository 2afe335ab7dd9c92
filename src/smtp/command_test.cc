#include "smtp/command.h"

#include <gtest/gtest.h>

namespace smtp {
namespace {

using namespace std::string_view_literals;
using enum CommandErrorCode;
using grammar::ParseErrorCode;

constexpr Extensions all_extensions{
    .size = true, .eight_bit_mime = true, .smtputf8 = true, .auth = true};

/// What a command says, in one line; or its error.
using Printed = CommandResult<std::string>;

[[nodiscard]] Printed error(CommandErrorCode code, std::size_t offset = 0) {
  return std::unexpected(CommandError{code, offset});
}
[[nodiscard]] Printed path_error(ParseErrorCode code, std::size_t offset) {
  return std::unexpected(CommandError{bad_path, offset, code});
}

[[nodiscard]] std::string print(const MailCommand& command) {
  std::string out = command.reverse_path.print();
  if (command.size) out += " size " + std::to_string(*command.size);
  if (command.body == BodyType::eight_bit_mime) out += " 8bit";
  if (command.smtputf8) out += " utf8";
  if (command.ret != 0) out += " ret " + std::to_string(command.ret);
  if (!command.envid.empty()) out += " envid [" + command.envid + "]";
  if (command.submitter) out += " by " + command.submitter->print();
  return out;
}
[[nodiscard]] std::string print(const RcptCommand& command) {
  std::string out = command.forward_path.print();
  if (command.notify != 0) out += " notify " + std::to_string(command.notify);
  if (!command.orcpt.empty()) out += " orcpt " + command.orcpt;
  return out;
}
[[nodiscard]] std::string print(const BdatCommand& command) {
  return std::to_string(command.octets) + (command.last ? " last" : "");
}
[[nodiscard]] std::string print(const AuthCommand& command) {
  return command.mechanism +
         (command.initial_response ? " [" + *command.initial_response + "]" : std::string());
}

template <class Command>
[[nodiscard]] Printed printed(const CommandResult<Command>& result) {
  if (!result) return std::unexpected(result.error());
  return print(*result);
}

void expect_same(const Printed& got, const Printed& want, std::string_view name) {
  ASSERT_EQ(got.has_value(), want.has_value()) << name << (got ? ": " + *got : std::string());
  if (got) {
    EXPECT_EQ(*got, *want) << name;
  } else {
    EXPECT_EQ(static_cast<int>(got.error().code), static_cast<int>(want.error().code)) << name;
    EXPECT_EQ(static_cast<int>(got.error().path), static_cast<int>(want.error().path)) << name;
    EXPECT_EQ(got.error().offset, want.error().offset) << name;
  }
}

struct CommandCase {
  std::string_view name;
  std::string_view argument;
  Printed want;
};

const CommandCase mail_cases[] = {
    {"path alone", "FROM:<a@b>", "<a@b>"},
    {"null reverse-path", "FROM:<>", "<>"},
    {"keyword in any case", "fRoM:<a@b>", "<a@b>"},
    {"spaces before the path", "FROM:  <a@b>", "<a@b>"},
    {"source route", "FROM:<@r:a@b>", "<@r:a@b>"},
    {"a space in a quoted local-part", "FROM:<\"a > b\"@c> SIZE=1", "<\"a > b\"@c> size 1"},
    {"all parameters", "FROM:<a@b> SIZE=10 BODY=8BITMIME AUTH=c+40d SMTPUTF8",
     "<a@b> size 10 8bit utf8 by <c@d>"},
    {"parameters in any case", "FROM:<a@b>  size=0   body=7bit", "<a@b> size 0"},
    {"AUTH of nobody", "FROM:<a@b> AUTH=<>", "<a@b> by <>"},
    {"SIZE of 20 digits", "FROM:<a@b> SIZE=00000000000000000007", "<a@b> size 7"},
    {"SIZE of 64 bits", "FROM:<a@b> SIZE=18446744073709551615", "<a@b> size 18446744073709551615"},
    {"SIZE beyond 64 bits", "FROM:<a@b> SIZE=18446744073709551616",
     "<a@b> size 18446744073709551615"},
    {"UTF-8", "FROM:<\xc3\xa9@b> SMTPUTF8", "<\xc3\xa9@b> utf8"},
    {"RET and ENVID", "FROM:<a@b> RET=Full ENVID=q+2B+20+3D~", "<a@b> ret 1 envid [q+ =~]"},
    {"RET of headers", "FROM:<> ret=hdrs", "<> ret 2"},

    {"nothing", "", error(missing_argument)},
    {"another keyword", "TO:<a@b>", error(missing_keyword)},
    {"space before the colon", "FROM :<a@b>", error(missing_keyword)},
    {"no path", "FROM:", path_error(ParseErrorCode::missing_left_angle, 5)},
    {"no brackets", "FROM:a@b", path_error(ParseErrorCode::missing_left_angle, 5)},
    {"no right bracket", "FROM:<a@b SIZE=1", path_error(ParseErrorCode::missing_right_angle, 16)},
    {"doubled dot", "FROM:<a..b@c>", path_error(ParseErrorCode::empty_atom, 8)},
    {"NUL in the path", "FROM:<a\0b@c>"sv, path_error(ParseErrorCode::missing_at_sign, 7)},
    {"UTF-8 without SMTPUTF8", "FROM:<\xc3\xa9@b>", path_error(ParseErrorCode::non_ascii, 6)},
    {"text after the path", "FROM:<a@b>x", error(text_after_path, 10)},
    {"two brackets", "FROM:<a@b>>", error(text_after_path, 10)},
    {"tab after the path", "FROM:<a@b>\tSIZE=1", error(text_after_path, 10)},
    {"unknown parameter", "FROM:<a@b> FOO=1", error(unknown_parameter, 11)},
    {"unknown parameter without value", "FROM:<a@b> SIZE=1 FOO", error(unknown_parameter, 18)},
    {"keyword of one hyphen", "FROM:<a@b> -", error(bad_parameter, 11)},
    {"no value after =", "FROM:<a@b> SIZE=", error(bad_parameter, 11)},
    {"two =", "FROM:<a@b> SIZE=1=2", error(bad_parameter, 11)},
    {"NUL in a value", "FROM:<a@b> FOO=a\0"sv, error(bad_parameter, 11)},
    {"SIZE without value", "FROM:<a@b> SIZE", error(bad_parameter_value, 11)},
    {"SIZE of no digits", "FROM:<a@b> SIZE=x", error(bad_parameter_value, 11)},
    {"SIZE of a sign", "FROM:<a@b> SIZE=-1", error(bad_parameter_value, 11)},
    {"SIZE of 21 digits", "FROM:<a@b> SIZE=000000000000000000007", error(bad_parameter_value, 11)},
    {"SIZE twice", "FROM:<a@b> SIZE=1 SIZE=1", error(repeated_parameter, 18)},
    {"BODY unknown", "FROM:<a@b> BODY=9BIT", error(bad_parameter_value, 11)},
    {"AUTH of bad xtext", "FROM:<a@b> AUTH=a+4", error(bad_parameter_value, 11)},
    {"AUTH of no mailbox", "FROM:<a@b> AUTH=a", error(bad_parameter_value, 11)},
    {"AUTH with CRLF", "FROM:<a@b> AUTH=a+40b+0D+0A", error(bad_parameter_value, 11)},
    {"RET unknown", "FROM:<a@b> RET=ALL", error(bad_parameter_value, 11)},
    {"RET without value", "FROM:<a@b> RET", error(bad_parameter_value, 11)},
    {"RET twice", "FROM:<a@b> RET=FULL RET=FULL", error(repeated_parameter, 20)},
    {"ENVID of bad xtext", "FROM:<a@b> ENVID=a+2b", error(bad_parameter_value, 11)},
    {"ENVID with a line end", "FROM:<a@b> ENVID=a+0D+0A", error(bad_parameter_value, 11)},
    {"ENVID twice", "FROM:<a@b> ENVID=a ENVID=a", error(repeated_parameter, 19)},
    {"NOTIFY of RCPT", "FROM:<a@b> NOTIFY=NEVER", error(unknown_parameter, 11)},
    {"BODY of binary octets", "FROM:<a@b> BODY=BINARYMIME", error(bad_parameter_value, 11)},
    {"SMTPUTF8 with value", "FROM:<a@b> SMTPUTF8=1", error(bad_parameter_value, 11)},
};

TEST(command, mail) {
  for (const CommandCase& row : mail_cases) {
    expect_same(printed(parse_mail(row.argument, all_extensions)), row.want, row.name);
  }
}

TEST(command, mail_knows_only_the_parameters_of_the_extensions) {
  const Extensions none{.size = false, .eight_bit_mime = false, .smtputf8 = false};
  for (const std::string_view text :
       {"FROM:<a@b> SIZE=1", "FROM:<a@b> BODY=7BIT", "FROM:<a@b> AUTH=<>", "FROM:<a@b> SMTPUTF8"}) {
    expect_same(printed(parse_mail(text, none)), error(unknown_parameter, 11), text);
  }
  expect_same(printed(parse_mail("FROM:<\xc3\xa9@b>", none)),
              path_error(ParseErrorCode::non_ascii, 6), "UTF-8");
}

const CommandCase rcpt_cases[] = {
    {"path alone", "TO:<a@b>", "<a@b>"},
    {"route", "to: <@r,@s:a@b>", "<@r,@s:a@b>"},
    {"bare postmaster", "TO:<PostMaster>", "<PostMaster>"},
    {"nothing", "", error(missing_argument)},
    {"another keyword", "FROM:<a@b>", error(missing_keyword)},
    {"null path", "TO:<>", path_error(ParseErrorCode::null_forward_path, 4)},
    {"no brackets", "TO:a@b", path_error(ParseErrorCode::missing_left_angle, 3)},
    {"UTF-8", "TO:<\xc3\xa9@b>", path_error(ParseErrorCode::non_ascii, 4)},
    {"text after the path", "TO:<a@b>.", error(text_after_path, 8)},
    {"NOTIFY and ORCPT", "TO:<a@b> NOTIFY=success,DELAY ORCPT=rfc822;A+2Bb@c",
     "<a@b> notify 10 orcpt rfc822;A+2Bb@c"},
    {"NOTIFY=NEVER", "TO:<a@b> notify=Never", "<a@b> notify 1"},
    {"unknown parameter", "TO:<a@b> FOO=NEVER", error(unknown_parameter, 9)},
    {"NOTIFY twice", "TO:<a@b> NOTIFY=DELAY NOTIFY=DELAY", error(repeated_parameter, 22)},
    {"NEVER beside others", "TO:<a@b> NOTIFY=NEVER,DELAY", error(bad_parameter_value, 9)},
    {"ORCPT twice", "TO:<a@b> ORCPT=a;b ORCPT=a;b", error(repeated_parameter, 19)},
    {"ORCPT without type", "TO:<a@b> ORCPT=a@b", error(bad_parameter_value, 9)},
    {"ORCPT in UTF-8 without SMTPUTF8", "TO:<a@b> ORCPT=utf-8;\xc3\xa9@b", error(bad_parameter, 9)},
    {"no parameter", "TO:<a@b> <c@d>", error(bad_parameter, 9)},
};

TEST(command, rcpt) {
  for (const CommandCase& row : rcpt_cases) {
    expect_same(printed(parse_rcpt(row.argument, false)), row.want, row.name);
  }
}

const CommandCase bdat_cases[] = {
    {"octets", "10", "10"},
    {"none", "0", "0"},
    {"the last", "0  last ", "0 last"},
    {"64 bits", "18446744073709551615 LAST", "18446744073709551615 last"},
    {"beyond 64 bits", "99999999999999999999", "18446744073709551615"},
    {"nothing", "", error(missing_argument)},
    {"no digits", "LAST", error(bad_argument)},
    {"a sign", "-1", error(bad_argument)},
    {"21 digits", "000000000000000000001", error(bad_argument)},
    {"another marker", "10 FIRST", error(bad_argument, 3)},
    {"three words", "10 LAST LAST", error(bad_argument, 3)},
    {"hexadecimal", "0x10", error(bad_argument)},
};

TEST(command, bdat) {
  for (const CommandCase& row : bdat_cases) {
    expect_same(printed(parse_bdat(row.argument)), row.want, row.name);
  }
}

TEST(command, vrfy_has_utf8_with_the_parameter_alone) {
  const auto is_error = [](std::string_view text, CommandError want) {
    const auto got = parse_vrfy(text);
    return !got && got.error() == want;
  };
  EXPECT_TRUE(parse_vrfy("a").has_value());
  EXPECT_TRUE(parse_vrfy("a SMTPUTF8").has_value());
  EXPECT_TRUE(parse_vrfy("\xc3\xa9 smtputf8").has_value());
  EXPECT_TRUE(is_error("", {missing_argument}));
  EXPECT_TRUE(is_error("a\xc3\xa9", {bad_path, 1, ParseErrorCode::non_ascii}));
  EXPECT_TRUE(is_error("a\xc3 SMTPUTF8", {bad_argument, 1}));
}

TEST(command, takes_a_path_of_full_length) {
  const std::string route = "<@" + std::string(60, 'r') + ".example";
  std::string path = route;
  while (path.size() + 70 < grammar::path_octets_max) path += ",@" + std::string(60, 'r');
  const std::size_t room = grammar::path_octets_max - path.size() - std::string(":a@b>").size();
  path += ":" + std::string(room + 1, 'a') + "@b>";
  ASSERT_EQ(path.size(), grammar::path_octets_max);
  EXPECT_TRUE(parse_mail("FROM:" + path, {}).has_value());
  path.insert(path.find('@', path.find(':')), "a");
  expect_same(printed(parse_mail("FROM:" + path, {})), path_error(ParseErrorCode::path_too_long, 5),
              "one more");
}

const CommandCase auth_cases[] = {
    {"mechanism alone", "plain", "PLAIN"},
    {"initial response", "SCRAM-SHA-256 YWJj", "SCRAM-SHA-256 [abc]"},
    {"empty initial response", "PLAIN =", "PLAIN []"},
    {"nothing", "", error(missing_argument)},
    {"no mechanism", "PL/AIN", error(bad_argument)},
    {"mechanism of 21 octets", "ABCDEFGHIJKLMNOPQRSTU", error(bad_argument)},
    {"no base64", "PLAIN YW?j", error(bad_base64, 6)},
    {"no padding", "PLAIN YW", error(bad_base64, 6)},
    {"three words", "PLAIN YWJj YWJj", error(bad_base64, 6)},
};

TEST(command, auth) {
  for (const CommandCase& row : auth_cases) {
    expect_same(printed(parse_auth(row.argument)), row.want, row.name);
  }
}

TEST(command, hello_takes_what_clients_say) {
  for (const std::string_view text : {"a", "mx.example", "[192.0.2.1]", "my pc", "under_score"}) {
    EXPECT_EQ(parse_hello(text), text);
  }
  EXPECT_TRUE(parse_hello(std::string(255, 'a')).has_value());
  const auto fails = [](std::string_view text, CommandError want) {
    const auto got = parse_hello(text);
    return !got && got.error() == want;
  };
  EXPECT_TRUE(fails(std::string(256, 'a'), {bad_argument, 255}));
  EXPECT_TRUE(fails("", {missing_argument}));
  EXPECT_TRUE(fails("a\tb", {bad_argument, 1}));
  EXPECT_TRUE(fails("a\0b"sv, {bad_argument, 1}));
  EXPECT_TRUE(fails("\xc3\xa9", {bad_argument, 0}));
}

TEST(command, is_split_into_verb_and_argument) {
  const auto is = [](std::string_view line, Verb verb, std::string_view argument) {
    const CommandLine got = split_command(line);
    return got.verb == verb && got.argument == argument;
  };
  EXPECT_TRUE(is("NOOP", Verb::noop, ""));
  EXPECT_TRUE(is("nOoP  a b  ", Verb::noop, "a b"));
  EXPECT_TRUE(is("QUIT \t", Verb::quit, ""));
  EXPECT_TRUE(is("MAILFROM:<a@b>", Verb::unknown, ""));
  EXPECT_TRUE(is("", Verb::unknown, ""));
  EXPECT_TRUE(is(" NOOP", Verb::unknown, "NOOP"));
  EXPECT_TRUE(is("GET / HTTP/1.1", Verb::http, "/ HTTP/1.1"));
  EXPECT_TRUE(is("etrn x", Verb::etrn, "x"));
}

TEST(command, every_verb_has_a_name_that_is_read_again) {
  for (std::size_t i = 0; i < verb_count; ++i) {
    const auto verb = static_cast<Verb>(i);
    EXPECT_FALSE(to_string(verb).empty());
    if (verb < Verb::not_implemented) EXPECT_EQ(parse_verb(to_string(verb)), verb);
  }
}

}  // namespace
}  // namespace smtp
