#include "lab/internet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lab/report.h"

namespace lab {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view beginning = R"(
duration = "3d"
[[server]]
name = "a.test"
[server.config]
queue = { retry = ["1m", "10m", "1h"], expire = "1d" }
[[server.config.domain]]
name = "a.test"
recipients = "any"
deliver = "maildir:/mail/{local}"
)";

Description read(const std::string& text) {
  auto out = read_description(text, {.file_name = "lab.toml", .base_folder = "/"});
  for (const config::Mistake& mistake : out ? std::vector<config::Mistake>() : out.error())
    ADD_FAILURE() << mistake.print();
  return out ? *std::move(out) : Description();
}

std::string whole(const Result& result) {
  return to_text(result, {.journeys_max = 100'000}) + to_json(result, {.journeys_max = 100'000}) +
         to_svg(result, {});
}

struct EndCase {
  std::string_view name;
  std::string_view text;  ///< Behind the beginning.
  Totals want;            ///< Duplicates and reports are not compared.
};

const EndCase end_cases[] = {
    {"a modern host",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\n",
     {.sent = 20, .delivered = 20}},
    {"a host that says 250 and forgets",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\npersonality = \"forgets\"\n",
     {.sent = 20, .lost = 20}},
    {"a host that is silent",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\npersonality = \"silent\"\n",
     {.sent = 20, .bounced = 20}},
    {"a full mailbox",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\npersonality = \"full\"\n"
     "until = \"5h\"\n",
     {.sent = 20, .delivered = 20}},
    {"a mailbox that does not exist",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\nmailboxes = [\"bob\"]\n",
     {.sent = 20, .delivered = 10, .bounced = 10}},
    {"no such domain", "", {.sent = 20, .bounced = 20}},
    {"a host that is down for ever",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\n"
     "[[outage]]\nserver = \"mx.z.test\"\nhow = \"stop\"\n",
     {.sent = 20, .bounced = 20}},
    {"a host that is down at the end of all times",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\n"
     "[[outage]]\nserver = \"mx.z.test\"\nfrom = \"0s\"\n"
     "[[outage]]\nserver = \"a.test\"\nfrom = \"10h\"\n",
     {.sent = 20, .queued = 20}},
    {"the DNS does not answer for a while",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\n"
     "[[outage]]\ndns = \"*\"\nanswer = \"TIMEOUT\"\nto = \"12h\"\n",
     {.sent = 20, .delivered = 20}},
    {"the DNS does not know the domain for a while",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\n"
     "[[outage]]\ndns = \"test\"\nanswer = \"NXDOMAIN\"\nto = \"2d\"\n",
     {.sent = 20, .bounced = 20}},
    {"a partition",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\n"
     "[[outage]]\npartition = [\"mx.z.test\"]\nfrom = \"1h\"\nto = \"12h\"\n",
     {.sent = 20, .delivered = 20}},
    {"the server itself loses its power again and again",
     "[[foreign]]\nname = \"mx.z.test\"\ndomains = [\"z.test\"]\npersonality = \"greylister\"\n"
     "[[outage]]\nserver = \"a.test\"\nfrom = \"1h\"\nto = \"2h\"\n"
     "[[outage]]\nserver = \"a.test\"\nfrom = \"3h\"\nto = \"4h\"\nhow = \"kill\"\n"
     "[[outage]]\nserver = \"a.test\"\nfrom = \"5h\"\nto = \"6h\"\nhow = \"stop\"\n",
     {.sent = 20, .delivered = 20}},
};

TEST(Internet, where_mail_ends) {
  for (const EndCase& row : end_cases) {
    const Result result = run(read(std::string(beginning) + std::string(row.text) +
                                   "[[traffic]]\nfrom = \"al@a.test\"\nmessages = 20\n"
                                   "over = \"8h\"\nto = [\"bob@z.test\", \"carol@z.test\"]\n"),
                              1);
    Totals got = result.totals;
    got.duplicated = got.reports = 0;
    EXPECT_EQ(result.problem, "") << row.name;
    EXPECT_EQ(figures(got), figures(row.want)) << row.name << "\n" << to_text(result, {});
    EXPECT_EQ(result.lost.size(), row.want.lost) << row.name;
    EXPECT_EQ(result.balances(), row.want.lost == 0) << row.name;
  }
}

/// Everything that draws random numbers, or could show in what order things lie in memory.
constexpr std::string_view busy = R"(
[[foreign]]
name = "mx.z.test"
domains = ["z.test"]
personality = "storm"
[[foreign]]
name = "mx.y.test"
domains = ["y.test"]
personality = "drops"
[[link]]
latency = "50ms"
jitter = "50ms"
loss_per_mille = 10
resets_per_mille = 3
[[outage]]
server = "a.test"
from = "1h"
to = "2h"
[[traffic]]
from = "al@a.test"
to = ["bob@z.test", "carol@y.test"]
messages = 40
over = "4h"
size_max = "64KiB"
)";

TEST(Internet, one_seed_gives_one_result) {
  const Description description = read(std::string(beginning) + std::string(busy));
  const std::string first = whole(run(description, 1));
  EXPECT_EQ(first, whole(run(description, 1)));
  EXPECT_NE(first, whole(run(description, 2)));
}

TEST(Internet, expectations_that_do_not_hold_are_told) {
  const Result result =
      run(read(std::string(beginning) + "[[traffic]]\nfrom = \"al@a.test\"\nto = [\"bob@a.test\"]\n"
                                        "[expect]\nsent = 1\ndelivered_min = 2\nbounced_max = 0\n"
                                        "queued = 1\n"),
          1);
  ASSERT_EQ(result.failures.size(), 2u);
  EXPECT_EQ(result.failures[0].key, "delivered_min");
  EXPECT_EQ(result.failures[0].found, 1u);
  EXPECT_EQ(result.failures[1].key, "queued");
  EXPECT_FALSE(result.balances());
}

TEST(Internet, a_client_that_may_not_relay_is_refused) {
  const Result result =
      run(read(std::string(beginning) + "[[traffic]]\nfrom = \"al@a.test\"\nserver = \"a.test\"\n"
                                        "client = \"198.51.100.1\"\nmessages = 4\n"
                                        "to = [\"bob@a.test\", \"bob@elsewhere.test\"]\n"),
          1);
  EXPECT_EQ(figures(result.totals), figures(Totals{.sent = 2, .delivered = 2, .refused = 2}));
}

TEST(Internet, a_server_that_cannot_start_is_a_problem) {
  const Result result = run(read("[[server]]\nname = \"a.test\"\n"
                                 "[[server.config.listener]]\n"
                                 "address = \"unix:/var/lib/posthaste/public/submit\"\n"),
                            1);
  EXPECT_TRUE(result.problem.starts_with("a.test: ")) << result.problem;
  EXPECT_FALSE(result.balances());
}

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST(Internet, every_example_is_as_it_expects) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(PH_EXAMPLES)) {
    if (entry.path().extension() == ".toml") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  EXPECT_GE(files.size(), 6u);
  for (const auto& file : files) {
    const auto description = read_description(
        text_of(file),
        {.file_name = file.filename(),
         .base_folder = PH_EXAMPLES,
         .read_file = [](const std::string& path) -> std::expected<std::string, std::string> {
           return text_of(path);
         }});
    ASSERT_TRUE(description) << description.error().front().print();
    const Result result = run(*description, 1);
    EXPECT_TRUE(result.balances()) << file << "\n" << to_text(result, {});
    EXPECT_FALSE(description->expectations.empty()) << file;
  }
}

}  // namespace
}  // namespace lab
