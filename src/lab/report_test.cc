#include "lab/report.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace lab {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view hostile = "250 <script>alert('x')&\"\x1b[31m\n</text></svg>";

Result result_of(std::size_t messages) {
  Result out{.totals = {.sent = messages, .delivered = messages},
             .machines = {"client", "a.test", "z.test"},
             .took = 26h + 3min + 4s + 5ms,
             .done = true};
  for (std::size_t i = 1; i <= messages; ++i) {
    out.journeys.push_back(
        {token_for(i),
         "a@a.test",
         {"b@z.test"},
         {},
         {{.time = 1s, .where = "client", .what = "submitted", .host = "a.test"},
          {.time = 2s, .where = "a.test", .what = "deferred", .text = std::string(hostile)},
          {.time = 1h, .where = "a.test", .what = "delivered", .to = "b@z.test", .host = "z.test"},
          {.time = 1h, .where = "z.test", .what = "delivered", .to = "b@z.test"}}});
  }
  return out;
}

TEST(Report, times) {
  EXPECT_EQ(print_time(0s), "00:00:00.000");
  EXPECT_EQ(print_time(24h - 1ms), "23:59:59.999");
  EXPECT_EQ(print_time(24h), "1d 00:00:00.000");
}

TEST(Report, text_shows_the_ledger_and_the_first_journeys) {
  const std::string text = to_text(result_of(3), {.file = "x.toml", .seed = 7, .journeys_max = 2});
  EXPECT_TRUE(text.starts_with("x.toml, seed 7: nothing was left to do after 1d 02:03:04.005\n"));
  EXPECT_TRUE(text.contains("  delivered           3   in a mailbox\n")) << text;
  EXPECT_TRUE(text.contains("lab-message-2  a@a.test to b@z.test\n"));
  EXPECT_FALSE(text.contains("lab-message-3"));
  EXPECT_TRUE(text.contains("These are 2 of 3 journeys"));
  EXPECT_FALSE(text.contains('\x1b')) << "what a peer says is escaped";
  EXPECT_FALSE(to_text(result_of(2), {.journeys_max = 2}).contains("journeys"));
}

TEST(Report, text_says_what_is_wrong) {
  Result result = result_of(1);
  result.totals.lost = 30;
  result.failures = {{"delivered_min", 5, 1}};
  for (int i = 0; i < 30; ++i) result.lost.emplace_back(token_for(1), "b@z.test");
  result.done = false;
  const std::string text = to_text(result, {});
  EXPECT_TRUE(text.contains(": stopped after "));
  EXPECT_TRUE(text.contains("  expected delivered_min = 5, found 1\n"));
  EXPECT_TRUE(text.contains("  lost: lab-message-1 to b@z.test\n"));
  EXPECT_FALSE(result.balances());
}

TEST(Report, json_is_one_document) {
  const std::string text = to_json(result_of(3), {.file = "x\"", .seed = 7, .journeys_max = 1});
  boost::system::error_code error;
  const auto parsed = boost::json::parse(text, error).as_object();
  ASSERT_FALSE(error);
  EXPECT_EQ(parsed.at("ledger").at("delivered").to_number<int>(), 3);
  EXPECT_EQ(parsed.at("journeys").as_array().size(), 1u);
  EXPECT_EQ(parsed.at("messages").to_number<int>(), 3);
  EXPECT_TRUE(parsed.at("balances").as_bool());
}

/// Whether tags are closed in order, and no `<` or `&` stands alone.
bool is_well_formed(std::string_view text) {
  std::vector<std::string> open;
  for (std::size_t at = text.find_first_of("<&"); at != text.npos;
       at = text.find_first_of("<&", at)) {
    const std::string_view rest = text.substr(at);
    if (rest[0] == '&') {
      const std::string_view word = rest.substr(0, rest.find(';') + 1);
      if (word != "&lt;" && word != "&gt;" && word != "&amp;" && word != "&quot;" &&
          word != "&#39;")
        return false;
      at += word.size();
      continue;
    }
    const std::size_t end = rest.find('>');
    if (end == rest.npos) return false;
    const std::string_view tag = rest.substr(1, end - 1);
    const std::string name(tag.substr(0, tag.find_first_of(" /", 1)));
    if (tag.starts_with('/')) {
      if (open.empty() || "/" + open.back() != tag) return false;
      open.pop_back();
    } else if (!tag.ends_with('/')) {
      open.push_back(name);
    }
    at += end + 1;
  }
  return open.empty();
}

TEST(Report, picture_is_well_formed_whatever_peers_say) {
  Result result = result_of(2);
  result.machines.emplace_back(hostile);
  result.outages = {{.names = {std::string(hostile)}},
                    {.kind = Outage::Kind::dns, .names = {"*"}, .from = 1s, .to = 2s}};
  const std::string picture = to_svg(result, {.file = std::string(hostile)});
  EXPECT_TRUE(is_well_formed(picture)) << picture;
  EXPECT_TRUE(picture.starts_with("<svg xmlns="));
  EXPECT_FALSE(picture.contains("<script"));
  EXPECT_FALSE(picture.contains("href"));
  EXPECT_TRUE(picture.contains(">z.test</text>"));
}

TEST(Report, picture_of_nothing_and_of_much) {
  EXPECT_TRUE(is_well_formed(to_svg({}, {})));
  EXPECT_FALSE(to_svg(result_of(svg_journeys_max), {}).contains("the first"));
  EXPECT_TRUE(to_svg(result_of(svg_journeys_max + 1), {}).contains("the first 200 of 201"));
}

}  // namespace
}  // namespace lab
