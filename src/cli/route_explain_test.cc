#include "cli/route_explain.h"

#include <gtest/gtest.h>

#include "base/group.h"
#include "cli/route_text.h"
#include "dns/zone.h"
#include "engine/resolver.h"
#include "server/settings.h"
#include "sys/linux/loop.h"
#include "sys/resolver.h"

namespace cli {
namespace {

/// Answers at once, from a zone.
class ZoneResolver final : public sys::Resolver {
 public:
  sys::Now<dns::Answer> resolve(const dns::Question& question,
                                sys::Completion<dns::Answer>&) override {
    auto found = zone.lookup(question);
    if (found) return base::Io<dns::Answer>(std::move(*found));
    return base::Io<dns::Answer>(base::io_error(base::IoErrorCode::dns));
  }

  dns::Zone zone;
};

constexpr std::string_view file = R"(
hostname = "mx.home.test"
[relay]
networks = ["10.0.0.0/8"]
domains = ["backup.test"]
[[domain]]
name = "home.test"
deliver = "maildir:/mail/{domain}/{local}"
[[domain]]
name = "ask.test"
deliver = "lmtp:192.0.2.24"
recipients = "ask"
[[domain]]
name = "void.test"
deliver = "discard:"
recipients = "any"
[[domain]]
name = "program.test"
deliver = "pipe:/bin/cat {local}"
recipients = "any"
[[user]]
address = "Ann@home.test"
[[user]]
address = "bob@home.test"
[[alias]]
address = "team@home.test"
to = ["ann@home.test", "x@dest.test", "gone@home.test"]
[[alias]]
address = "a@home.test"
to = ["b@home.test"]
[[alias]]
address = "b@home.test"
to = ["a@home.test"]
[[alias]]
address = "closed@home.test"
to = ["x@closed.test"]
[[route]]
recipient = "closed.test"
via = "reject:It has moved"
[[route]]
recipient = "smart.test"
via = "smtps://gateway.test"
auth = { user = "u", password_file = "/p" }
lane = "bulk"
[[route]]
recipient = "dest.test"
sender = "<>"
via = "smtp://gateway.test:2525"
[[route]]
recipient = "dest.test"
user = "bob@home.test"
via = "lmtp:unix:/run/lmtp"
[[route]]
recipient = "nowhere.test"
via = "smtp://gone.test"
[delivery]
refuse_networks = []
)";

void fill(dns::Zone& zone) {
  const auto add = [&](std::string_view name, std::string_view type, std::string_view data) {
    EXPECT_TRUE(zone.add_text(name, type, data));
  };
  add("dest.test", "MX", "20 two.test");
  add("dest.test", "MX", "10 one.test");
  add("one.test", "A", "192.0.2.1");
  add("one.test", "AAAA", "2001:db8::1");
  add("two.test", "A", "192.0.2.2");
  add("gateway.test", "A", "192.0.2.25");
  add("backup.test", "A", "192.0.2.9");
  add("null.test", "MX", "0 .");
  EXPECT_TRUE(zone.set_fault_text("fail.test", "ANY", "SERVFAIL"));
}

class RouteExplainTest : public ::testing::Test {
 protected:
  RouteExplainTest() {
    auto loaded =
        config::load(file, {.file_name = "f", .base_folder = "/", .machine_name = "m.test"});
    EXPECT_TRUE(loaded.has_value());
    config_ = std::move(*loaded);
    fill(resolver_.zone);
  }

  RouteAnswer explain(RouteRequest request) {
    engine::Resolver resolver(resolver_, loop_);
    RouteWorld world{.config = config_,
                     .settings = server::delivery_settings(config_),
                     .resolver = resolver,
                     .ask = ask,
                     .random = 1};
    RouteAnswer answer;
    base::Group group;
    group.spawn(run(world, std::move(request), answer));
    EXPECT_EQ(group.size(), 0u) << "everything is answered at once";
    return answer;
  }

  static base::Task<> run(RouteWorld& world, RouteRequest request, RouteAnswer& answer) {
    answer = co_await explain_route(world, std::move(request));
  }

  static base::Task<reception::AskedRecipient> ask(std::string target, std::string path) {
    EXPECT_EQ(target, "lmtp:192.0.2.24:24");
    if (path == "<known@ask.test>") co_return reception::AskedRecipient::known;
    if (path == "<slow@ask.test>") co_return reception::AskedRecipient::unavailable;
    co_return reception::AskedRecipient::unknown;
  }

  sys::real::RealLoop loop_;
  ZoneResolver resolver_;
  config::Config config_;
};

/// "local maildir:/mail/…", "refused 550 5.1.1", "relay mx: one.test two.test", "alias (…) (…)".
std::string print(const RouteAnswer& answer) {
  std::string out;
  switch (answer.outcome) {
    case RouteOutcome::relay: out = "relay " + answer.via; break;
    case RouteOutcome::local: out = "local " + answer.via; break;
    case RouteOutcome::alias: out = "alias"; break;
    case RouteOutcome::refused: out = "refused " + answer.reply.substr(0, 9); break;
    case RouteOutcome::deferred: out = "deferred " + answer.reply.substr(0, 9); break;
  }
  for (const route::Host& host : answer.hosts) out += ' ' + host.name;
  for (const RouteAnswer& target : answer.targets) out += " (" + print(target) + ")";
  return out;
}

struct Case {
  std::string_view address, want;
  std::string_view client = {}, user = {};
  std::optional<std::string_view> sender = {};  ///< With brackets.
};

const Case cases[] = {
    {"ann@home.test", "local maildir:/mail/home.test/Ann"},
    {"<ANN+x@home.test>", "local maildir:/mail/home.test/Ann"},
    {"postmaster", "local maildir:/mail/home.test/postmaster"},
    {"nobody@home.test", "refused 550 5.1.1"},
    {"@a.test,@b.test:ann@home.test", "local maildir:/mail/home.test/Ann"},
    {"<@a.test,@b.test:ann@home.test>", "local maildir:/mail/home.test/Ann"},
    {"a..b@home.test", "refused 501 5.1.3"},
    {"", "refused 501 5.1.3"},
    {"ann@home.test> NOTIFY=NEVER", "refused 501 5.5.4"},
    {"x@void.test", "local discard:"},
    {"x@program.test", "local pipe:/bin/cat {local}"},
    {"known@ask.test", "local lmtp:192.0.2.24:24 [192.0.2.24]"},
    {"other@ask.test", "refused 550 5.1.1"},
    {"slow@ask.test", "deferred 451 4.4.3"},
    {"team@home.test",
     "alias (local maildir:/mail/home.test/Ann) (relay mx: one.test two.test) (refused 550 5.1.1)"},
    {"a@home.test", "refused 550 5.4.6"},
    {"x@dest.test", "relay mx: one.test two.test"},
    {"x@gone.test", "refused 550 5.1.2"},
    {"x@null.test", "refused 556 5.1.1"},
    {"x@fail.test", "deferred 451 4.4.3"},
    {"x@closed.test", "refused 550 5.7.1"},
    {"closed@home.test", "refused 550 5.7.1"},
    {"x@smart.test", "relay smtps://gateway.test:465 gateway.test"},
    {"x@nowhere.test", "deferred 451 4.4.4"},
    {"x@[192.0.2.77]", "relay mx: [192.0.2.77]"},
    // From a client.
    {"ann@home.test", "local maildir:/mail/home.test/Ann", "192.0.2.1"},
    {"x@dest.test", "refused 550 5.7.1", "192.0.2.1"},
    {"x@dest.test", "relay mx: one.test two.test", "10.1.2.3"},
    {"x@backup.test", "relay mx: backup.test", "192.0.2.1"},
    // Who has logged in.
    {"x@dest.test", "relay mx: one.test two.test", "", "ann@home.test"},
    {"x@dest.test", "local lmtp:unix:/run/lmtp", "", "BOB@home.test"},
    {"x@dest.test", "refused 535 5.7.8", "", "nobody@home.test"},
    {"x@dest.test", "refused 553 5.7.1", "", "ann@home.test", "<bob@home.test>"},
    {"x@dest.test", "relay smtp://gateway.test:2525 gateway.test", "", "ann@home.test", "<>"},
    // With a reverse-path.
    {"x@dest.test", "relay smtp://gateway.test:2525 gateway.test", "", "", "<>"},
    {"x@dest.test", "relay mx: one.test two.test", "", "", "<a@b.test>"},
};

TEST_F(RouteExplainTest, says_what_the_server_would_do) {
  for (const Case& row : cases) {
    RouteRequest request{.address = std::string(row.address),
                         .client = base::IpAddress::parse(row.client),
                         .user = std::string(row.user),
                         .sender = {}};
    if (row.sender) request.sender = *grammar::ReversePath::parse(*row.sender);
    const RouteAnswer answer = explain(std::move(request));
    EXPECT_EQ(print(answer), row.want) << row.address;
    EXPECT_EQ(answer.recipient, row.address);
    const bool good = row.want.find("refused") == std::string_view::npos &&
                      row.want.find("deferred") == std::string_view::npos;
    EXPECT_EQ(answer.is_good(), good) << row.address;
    EXPECT_FALSE(answer.steps.empty()) << row.address;
  }
}

TEST_F(RouteExplainTest, source_routes_may_be_refused) {
  config_.relay.source_routes = policy::SourceRoutes::refuse;
  EXPECT_EQ(
      print(explain({.address = "@a.test:ann@home.test", .client = {}, .user = {}, .sender = {}})),
      "refused 550 5.1.3");
}

TEST_F(RouteExplainTest, as_text) {
  EXPECT_EQ(
      route_as_text(explain({.address = "x@dest.test", .client = {}, .user = {}, .sender = {}})),
      R"(Mail to x@dest.test goes on to the hosts of its MX records, in this order:
     10  one.test  2001:db8::1  192.0.2.1  port 25
     20  two.test  192.0.2.2  port 25
  TLS opportunistic: encrypted if the host offers it and it works
Why:
  - client: assumed to be one that may relay
  - [[route]] 1: closed.test: does not match
  - [[route]] 2: smart.test: does not match
  - [[route]] 3: dest.test, sender <>: the sender is not known
  - [[route]] 4: dest.test, user bob@home.test: nobody has logged in
  - [[route]] 5: nowhere.test: does not match
  - MX: nothing else decides: by the MX records of dest.test
  - MX: dest.test: 10 one.test, 20 two.test (TTL 300 s)
  - addresses: one.test: 2001:db8::1, 192.0.2.1 (TTL 300 s)
  - addresses: two.test: 192.0.2.2 (TTL 300 s)
)");
}

TEST_F(RouteExplainTest, as_json) {
  EXPECT_EQ(route_as_json(explain({.address = "nobody@home.test",
                                   .client = base::IpAddress::parse("192.0.2.1"),
                                   .user = {},
                                   .sender = {}})),
            "{\"recipient\":\"nobody@home.test\",\"outcome\":\"refused\",\"targets\":[],"
            "\"reply\":\"550 5.1.1 no such mailbox here\",\"steps\":[{\"what\":\"RCPT\","
            "\"why\":\"no such recipient here\"}],\"via\":null,\"hosts\":[],\"tls\":null}\n");
}

}  // namespace
}  // namespace cli
