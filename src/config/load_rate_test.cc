#include <gtest/gtest.h>

#include "config/config.h"

// Rates, and mail that waits to be asked for.
namespace config {
namespace {

using namespace std::chrono_literals;

std::expected<Config, std::vector<Mistake>> load_text(std::string_view text) {
  return load(text, {.file_name = "f", .base_folder = "/x", .machine_name = "host.example"});
}

TEST(load_rate, values_and_defaults) {
  const auto empty = load_text("");
  ASSERT_TRUE(empty.has_value());
  EXPECT_FALSE(empty->limits.messages_per_client.is_limit());
  EXPECT_FALSE(empty->limits.messages_per_user.is_limit());
  EXPECT_FALSE(empty->limits.recipients_per_user.is_limit());
  EXPECT_FALSE(empty->delivery.messages_per_host.is_limit());
  EXPECT_EQ(empty->etrn.requests_per_client, (base::Rate{10, 10min}));
  EXPECT_TRUE(empty->etrn.domains.empty() && empty->etrn.networks.empty());
  EXPECT_FALSE(empty->relay.ask);

  const auto full = load_text(R"(
[limits]
messages_per_client = { messages = 100, per = "1h" }
messages_per_user = { messages = 1, per = "1s" }
recipients_per_user = { recipients = 1000000000, per = "366d" }
[delivery]
messages_per_host = { messages = 7, per = "1m" }
[relay]
domains = ["z.test"]
ask = true
[etrn]
domains = ["z.test", "*.deep.test"]
networks = ["192.0.2.0/24"]
requests_per_client = {}
)");
  ASSERT_TRUE(full.has_value()) << full.error().front().print();
  EXPECT_EQ(full->limits.messages_per_client, (base::Rate{100, 1h}));
  EXPECT_EQ(full->limits.messages_per_user, (base::Rate{1, 1s}));
  EXPECT_EQ(full->limits.recipients_per_user, (base::Rate{1'000'000'000, std::chrono::days(366)}));
  EXPECT_EQ(full->delivery.messages_per_host, (base::Rate{7, 1min}));
  EXPECT_FALSE(full->etrn.requests_per_client.is_limit());
  EXPECT_EQ(full->etrn.domains.size(), 2u);
  EXPECT_EQ(full->etrn.networks.size(), 1u);
  EXPECT_TRUE(full->relay.ask);
}

struct Row {
  std::string_view text;
  std::string_view mistake;  ///< How the only one begins, behind the name of the file.
};

constexpr Row rows[] = {
    {"[limits]\nmessages_per_client = 5", "2:23: limits.messages_per_client: expected a table"},
    {"[limits]\nmessages_per_client = { per = \"1h\" }",
     "2:23: limits.messages_per_client.messages: missing: "},
    {"[limits]\nmessages_per_client = { messages = 1 }",
     "2:23: limits.messages_per_client.per: missing: "},
    {"[limits]\nmessages_per_client = { messages = 0, per = \"1h\" }",
     "2:36: limits.messages_per_client.messages: expected a number from 1 to 1000000000, found 0"},
    {"[limits]\nmessages_per_client = { messages = 1000000001, per = \"1h\" }",
     "2:36: limits.messages_per_client.messages: expected a number from 1 to 1000000000"},
    {"[limits]\nmessages_per_client = { messages = 1, per = \"0s\" }",
     "2:45: limits.messages_per_client.per: expected a duration from "},
    {"[limits]\nmessages_per_client = { messages = 1, per = \"367d\" }",
     "2:45: limits.messages_per_client.per: expected a duration from "},
    {"[limits]\nrecipients_per_user = { messages = 1, recipients = 1, per = \"1h\" }",
     "2:25: limits.recipients_per_user.messages: unknown key"},
    {"[etrn]\ndomains = [\"u@z.test\"]", "2:12: etrn.domains[1]: expected a domain such as "},
    {"[etrn]\ndomains = [\"*\"]", "2:12: etrn.domains[1]: expected a domain such as "},
    {"[etrn]\ndomains = [\"[192.0.2.1]\"]", "2:12: etrn.domains[1]: expected a domain such as "},
    {"[etrn]\nnetworks = [\"x\"]", "2:13: etrn.networks[1]: expected an address or network"},
    {"[etrn]\nhold = true", "2:1: etrn.hold: unknown key"},
};

TEST(load_rate, mistakes) {
  for (const Row& row : rows) {
    const auto loaded = load_text(row.text);
    ASSERT_FALSE(loaded.has_value()) << row.text;
    ASSERT_EQ(loaded.error().size(), 1u) << row.text;
    const std::string found = loaded.error().front().print();
    EXPECT_TRUE(found.starts_with("f:" + std::string(row.mistake))) << found;
  }
}

TEST(load_rate, a_domain_of_ours_that_waits_is_warned_of) {
  const auto loaded = load_text(
      "[[domain]]\nname = \"z.test\"\ndeliver = \"discard:\"\n[etrn]\ndomains = [\"z.test\"]");
  ASSERT_TRUE(loaded.has_value());
  bool warned = false;
  for (const std::string& warning : loaded->warnings) warned |= warning.starts_with("etrn.domains");
  EXPECT_TRUE(warned);
}

}  // namespace
}  // namespace config
