#include <gtest/gtest.h>

#include "base/base64.h"
#include "sasl/bearer.h"
#include "sasl/mechanism.h"
#include "sasl/scram.h"
#include "sasl/scram_client.h"

namespace sasl {
namespace {

using namespace std::string_view_literals;
using namespace std::string_literals;
using crypto::Secret;

ClientCredentials with_password(std::string mechanism = "") {
  return {.user = "user",
          .secret = Secret("pencil"),
          .is_token = false,
          .mechanism = std::move(mechanism)};
}
ClientCredentials with_token(std::string mechanism = "") {
  return {.user = "u,x@b.test",
          .secret = Secret("tok"),
          .is_token = true,
          .mechanism = std::move(mechanism)};
}

std::string print(const ClientStep& step) {
  if (const auto* secret = std::get_if<Secret>(&step))
    return "say " + std::string(secret->reveal());
  if (const auto* needed = std::get_if<KeyNeeded>(&step)) {
    return "key " + base::base64_encode(needed->salt) + " " + std::to_string(needed->iterations);
  }
  return "give up";
}

TEST(choose_mechanism, the_strongest_that_is_offered) {
  struct Case {
    std::vector<std::string> offered;
    std::string_view of_password, of_token;
    std::string pinned = {};
  };
  const Case cases[] = {
      {{"LOGIN", "PLAIN", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"},
       "SCRAM-SHA-256",
       "OAUTHBEARER"},
      {{"LOGIN", "PLAIN", "SCRAM-SHA-1", "XOAUTH2"}, "PLAIN", "XOAUTH2"},
      {{"CRAM-MD5", "LOGIN"}, "LOGIN", ""},
      {{"SCRAM-SHA-256-PLUS", "GSSAPI"}, "", ""},
      {{}, "", ""},
      {{"LOGIN", "PLAIN", "SCRAM-SHA-256"}, "PLAIN", "", "PLAIN"},
      {{"LOGIN", "PLAIN"}, "", "", "SCRAM-SHA-256"},
      {{"XOAUTH2", "OAUTHBEARER"}, "", "XOAUTH2", "XOAUTH2"},
  };
  for (const Case& row : cases) {
    EXPECT_EQ(choose_mechanism(row.offered, with_password(row.pinned)), row.of_password);
    EXPECT_EQ(choose_mechanism(row.offered, with_token(row.pinned)), row.of_token);
  }
  for (const bool token : {false, true}) {
    for (const std::string_view name : client_mechanisms(token)) {
      EXPECT_NE(make_client(name, token ? with_token() : with_password(), "n"), nullptr);
    }
  }
  EXPECT_EQ(make_client("CRAM-MD5", with_password(), "n"), nullptr);
}

TEST(plain_client, says_everything_at_once_and_perhaps_once_more) {
  const auto client = make_client("PLAIN", with_password(), "");
  EXPECT_FALSE(client->is_complete());
  EXPECT_EQ(client->start()->reveal(), "\0user\0pencil"sv);
  EXPECT_TRUE(client->is_complete());
  EXPECT_EQ(print(client->respond("")), "say "s + "\0user\0pencil"s);
  EXPECT_EQ(print(client->respond("")), "give up");
  EXPECT_EQ(print(make_client("PLAIN", with_password(), "")->respond("more")), "give up");
}

TEST(login_client, is_complete_after_two_answers) {
  const auto client = make_client("LOGIN", with_password(), "");
  EXPECT_FALSE(client->start().has_value());
  EXPECT_EQ(print(client->respond("Username:")), "say user");
  EXPECT_FALSE(client->is_complete());
  EXPECT_EQ(print(client->respond("Password:")), "say pencil");
  EXPECT_TRUE(client->is_complete());
  EXPECT_EQ(print(client->respond("?")), "give up");
}

/// Lets our client log in at our server.
std::string dialogue(std::string_view name) {
  const auto client = make_client(name, with_password(), "");
  const auto server = make_server(name);
  std::optional<Secret> response = client->start();
  Step step = server->start(response ? std::optional(response->reveal()) : std::nullopt);
  while (const auto* challenge = std::get_if<Challenge>(&step)) {
    const ClientStep answer = client->respond(challenge->octets);
    const auto* said = std::get_if<Secret>(&answer);
    if (said == nullptr) return "gave up";
    step = server->respond(said->reveal());
  }
  const auto* credentials = std::get_if<Credentials>(&step);
  if (credentials == nullptr) return "failed";
  return credentials->authentication_id + " " + std::string(credentials->password.reveal());
}

TEST(plain_and_login_clients, log_in_at_our_server) {
  for (const std::string_view name : {"PLAIN", "LOGIN"}) {
    EXPECT_EQ(dialogue(name), "user pencil") << name;
  }
}

TEST(bearer_client, says_the_token_as_each_protocol_wants_it) {
  struct Case {
    std::string_view mechanism, message, resignation;
  };
  const Case cases[] = {
      {"XOAUTH2", "user=u,x@b.test\1auth=Bearer tok\1\1", "say "},
      {"OAUTHBEARER", "n,a=u=2Cx@b.test,\1auth=Bearer tok\1\1", "say \1"},  // [RFC7628 3.1]
  };
  for (const Case& row : cases) {
    const auto client = make_client(row.mechanism, with_token(), "");
    EXPECT_EQ(client->start()->reveal(), row.message);
    EXPECT_TRUE(client->is_complete());
    EXPECT_EQ(print(client->respond("{\"status\":\"401\"}")), row.resignation);
    EXPECT_FALSE(client->is_complete()) << "a server that refuses and then agrees";
    EXPECT_EQ(print(client->respond("")), "give up");
  }
}

TEST(bearer_client, what_may_be_a_token) {
  EXPECT_TRUE(is_token("ya29.A0-_~+/=="));
  EXPECT_TRUE(is_token(std::string(token_octets_max, 'x')));
  EXPECT_FALSE(is_token(std::string(token_octets_max + 1, 'x')));
  for (const std::string_view text : {""sv, "a b"sv, "a\1b"sv, "a\0b"sv, "\xc3\xa4"sv, "a\r"sv}) {
    EXPECT_FALSE(is_token(text)) << text;
  }
}

// The exchange of [RFC7677 3].
constexpr std::string_view client_nonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

/// Up to the server's proof.
std::unique_ptr<ClientMechanism> proved() {
  auto client = make_client("SCRAM-SHA-256", with_password(), client_nonce);
  (void)client->start();
  const ClientStep step = client->respond(server_first);
  const auto& needed = std::get<KeyNeeded>(step);
  EXPECT_EQ(print(client->give_key(
                crypto::scram_salted_password(Secret("pencil"), needed.salt, needed.iterations))),
            "say " + std::string(client_final));
  return client;
}

TEST(scram_client, is_the_exchange_of_the_standard) {  // [RFC7677 3]
  auto client = make_client("SCRAM-SHA-256", with_password(), client_nonce);
  EXPECT_EQ(client->start()->reveal(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(print(client->respond(server_first)), "key W22ZaJ0SNY7soEsUEjb6gQ== 4096");
  client = proved();
  EXPECT_FALSE(client->is_complete());
  EXPECT_EQ(print(client->respond(server_final)), "say ");
  EXPECT_TRUE(client->is_complete());
  EXPECT_EQ(print(client->respond("")), "give up");
  EXPECT_FALSE(client->is_complete());
}

TEST(scram_client, takes_no_server_that_does_not_know_the_password) {  // [RFC5802 3]
  for (const std::string_view final :
       {"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="sv, "v="sv, "v=AAAA"sv, ""sv, "e=other"sv,
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="sv, "v=?"sv}) {
    const auto client = proved();
    EXPECT_EQ(print(client->respond(final)), "give up") << final;
    EXPECT_FALSE(client->is_complete());
    EXPECT_EQ(print(client->respond(server_final)), "give up") << "no second chance";
  }
  for (std::size_t cut = 0; cut < server_final.size(); ++cut) {
    EXPECT_EQ(print(proved()->respond(server_final.substr(0, cut))), "give up") << cut;
  }
  EXPECT_EQ(print(proved()->respond(std::string(server_final) + ",x=extension")), "say ");
}

TEST(scram_client, what_servers_may_ask) {
  const std::string nonce = "r=" + std::string(client_nonce);
  const auto more = [&](std::size_t octets) { return nonce + std::string(octets, 'x'); };
  const auto salt = [](std::size_t octets) {
    return ",s=" + base::base64_encode(std::string(octets, 's'));
  };
  struct Case {
    std::string_view name;
    std::string message;
    bool taken;
  };
  const Case cases[] = {
      {"the most iterations", nonce + "x,s=c2FsdA==,i=1000000", true},
      {"one more", nonce + "x,s=c2FsdA==,i=1000001", false},
      {"the fewest iterations [RFC7677 4]", nonce + "x,s=c2FsdA==,i=4096", true},
      {"one fewer", nonce + "x,s=c2FsdA==,i=4095", false},
      {"iterations beyond 32 bits", nonce + "x,s=c2FsdA==,i=4294971392", false},
      {"iterations that are none", nonce + "x,s=c2FsdA==,i=4096x", false},
      {"iterations with a zero before", nonce + "x,s=c2FsdA==,i=04096", false},
      {"negative iterations", nonce + "x,s=c2FsdA==,i=-4096", false},
      {"the longest salt", nonce + "x" + salt(256) + ",i=4096", true},
      {"a longer salt", nonce + "x" + salt(257) + ",i=4096", false},
      {"no salt", nonce + "x,s=,i=4096", false},
      {"a salt that is no base 64", nonce + "x,s=c2Fsd,i=4096", false},
      {"the longest nonce", more(256) + ",s=c2FsdA==,i=4096", true},
      {"a longer nonce", more(257) + ",s=c2FsdA==,i=4096", false},
      {"our nonce alone", nonce + ",s=c2FsdA==,i=4096", false},
      {"another nonce", "r=somethingelse,s=c2FsdA==,i=4096", false},
      {"a space in the nonce", nonce + " x,s=c2FsdA==,i=4096", false},
      {"an extension that must be known [RFC5802 5.1]", "m=x," + nonce + "x,s=c2FsdA==,i=4096",
       false},
      {"another order", nonce + "x,i=4096,s=c2FsdA==", false},
      {"an extension that does not matter", nonce + "x,s=c2FsdA==,i=4096,z=9", true},
      {"nothing", "", false},
      {"an error", "e=unknown-user", false},
  };
  for (const Case& row : cases) {
    const auto client = make_client("SCRAM-SHA-256", with_password(), client_nonce);
    (void)client->start();
    EXPECT_EQ(print(client->respond(row.message)).starts_with("key "), row.taken) << row.name;
  }
}

TEST(scram_client, and_our_server_understand_each_other) {
  const std::string name = "a=b,c";
  const auto verifier =
      crypto::make_scram_verifier(Secret("p\xc3\xa4ss"), "salt of 16 octet", 4'096);
  auto client = make_client(
      "SCRAM-SHA-256",
      {.user = name, .secret = Secret("p\xc3\xa4ss"), .is_token = false, .mechanism = {}}, "abc");
  ScramServer server;
  Step step = server.start(client->start()->reveal());
  ASSERT_TRUE(std::holds_alternative<VerifierNeeded>(step));
  EXPECT_EQ(std::get<VerifierNeeded>(step).authentication_id, name);
  step = server.give_verifier({.verifier = verifier, .exists = true, .nonce = "xyz"});
  const ClientStep needed = client->respond(std::get<Challenge>(step).octets);
  const auto& key = std::get<KeyNeeded>(needed);
  const ClientStep final = client->give_key(
      crypto::scram_salted_password(Secret("p\xc3\xa4ss"), key.salt, key.iterations));
  step = server.respond(std::get<Secret>(final).reveal());
  const ClientStep end = client->respond(std::get<Challenge>(step).octets);
  EXPECT_TRUE(client->is_complete());
  EXPECT_TRUE(std::holds_alternative<Verified>(server.respond(std::get<Secret>(end).reveal())));
}

TEST(scram_client, calls_in_another_order_give_up) {
  const auto client = make_client("SCRAM-SHA-256", with_password(), client_nonce);
  EXPECT_EQ(print(client->give_key(Secret("key"))), "give up");
  const auto fresh = make_client("SCRAM-SHA-256", with_password(), client_nonce);
  (void)fresh->start();
  EXPECT_EQ(print(fresh->respond(server_final)), "give up");
  EXPECT_EQ(print(make_client("PLAIN", with_password(), "")->give_key(Secret("key"))), "give up");
}

}  // namespace
}  // namespace sasl
