#include "cli/sendmail_arguments.h"

#include <gtest/gtest.h>

#include <sstream>

namespace cli {
namespace {

std::vector<std::string> words(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> out;
  for (std::string word; in >> word;) out.push_back(word);
  return out;
}

/// What the flags mean, in few letters; or `!` and the mistake.
std::string summary(const std::string& program, const std::string& line) {
  const auto options = parse_sendmail(program, words(line));
  if (!options) return '!' + options.error();
  static constexpr std::string_view modes[] = {"", "bs ", "bp ", "q ", "bi "};
  std::string out(modes[static_cast<std::size_t>(options->mode)]);
  if (options->recipients_from_header) out += "t ";
  if (!options->dot_ends) out += "i ";
  if (options->verbose) out += "v ";
  if (options->from) out += "f=" + *options->from + ' ';
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += name + ('=' + value) + ' ';
  };
  add("F", options->full_name);
  add("C", options->config);
  add("N", options->notify);
  add("R", options->ret);
  add("V", options->envid);
  for (const std::string& recipient : options->recipients) out += recipient + ' ';
  if (!out.empty()) out.pop_back();
  return out;
}

struct FlagCase {
  std::string line;
  std::string want;
};

const FlagCase flag_cases[] = {
    {"", ""},
    {"a@b c@d", "a@b c@d"},
    {"-t -i", "t i"},
    {"-ti a", "t i a"},
    {"-oi -t", "t i"},
    {"-o i", "i"},
    {"-oem -odb -odi -oQ/x -o 7 a", "a"},
    {"-f a@b c", "f=a@b c"},
    {"-fa@b c", "f=a@b c"},
    {"-tfa@b c", "t f=a@b c"},
    {"-r a c", "f=a c"},
    {"-f <> c", "f=<> c"},
    {"-F Ann c", "F=Ann c"},
    {"-C file c", "C=file c"},
    {"--config file c", "C=file c"},
    {"--config=file c", "C=file c"},
    {"-N never -R hdrs -V id a", "N=never R=hdrs V=id a"},
    {"-N success,delay a", "N=success,delay a"},
    {"-bm a", "a"},
    {"-bs", "bs"},
    {"-b s", "bs"},
    {"-bp", "bp"},
    {"-bi", "bi"},
    {"-I", "bi"},
    {"-q", "q"},
    {"-q30m", "q"},
    {"-qIx", "q"},
    {"-v a", "v a"},
    {"-n -m -G -U -s -T a", "a"},
    {"-B8BITMIME a", "a"},
    {"-B 8BITMIME a", "a"},
    {"-hX -L tag -p x -X /dev/null -O Delivery=b -e m -M id -D f a", "a"},
    {"-Ac -d0.1 a", "a"},
    {"-Wyes a", "a"},
    {"a -- -t b", "a -t b"},
    {"-- -f", "-f"},
    {"-", "-"},
    {"-bd", "!-bd: not here; the server is `posthaste serve`"},
    {"-bD", "!-bD: not here; the server is `posthaste serve`"},
    {"-bv a", "!-bv: not here; the server is `posthaste serve`"},
    {"-bt", "!-bt: not here; the server is `posthaste serve`"},
    {"-f", "!-f: expected a value"},
    {"-b", "!-b: expected a value"},
    {"--config", "!--config: expected a value"},
    {"--bcc x", "!no such flag: --bcc"},
    {"--configs x", "!no such flag: --configs"},
};

TEST(sendmail_arguments, flags_of_the_family) {
  for (const FlagCase& test : flag_cases) {
    EXPECT_EQ(summary("sendmail", test.line), test.want) << test.line;
  }
}

TEST(sendmail_arguments, the_name_says_what_is_wanted) {
  EXPECT_EQ(summary("/usr/bin/mailq", ""), "bp");
  EXPECT_EQ(summary("newaliases", ""), "bi");
  EXPECT_TRUE(is_sendmail_name("/usr/sbin/sendmail"));
  EXPECT_TRUE(is_sendmail_name("mailq"));
  EXPECT_FALSE(is_sendmail_name("/usr/bin/posthaste"));
  EXPECT_FALSE(is_sendmail_name("/sendmail/posthaste"));
}

}  // namespace
}  // namespace cli
