#include "delivery/pipe_command.h"

#include <gtest/gtest.h>

namespace delivery {
namespace {

using Words = std::vector<std::string>;

const PipeValues plain{.local = "ann",
                       .domain = "z.test",
                       .sender = "bob@a.test",
                       .recipient = "Ann+x@Z.test",
                       .extension = "x",
                       .id = "M1"};

struct ArgumentsCase {
  std::string_view name;
  std::string_view pattern;
  PipeValues values;
  Words want;
};

const ArgumentsCase arguments_cases[] = {
    {"one word", "/bin/cat", plain, {"/bin/cat"}},
    {"nothing", "", plain, {}},
    {"spaces alone", "   ", plain, {}},
    {"several spaces", "  a  b ", plain, {"a", "b"}},
    {"each placeholder",
     "p {local} {domain} {sender} {recipient}",
     plain,
     {"p", "ann", "z.test", "bob@a.test", "Ann+x@Z.test"}},
    {"within a word",
     "p --to={local}@{domain}: {local}{local}",
     plain,
     {"p", "--to=ann@z.test:", "annann"}},
    {"others stay", "p {x} {local {}", plain, {"p", "{x}", "{local", "{}"}},
    {"a tab does not split", "p a\tb", plain, {"p", "a\tb"}},
    {"quotes are nothing special", "p 'a b' \"c\" \\d", plain, {"p", "'a", "b'", "\"c\"", "\\d"}},
    {"the null reverse-path is an argument", "p {sender} x", {}, {"p", "", "x"}},
    {"spaces in a value", "p {local}", {.local = "a b  c"}, {"p", "a b  c"}},
    {"a value like a placeholder",
     "p {local}",
     {.local = "{domain}", .domain = "no"},
     {"p", "{domain}"}},
    {"a value like a command",
     "p {local}",
     {.local = "$(rm -rf /);`x`|&>"},
     {"p", "$(rm -rf /);`x`|&>"}},
    {"a value like an option stays in its argument",
     "p {sender}",
     {.sender = "-oX@a"},
     {"p", "-oX@a"}},
    {"line ends in a value", "p {local}", {.local = "a\r\nb"}, {"p", "a\r\nb"}},
};

TEST(pipe_command, arguments) {
  for (const ArgumentsCase& row : arguments_cases) {
    EXPECT_EQ(pipe_arguments(row.pattern, row.values), row.want) << row.name;
  }
}

TEST(pipe_command, environment) {
  EXPECT_EQ(pipe_environment(plain),
            (Words{"SENDER=bob@a.test", "RECIPIENT=Ann+x@Z.test", "LOCAL=ann", "DOMAIN=z.test",
                   "EXTENSION=x", "MESSAGE_ID=M1"}));
  EXPECT_EQ(pipe_environment({})[0], "SENDER=");
}

}  // namespace
}  // namespace delivery
