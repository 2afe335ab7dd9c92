#include "sim/tls.h"

#include <gtest/gtest.h>

namespace sim {
namespace {

using Status = sys::TlsSession::Status;

struct Pair {
  std::unique_ptr<sys::TlsSession> server;
  std::unique_ptr<sys::TlsSession> client;
  std::string at_server;
  std::string at_client;
  std::string wire;

  /// Carries octets both ways, `step` at a time, until nothing more comes.
  void carry(std::size_t step) {
    std::string none;
    client->receive({}, none);
    for (;;) {
      const std::string up = client->take_output();
      const std::string down = server->take_output();
      if (up.empty() && down.empty()) return;
      wire += up + down;
      for (std::size_t at = 0; at < up.size(); at += step)
        server->receive(std::string_view(up).substr(at, step), at_server);
      for (std::size_t at = 0; at < down.size(); at += step)
        client->receive(std::string_view(down).substr(at, step), at_client);
    }
  }
};

struct HandshakeCase {
  std::string_view name;
  std::string chain;
  std::string trusted;
  std::string host;
  bool verify;
  std::string_view failure;  ///< Empty: it succeeds.
};

const HandshakeCase handshake_cases[] = {
    {"first name", "sim-certificate: a.test,b.test", "", "a.test", true, ""},
    {"second name, other case, line end", "sim-certificate: a.test, B.test\n", "", "b.TEST", true,
     ""},
    {"another name", "sim-certificate: a.test", "", "b.test", true, "hostname mismatch"},
    {"another name, not verified", "sim-certificate: a.test", "", "b.test", false, ""},
    {"expired", "sim-certificate: a.test; expired", "", "a.test", true, "certificate has expired"},
    {"expired, not verified", "sim-certificate: a.test; expired", "", "a.test", false, ""},
    {"unknown issuer", "sim-certificate: a.test; issuer=self", "", "a.test", true,
     "unable to get local issuer certificate"},
    {"known issuer", "sim-certificate: a.test; issuer=lab", "sim-trusted: x,lab", "a.test", true,
     ""},
};

Pair make_pair(SimTls& tls, const HandshakeCase& row) {
  Pair pair;
  pair.server = tls.server_context(row.chain, sim_key()).value()->server();
  pair.client = tls.client_context(row.trusted).value()->client(row.host, row.verify);
  return pair;
}

TEST(SimTls, verifies_names_issuers_and_dates_however_the_octets_are_cut) {
  for (const HandshakeCase& row : handshake_cases) {
    for (const std::size_t step : {1u, 2u, 3u, 7u, 1'000u}) {
      SimTls tls(Rng(1));
      Pair pair = make_pair(tls, row);
      pair.carry(step);
      const bool good = row.failure.empty();
      EXPECT_EQ(pair.client->status(), good ? Status::open : Status::failed) << row.name;
      EXPECT_EQ(pair.server->status(), good ? Status::open : Status::failed) << row.name;
      EXPECT_EQ(pair.client->failure(), row.failure) << row.name;
    }
  }
}

TEST(SimTls, carries_octets_scrambled_and_says_goodbye) {
  SimTls tls(Rng(1));
  Pair pair = make_pair(tls, handshake_cases[0]);
  pair.carry(100);
  const std::string secret = "PASS sesame " + std::string(40'000, 's');
  pair.client->send(secret);
  pair.server->send("welcome");
  pair.client->close();
  pair.carry(5);
  EXPECT_EQ(pair.at_server, secret);
  EXPECT_EQ(pair.at_client, "welcome");
  EXPECT_EQ(pair.server->status(), Status::closed);
  EXPECT_EQ(pair.wire.find("sesame"), pair.wire.npos);
}

TEST(SimTls, plain_text_breaks_it) {
  SimTls tls(Rng(1));
  auto server = tls.server_context("sim-certificate: a.test", sim_key()).value()->server();
  std::string plain;
  server->receive("EHLO a.test\r\n", plain);
  EXPECT_EQ(server->status(), Status::failed);
  EXPECT_EQ(server->failure(), "wrong version number");
  EXPECT_EQ(plain, "");
}

TEST(SimTls, data_before_the_end_of_the_handshake_break_it) {
  SimTls tls(Rng(1));
  Pair pair = make_pair(tls, handshake_cases[0]);
  std::string plain;
  pair.client->send("early");
  pair.server->receive(pair.client->take_output(), plain);
  EXPECT_EQ(pair.server->status(), Status::failed);
  EXPECT_EQ(plain, "");
}

TEST(SimTls, handshakes_can_be_made_to_fail_on_either_side) {
  for (const bool at_server : {false, true}) {
    SimTls good(Rng(1));
    SimTls bad(Rng(1));
    bad.fail_handshakes(1'000);
    Pair pair;
    pair.server = (at_server ? bad : good)
                      .server_context("sim-certificate: a.test", sim_key())
                      .value()
                      ->server();
    pair.client = (at_server ? good : bad).client_context("").value()->client("a.test", true);
    pair.carry(100);
    EXPECT_EQ(pair.client->status(), Status::failed);
    EXPECT_EQ(pair.server->status(), Status::failed);
  }
}

TEST(SimTls, refuses_what_is_no_certificate_key_or_trust) {
  SimTls tls(Rng(1));
  EXPECT_FALSE(tls.server_context("nonsense", sim_key()));
  EXPECT_FALSE(tls.server_context(sim_certificate("a.test"), ""));
  EXPECT_FALSE(tls.client_context("nonsense"));
}

}  // namespace
}  // namespace sim
