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

TEST(client_options, credentials_are_those_of_the_route) {
  Settings settings;
  settings.passwords.emplace("/f", base::Secret("secret"));
  const auto with = client_options(settings, to("smtps://z.test", true), host, TlsDemand::require);
  ASSERT_TRUE(with.session.credentials);
  EXPECT_EQ(with.session.credentials->user, "u");
  EXPECT_EQ(with.session.credentials->password.reveal(), "secret");
  EXPECT_TRUE(with.implicit_tls);
  EXPECT_FALSE(with.verify);
  const auto without = client_options(settings, to("smtp://z.test"), host, TlsDemand::verify);
  EXPECT_FALSE(without.session.credentials);
  EXPECT_FALSE(without.implicit_tls);
  EXPECT_TRUE(without.verify);
  const Settings empty;
  const auto missing = client_options(empty, to("smtp://z.test", true), host, TlsDemand::require);
  ASSERT_TRUE(missing.session.credentials);
  EXPECT_TRUE(missing.session.credentials->password.empty());
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
