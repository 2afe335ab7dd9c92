#include "delivery/client_options.h"

#include <gtest/gtest.h>

#include <string>

namespace delivery {
namespace {

constexpr TlsDemand demands[] = {TlsDemand::off, TlsDemand::opportunistic, TlsDemand::require,
                                 TlsDemand::verify};

route::Decision to(const char* target, bool auth = false) {
  route::Decision out;
  out.target = route::parse_target(target).value();
  if (auth) out.auth = std::make_shared<const route::RouteAuth>("u", "/f");
  return out;
}

const HostAddress host = {"z.test", *base::Endpoint::parse("192.0.2.2:25")};

TEST(client_options, credentials_are_never_sent_without_tls) {  // [RFC4954 4]
  for (const TlsDemand configured : demands) {
    Settings settings;
    settings.tls = configured;
    EXPECT_EQ(tls_demand(settings, to("smtp://z.test"), host), configured);
    const TlsDemand demand = tls_demand(settings, to("smtp://z.test", true), host);
    EXPECT_EQ(demand, std::max(configured, TlsDemand::require));
    const SmtpClientOptions options =
        client_options(settings, to("smtp://z.test", true), host, demand);
    EXPECT_EQ(options.session.tls, smtp::TlsPolicy::required);
  }
}

TEST(client_options, the_rule_decides_about_tls_before_the_configuration) {
  for (const TlsDemand configured : demands) {
    Settings settings;
    settings.tls = configured;
    for (const TlsDemand wanted : demands) {
      route::Decision decision = to("smtp://z.test");
      decision.tls = wanted;
      EXPECT_EQ(tls_demand(settings, decision, host), wanted);
      decision = to("smtp://z.test", true);
      decision.tls = wanted;
      EXPECT_EQ(tls_demand(settings, decision, host), std::max(wanted, TlsDemand::require));
    }
    // From the first octet: nothing weaker can be meant.
    EXPECT_EQ(tls_demand(settings, to("smtps://z.test"), host),
              std::max(configured, TlsDemand::require));
  }
}

TEST(client_options, tls_is_as_the_target_and_the_demand_say) {
  const Settings settings;
  const auto smtps = client_options(settings, to("smtps://z.test"), host, TlsDemand::require);
  EXPECT_TRUE(smtps.implicit_tls);
  EXPECT_FALSE(smtps.verify);
  const auto smtp = client_options(settings, to("smtp://z.test"), host, TlsDemand::verify);
  EXPECT_FALSE(smtp.implicit_tls);
  EXPECT_TRUE(smtp.verify);
}

TEST(client_options, lmtp_by_a_socket_in_the_file_system_needs_no_tls) {
  const auto socket = unix_address_of(to("lmtp:unix:/run/lmtp").target);
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->unix_path, "/run/lmtp");
  EXPECT_EQ(socket->name, "");
  for (const TlsDemand configured : demands) {
    Settings settings;
    settings.tls = configured;
    EXPECT_EQ(tls_demand(settings, to("lmtp:unix:/run/lmtp"), *socket), TlsDemand::off);
    EXPECT_EQ(tls_demand(settings, to("lmtp:z.test"), host), configured);
  }
  EXPECT_FALSE(unix_address_of(to("lmtp:z.test").target));
  EXPECT_FALSE(unix_address_of(to("smtp://z.test").target));
  EXPECT_FALSE(unix_address_of(to("maildir:/x").target));
}

TEST(client_options, lmtp_is_spoken_to_lmtp_targets_alone) {
  const Settings settings;
  const auto protocol = [&](const char* target) {
    return client_options(settings, to(target), host, TlsDemand::off).session.protocol;
  };
  EXPECT_EQ(protocol("lmtp:z.test"), smtp::Protocol::lmtp);
  EXPECT_EQ(protocol("lmtp:unix:/x"), smtp::Protocol::lmtp);
  EXPECT_EQ(protocol("smtp://z.test"), smtp::Protocol::smtp);
  EXPECT_EQ(protocol("smtps://z.test"), smtp::Protocol::smtp);
}

}  // namespace
}  // namespace delivery
