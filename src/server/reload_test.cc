#include <gtest/gtest.h>

#include "admin/http_message.h"
#include "server/metrics.h"
#include "server/site_testing.h"
#include "sim/world.h"

namespace server {
namespace {

using namespace std::chrono_literals;

constexpr const char* base_config = R"(
hostname = "a.test"
data_dir = "/data"
[[listener]]
address = "192.0.2.1:25"
role = "mx"
[[domain]]
name = "a.test"
deliver = "maildir:/mail/{local}"
)";

std::shared_ptr<const config::Config> load(const std::string& more) {
  auto loaded = config::load(base_config + more, {"a.test", "/", "a.test"});
  EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().front().print());
  return std::make_shared<const config::Config>(std::move(loaded.value()));
}

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() : site_(world_, "a.test", "192.0.2.1", base_config + std::string(admin)) {
    site_.boot();
    EXPECT_EQ(world_.run_while([this] { return !site_.is_up(); }, 1min), sim::Ran::done)
        << site_.error();
  }
  ~ReloadTest() override { site_.shut_down(); }

  /// Nothing, or what was wrong.
  std::string reload(const std::string& more) {
    std::string out;
    site_.loop().enter([&] {
      const auto done = site_.server().reload(load(more));
      if (!done) out = done.error();
    });
    (void)world_.run_while([] { return true; }, 1s);
    return out;
  }
  bool knows(const std::string& address) {
    const auto mailbox = grammar::Mailbox::parse(address);
    const auto& directory = site_.server().reception().settings()->directory;
    return directory->find_user(*mailbox) != nullptr;
  }
  bool is_bound(const std::string& address) {
    bool bound = false;
    site_.loop().enter([&] {
      bound = !site_.machine().net(site_.loop()).listen(*base::Endpoint::parse(address));
    });
    return bound;
  }

  static constexpr const char* admin = "[admin]\naddress = \"127.0.0.1:8025\"\n";
  sim::World world_{1};
  Site site_;
};

TEST_F(ReloadTest, everything_that_the_file_names_is_taken_over) {
  EXPECT_FALSE(knows("ann@a.test"));
  EXPECT_TRUE(is_bound("127.0.0.1:8025"));
  EXPECT_EQ(reload("[[user]]\naddress = \"ann@a.test\"\n"
                   "[[listener]]\naddress = \"192.0.2.1:2525\"\nrole = \"mx\"\n"
                   "[admin]\naddress = \"127.0.0.1:8026\"\n[queue]\nretry = [\"7s\"]\n"),
            "");
  EXPECT_TRUE(knows("ann@a.test"));
  EXPECT_TRUE(is_bound("192.0.2.1:2525"));
  EXPECT_TRUE(is_bound("127.0.0.1:8026"));
  EXPECT_FALSE(is_bound("127.0.0.1:8025"));
  EXPECT_EQ(site_.server().delivery().settings().queue.retry, std::vector<base::Duration>{7s});
  EXPECT_NE(site_.log().find("\"reloaded\""), std::string::npos);
  EXPECT_EQ(reload("[admin]\naddress = \"\"\n"), "");
  EXPECT_FALSE(knows("ann@a.test"));
  EXPECT_FALSE(is_bound("127.0.0.1:8026"));
  EXPECT_FALSE(is_bound("192.0.2.1:2525"));
}

struct Refused {
  const char* name;
  const char* more;
  const char* text;  ///< A part of what is said.
};

const Refused refused_cases[] = {
    {"what only a restart can change", "[queue]\ndurability = \"memory\"\n", "durability"},
    {"a certificate that is missing", "[tls]\ncertificate = \"/none\"\nkey = \"/none\"\n", "/none"},
    {"a password that is missing",
     "[[route]]\nrecipient = \"*\"\nvia = \"smtps://h.test\"\n"
     "auth = { user = \"u\", password_file = \"/none\" }\n",
     "/none"},
    {"an address that is taken", "[[listener]]\naddress = \"192.0.2.1:26\"\nrole = \"mx\"\n",
     "192.0.2.1:26"},
    {"an admin address that is taken", "[admin]\naddress = \"192.0.2.1:26\"\n", "192.0.2.1:26"},
};

TEST_F(ReloadTest, one_thing_that_fails_leaves_everything_as_it_was) {
  std::unique_ptr<sys::Listener> taken;
  site_.loop().enter([&] {
    taken =
        site_.machine().net(site_.loop()).listen(*base::Endpoint::parse("192.0.2.1:26")).value();
  });
  for (const Refused& test : refused_cases) {
    const std::string what =
        reload(std::string(test.more) + "[[user]]\naddress = \"ann@a.test\"\n");
    EXPECT_NE(what.find(test.text), std::string::npos) << test.name << ": " << what;
    EXPECT_FALSE(knows("ann@a.test")) << test.name;
    EXPECT_TRUE(is_bound("127.0.0.1:8025")) << test.name;
  }
  EXPECT_NE(site_.log().find("\"reload_failed\""), std::string::npos);
  site_.loop().enter([&] { taken.reset(); });
}

TEST_F(ReloadTest, figures_and_health_have_their_paths) {
  const auto answer = [&](const std::string& path) {
    return answer_http(site_.server(), {.method = "GET", .path = path});
  };
  EXPECT_EQ(answer("/healthz").status, 200u);
  EXPECT_EQ(answer("/").status, 404u);
  EXPECT_EQ(answer("/metrics/").status, 404u);
  const admin::HttpResponse metrics = answer("/metrics");
  EXPECT_EQ(metrics.status, 200u);
  for (const std::string name :
       {"posthaste_messages_received_total", "posthaste_messages_delivered_total",
        "posthaste_messages_bounced_total", "posthaste_attempts_deferred_total",
        "posthaste_queue_messages"}) {
    EXPECT_NE(metrics.content.find('\n' + name + " 0\n"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace server
