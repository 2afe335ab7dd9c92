#include "sys/linux/tls.h"

#include <gtest/gtest.h>

#include <vector>

#include "sys/linux/certificate.h"

namespace sys::real {
namespace {

using Status = TlsSession::Status;
using Context = std::shared_ptr<TlsContext>;

struct Wire {
  std::unique_ptr<TlsSession> client;
  std::unique_ptr<TlsSession> server;
  std::string at_client;  ///< Plain text that arrived.
  std::string at_server;

  /// Carries octets, `step` at a time, until both are silent.
  void settle(std::size_t step = 65'536) {
    for (bool moved = true; moved;) {
      moved = carry(*client, *server, at_server, step);
      moved = carry(*server, *client, at_client, step) || moved;
    }
  }
  static bool carry(TlsSession& from, TlsSession& to, std::string& plain, std::size_t step) {
    const std::string octets = from.take_output();
    for (std::size_t at = 0; at < octets.size(); at += step) {
      to.receive(std::string_view(octets).substr(at, step), plain);
    }
    return !octets.empty();
  }
};

class RealTlsTest : public testing::Test {
 protected:
  Context server_context(const std::pair<std::string, std::string>& pem) {
    auto context = tls->server_context(pem.first, pem.second);
    EXPECT_TRUE(context) << context.error();
    return *context;
  }
  Context client_context(const std::string& trusted) {
    auto context = tls->client_context(trusted);
    EXPECT_TRUE(context) << context.error();
    return *context;
  }
  Wire connect(const std::string& name, bool verify, std::size_t step = 65'536) {
    Wire wire{
        client_context(own.first)->client(name, verify), server_context(own)->server(), {}, {}};
    wire.client->receive({}, wire.at_client);
    wire.settle(step);
    return wire;
  }

  std::unique_ptr<Tls> tls = make_tls();
  std::pair<std::string, std::string> own = self_signed({"mx.example.org", "192.0.2.1"});
};

TEST_F(RealTlsTest, octets_travel_both_ways) {
  Wire wire = connect("mx.example.org", true);
  ASSERT_EQ(wire.client->status(), Status::open) << wire.client->failure();
  ASSERT_EQ(wire.server->status(), Status::open) << wire.server->failure();
  EXPECT_TRUE(wire.client->description().starts_with("TLSv1.3 TLS_")) << wire.client->description();
  EXPECT_EQ(wire.client->description(), wire.server->description());
  wire.client->send("EHLO a.example\r\n");
  wire.server->send("250 ok\r\n");
  wire.settle();
  EXPECT_EQ(wire.at_server, "EHLO a.example\r\n");
  EXPECT_EQ(wire.at_client, "250 ok\r\n");
}

TEST_F(RealTlsTest, works_one_octet_at_a_time) {
  Wire wire = connect("mx.example.org", true, 1);
  ASSERT_EQ(wire.server->status(), Status::open) << wire.server->failure();
  const std::string large(100'000, 'x');
  wire.client->send(large);
  wire.settle(1);
  EXPECT_EQ(wire.at_server, large);
}

TEST_F(RealTlsTest, plain_text_in_the_same_segment_as_the_handshake_is_kept) {
  Wire wire{client_context(own.first)->client("mx.example.org", true),
            server_context(own)->server(),
            {},
            {}};
  wire.client->receive({}, wire.at_client);
  Wire::carry(*wire.client, *wire.server, wire.at_server, 65'536);
  Wire::carry(*wire.server, *wire.client, wire.at_client, 65'536);
  ASSERT_EQ(wire.client->status(), Status::open);
  wire.client->send("EHLO a.example\r\n");
  Wire::carry(*wire.client, *wire.server, wire.at_server, 65'536);
  EXPECT_EQ(wire.server->status(), Status::open);
  EXPECT_EQ(wire.at_server, "EHLO a.example\r\n");
}

TEST_F(RealTlsTest, the_end_is_said) {
  Wire wire = connect("mx.example.org", true);
  wire.client->send("QUIT\r\n");
  wire.client->close();
  Wire::carry(*wire.client, *wire.server, wire.at_server, 65'536);
  EXPECT_EQ(wire.server->status(), Status::closed);
  EXPECT_EQ(wire.at_server, "QUIT\r\n");
  wire.server->close();
  wire.settle();
  EXPECT_EQ(wire.client->status(), Status::closed);
}

struct NameCase {
  const char* what;
  const char* name;
  bool verify;
  const char* failure;  ///< Empty: opens.
};

const NameCase name_cases[] = {
    {"its name", "mx.example.org", true, ""},
    {"its name, absolute", "mx.example.org.", true, ""},
    {"its name in capitals", "MX.EXAMPLE.ORG", true, ""},
    {"its address", "192.0.2.1", true, ""},
    {"another name", "mx.example.net", true, "certificate verify failed: hostname mismatch"},
    {"a name above", "example.org", true, "certificate verify failed: hostname mismatch"},
    {"another address", "192.0.2.2", true, "certificate verify failed: IP address mismatch"},
    {"another name, unverified", "mx.example.net", false, ""},
    {"no name, unverified", "", false, ""},
};

TEST_F(RealTlsTest, the_name_must_be_the_certificates) {
  for (const NameCase& row : name_cases) {
    const Wire wire = connect(row.name, row.verify);
    EXPECT_EQ(wire.client->failure(), row.failure) << row.what;
    EXPECT_EQ(wire.client->status() == Status::open, *row.failure == '\0') << row.what;
    if (*row.failure != '\0') {
      EXPECT_EQ(wire.server->status(), Status::failed) << row.what << ": the alert came";
      EXPECT_NE(wire.server->failure(), "") << row.what;
    }
  }
}

TEST_F(RealTlsTest, verifying_without_a_name_fails) {
  const auto client = client_context(own.first)->client("", true);
  EXPECT_EQ(client->status(), Status::failed);
}

TEST_F(RealTlsTest, unknown_certificates_are_refused_unless_any_is_taken) {
  const auto other = self_signed({"mx.example.org"});
  for (const bool verify : {true, false}) {
    Wire wire{client_context(other.first)->client("mx.example.org", verify),
              server_context(own)->server(),
              {},
              {}};
    wire.client->receive({}, wire.at_client);
    wire.settle();
    EXPECT_EQ(wire.client->status(), verify ? Status::failed : Status::open);
    EXPECT_EQ(wire.client->failure(),
              verify ? "certificate verify failed: self-signed certificate" : "");
  }
}

TEST_F(RealTlsTest, expired_certificates_serve_but_do_not_verify) {
  own = self_signed({"mx.example.org"},
                    {.from = -std::chrono::hours(48), .until = -std::chrono::hours(24)});
  EXPECT_EQ(connect("mx.example.org", false).client->status(), Status::open);
  EXPECT_EQ(connect("mx.example.org", true).client->failure(),
            "certificate verify failed: certificate has expired");
}

TEST_F(RealTlsTest, the_systems_certificates_do_not_hold_ours) {
  Wire wire{
      client_context("")->client("mx.example.org", true), server_context(own)->server(), {}, {}};
  wire.client->receive({}, wire.at_client);
  wire.settle();
  EXPECT_EQ(wire.client->status(), Status::failed);
}

TEST_F(RealTlsTest, noise_fails_on_either_side) {
  std::string plain;
  const auto server = server_context(own)->server();
  server->receive("EHLO a.example\r\n", plain);
  EXPECT_EQ(server->status(), Status::failed);
  EXPECT_NE(server->failure(), "");

  const auto client = client_context(own.first)->client("mx.example.org", true);
  client->receive({}, plain);
  client->receive("220 mx.example.org ESMTP\r\n", plain);
  EXPECT_EQ(client->status(), Status::failed);

  Wire wire = connect("mx.example.org", true);
  wire.client->send("MAIL FROM:<>\r\n");
  std::string octets = wire.client->take_output();
  octets.back() ^= 1;
  wire.server->receive(octets, wire.at_server);
  EXPECT_EQ(wire.server->status(), Status::failed);
  EXPECT_EQ(wire.at_server, "");
  EXPECT_EQ(plain, "");
}

TEST_F(RealTlsTest, sessions_outlive_their_context) {
  Wire wire;
  {
    const Context client = client_context(own.first);
    const Context server = server_context(own);
    wire.client = client->client("mx.example.org", true);
    wire.server = server->server();
  }
  wire.client->receive({}, wire.at_client);
  wire.settle();
  EXPECT_EQ(wire.server->status(), Status::open);
}

TEST_F(RealTlsTest, says_what_is_wrong_with_a_certificate_or_key) {
  const auto other = self_signed({"mx.example.org"});
  const std::string half = own.first.substr(0, own.first.size() / 2);
  std::string damaged = own.first;
  damaged[damaged.size() / 2] = '!';
  const auto failure = [&](const std::string& chain, const std::string& key) {
    const auto context = tls->server_context(chain, key);
    return context ? std::string() : context.error();
  };
  EXPECT_EQ(failure(own.first, other.second), "the key does not belong to the certificate");
  EXPECT_EQ(failure("", own.second), "no certificate found (PEM is expected)");
  EXPECT_EQ(failure("nonsense", own.second), "no certificate found (PEM is expected)");
  EXPECT_EQ(failure(own.second, own.second), "no certificate found (PEM is expected)");
  EXPECT_EQ(failure(own.first, ""), "no key found (PEM is expected)");
  EXPECT_EQ(failure(own.first, "nonsense"), "no key found (PEM is expected)");
  EXPECT_TRUE(failure(damaged, own.second).starts_with("certificate 1 is damaged: "));
  EXPECT_TRUE(failure(half, own.second).starts_with("certificate 1 is damaged: "));
  EXPECT_TRUE(failure(own.first + half, own.second).starts_with("certificate 2 is damaged: "));
  EXPECT_TRUE(failure(own.first, own.first).starts_with("the key cannot be read: "));
  EXPECT_EQ(failure(own.first + other.first, own.second), "") << "a chain of two";
  EXPECT_EQ(tls->client_context("nonsense").error(), "no certificate found (PEM is expected)");
}

TEST_F(RealTlsTest, a_key_with_a_password_is_refused_without_asking) {
  const auto context = tls->server_context(own.first, R"(-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi3D7jCbZFFOQICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEIh6K9Gw7iBf2JIO9HWAFfAEgZDK
yCZkrDf5Wo0GlRawC32DZqxQjkCvdb6E2RMzOhqnMNoJ1bN0yu7HmLKzcYbdNLQ8
IPpjA9ryjONtGV32a76ngZ26+2fk5v0Js0MXStmRlsz0Wdri7lMDNxT6Ydd077jm
v+GU31orJ9D96M1vvKP2z2MUzjA8zgEwo2rcTAG9qWcf7/x54DygOWNCWtWwWFQ=
-----END ENCRYPTED PRIVATE KEY-----
)");
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error(), "the key is protected by a password");
}

}  // namespace
}  // namespace sys::real
