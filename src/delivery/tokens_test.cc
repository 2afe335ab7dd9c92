#include "delivery/tokens.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/group.h"
#include "sim/machine.h"
#include "sim/world.h"

namespace delivery {
namespace {

using namespace std::chrono_literals;
using route::RouteAuth;
using sim::SimPrograms;

std::shared_ptr<const RouteAuth> by_command(std::string argument = "arg") {
  return std::make_shared<const RouteAuth>(RouteAuth{.user = "u",
                                                     .password_file = {},
                                                     .token_command = {"get-token", argument},
                                                     .token_lifetime = 50min});
}

SimPrograms::Ending ends(std::string output, int status = 0, base::Duration takes = 1s) {
  return {.end = {.how = sys::ProgramEnd::How::exited, .number = status, .output = output},
          .takes = takes};
}

/// A machine on which programs make tokens.
class Mint {
 public:
  Mint()
      : world_(1),
        machine_(world_.make_machine("a.test", {"192.0.2.1"})),
        loop_(machine_.make_loop("main")),
        tokens({loop_, machine_.disk(), machine_.programs()}) {}

  /// What `count` askers at once get: tokens, with ` (kept)`, or `! ` and an error.
  std::vector<std::string> ask(std::shared_ptr<const RouteAuth> auth, std::size_t count = 1) {
    std::vector<std::string> out(count);
    loop_.enter([&] {
      for (std::string& one : out) group_.spawn(ask_once(auth, one));
    });
    const auto waits = [&] {
      return std::ranges::any_of(out, [](const std::string& one) { return one.empty(); });
    };
    EXPECT_EQ(world_.run_while(waits, 10min), sim::Ran::done);
    return out;
  }
  void pass(base::Duration time) {
    bool passed = false;
    loop_.enter([&] { group_.spawn(sleep(time, passed)); });
    EXPECT_EQ(world_.run_while([&] { return !passed; }, 2 * time), sim::Ran::done);
  }
  [[nodiscard]] std::size_t runs() { return machine_.programs().calls().size(); }
  void install(SimPrograms::Script script) { machine_.programs().install("get-token", script); }
  void write(const std::string& path, std::string_view text) {
    loop_.enter([&] { group_.spawn(write_file(path, std::string(text))); });
    (void)world_.run_while([] { return true; }, 1s);
  }

 private:
  base::Task<> ask_once(std::shared_ptr<const RouteAuth> auth, std::string& out) {
    const auto token = co_await tokens.get(auth);
    out = token ? std::string(token->octets.reveal()) + (token->kept ? " (kept)" : "")
                : "! " + token.error();
  }
  base::Task<> sleep(base::Duration time, bool& passed) {
    (void)co_await base::operation<base::Io<>>(
        [&](sys::Completion<>& done) { return loop_.sleep_until(loop_.now() + time, done); });
    passed = true;
  }
  base::Task<> write_file(std::string path, std::string text) {
    (void)machine_.disk().unlink(path);
    auto file = machine_.disk().open(path, sys::OpenMode::create);
    EXPECT_TRUE(file.has_value());
    const std::string_view piece = text;
    (void)co_await sys::write(**file, 0, std::span(&piece, 1));
  }

  sim::World world_;
  sim::Machine& machine_;
  sim::SimLoop& loop_;

 public:
  Tokens tokens;

 private:
  base::Group group_;
};

TEST(tokens, of_a_program_are_kept_for_their_lifetime) {
  Mint mint;
  int made = 0;
  mint.install([&](const SimPrograms::Call& call) {
    EXPECT_EQ(call.arguments, (std::vector<std::string>{"get-token", "arg"}));
    EXPECT_EQ(call.input, "");
    return ends("token" + std::to_string(++made) + "\n");
  });
  using Texts = std::vector<std::string>;
  EXPECT_EQ(mint.ask(by_command()), Texts{"token1"});
  EXPECT_EQ(mint.ask(by_command()), Texts{"token1 (kept)"});
  mint.pass(51min);
  EXPECT_EQ(mint.ask(by_command()), Texts{"token2"});
  mint.tokens.refused(*by_command(), crypto::Secret("token1"));  // Long gone.
  EXPECT_EQ(mint.ask(by_command()), Texts{"token2 (kept)"});
  mint.tokens.refused(*by_command(), crypto::Secret("token2"));
  EXPECT_EQ(mint.ask(by_command()), Texts{"token3"});
}

TEST(tokens, one_run_serves_all_who_ask_at_once) {
  Mint mint;
  mint.install([](const SimPrograms::Call&) { return ends("t\n"); });
  for (const std::string& token : mint.ask(by_command(), 20)) EXPECT_EQ(token, "t");
  EXPECT_EQ(mint.runs(), 1u);
  // Another argument is another command.
  mint.install([](const SimPrograms::Call&) { return ends("u\n"); });
  EXPECT_EQ(mint.ask(by_command("other")).front(), "u");
}

TEST(tokens, a_failure_is_told_to_all_who_wait_and_tried_anew) {
  Mint mint;
  mint.install([](const SimPrograms::Call&) { return ends("secret of stderr", 3); });
  for (const std::string& token : mint.ask(by_command(), 5)) {
    EXPECT_EQ(token, "! token command get-token: exit status 3");
  }
  EXPECT_EQ(mint.runs(), 1u);
  mint.install([](const SimPrograms::Call&) { return ends("t"); });
  EXPECT_EQ(mint.ask(by_command()).front(), "t");
}

struct OutputCase {
  std::string_view name;
  SimPrograms::Ending ending;
  std::string_view want;
};

TEST(tokens, what_programs_may_write) {
  constexpr std::string_view malformed = "! token command get-token: expected a token in one line";
  const OutputCase cases[] = {
      {"one line", ends("t\n"), "t"},
      {"without its end", ends("t"), "t"},
      {"with CRLF", ends("t\r\n"), "t"},
      {"with spaces around", ends("  t \n"), "t"},
      {"nothing", ends(""), malformed},
      {"an empty line", ends("\nt\n"), malformed},
      {"two lines", ends("t\nu\n"), malformed},
      {"two words", ends("Bearer t\n"), malformed},
      {"a control", ends("t\1x\n"), malformed},
      {"more than a token may be", ends(std::string(8'193, 'x')), malformed},
      {"as much as a token may be", ends(std::string(3, 'x')), "xxx"},
      {"too late", ends("t", 0, 31s), "! token command get-token: took more than 30 s"},
      {"killed",
       {.end = {.how = sys::ProgramEnd::How::killed, .number = 9, .output = "t"}},
       "! token command get-token: killed by signal 9"},
  };
  for (const OutputCase& row : cases) {
    Mint mint;
    mint.install([&](const SimPrograms::Call&) { return row.ending; });
    EXPECT_EQ(mint.ask(by_command()).front(), row.want) << row.name;
  }
  Mint none;
  EXPECT_TRUE(none.ask(by_command()).front().starts_with("! token command get-token: "));
}

TEST(tokens, of_a_file_are_read_at_each_login) {
  Mint mint;
  const auto auth = std::make_shared<const RouteAuth>(
      RouteAuth{.user = "u", .password_file = {}, .token_file = "/token"});
  EXPECT_TRUE(mint.ask(auth).front().starts_with("! token file /token: "));
  mint.write("/token", "one\n");
  EXPECT_EQ(mint.ask(auth).front(), "one");
  mint.write("/token", "two\n");
  EXPECT_EQ(mint.ask(auth).front(), "two");
  mint.write("/token", "two words\n");
  EXPECT_EQ(mint.ask(auth).front(), "! token file /token: expected a token in one line");
  mint.write("/token", std::string(9'000, 'x'));
  EXPECT_TRUE(mint.ask(auth).front().starts_with("! token file /token: "));
}

}  // namespace
}  // namespace delivery
