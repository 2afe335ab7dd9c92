#include "sasl/scram.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "crypto/secret.h"

namespace sasl {
namespace {

using namespace std::string_view_literals;

// The exchange of [RFC7677 3]: user "user", password "pencil".
constexpr std::string_view client_first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view server_first =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view client_final =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view server_final = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

crypto::ScramVerifier pencil() {
  return crypto::make_scram_verifier(
      crypto::Secret("pencil"), base::base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==").value(), 4'096);
}

std::string print(const Step& step) {
  if (const auto* challenge = std::get_if<Challenge>(&step))
    return "challenge " + challenge->octets;
  if (const auto* needed = std::get_if<VerifierNeeded>(&step)) {
    return "verifier of " + needed->authentication_id;
  }
  if (const auto* verified = std::get_if<Verified>(&step)) {
    return "verified " + verified->authentication_id;
  }
  const auto* failed = std::get_if<Failed>(&step);
  return failed == nullptr ? "?" : "failed " + std::to_string(static_cast<int>(failed->code));
}
std::string failed(FailureCode code) { return print(Failed{code}); }

/// Up to the proof, as the client has it.
Step prove(std::string_view first, std::string_view final, bool exists = true) {
  ScramServer server;
  Step step = server.start(first);
  if (!std::holds_alternative<VerifierNeeded>(step)) return step;
  const crypto::ScramVerifier verifier = pencil();
  step = server.give_verifier({.verifier = verifier, .exists = exists, .nonce = server_nonce});
  if (!std::holds_alternative<Challenge>(step)) return step;
  return server.respond(final);
}

TEST(scram, is_the_exchange_of_the_standard) {
  for (const bool has_initial : {true, false}) {
    ScramServer server;
    Step step = server.start(has_initial ? std::optional(client_first) : std::nullopt);
    if (!has_initial) {
      EXPECT_EQ(print(step), "challenge ");
      step = server.respond(client_first);
    }
    EXPECT_EQ(print(step), "verifier of user");
    const crypto::ScramVerifier verifier = pencil();
    step = server.give_verifier({.verifier = verifier, .exists = true, .nonce = server_nonce});
    EXPECT_EQ(print(step), "challenge " + std::string(server_first));
    EXPECT_EQ(print(server.respond(client_final)), "challenge " + std::string(server_final));
    EXPECT_EQ(print(server.respond("")), "verified user");
    EXPECT_EQ(print(server.respond("")), failed(FailureCode::unexpected_state));
  }
}

TEST(scram, a_decoy_is_never_proved) {
  EXPECT_EQ(print(prove(client_first, client_final, false)), failed(FailureCode::wrong_proof));
}

TEST(scram, every_changed_octet_of_the_final_message_is_refused) {
  for (std::size_t i = 0; i < client_final.size(); ++i) {
    std::string changed(client_final);
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const Step step = prove(client_first, changed);
    EXPECT_TRUE(std::holds_alternative<Failed>(step)) << i;
  }
}

struct FirstCase {
  std::string_view name;
  std::string message;
  std::string want;
};

const FirstCase first_cases[] = {
    {"a client that knows channel bindings", "y,,n=user,r=abc", "verifier of user"},
    {"the same identity twice", "n,a=user,n=user,r=abc", "verifier of user"},
    {"an empty identity beside the name", "n,a=,n=user,r=abc", "verifier of user"},
    {"encoded commas and equals signs", "n,,n=a=2Cb=3Dc,r=abc", "verifier of a,b=c"},
    {"unknown extensions", "n,,n=user,r=abc,x=1,y=2", "verifier of user"},
    {"a nonce of full length", "n,,n=user,r=" + std::string(256, 'x'), "verifier of user"},
    {"a name of full length", "n,,n=" + std::string(name_octets_max, 'x') + ",r=abc",
     "verifier of " + std::string(name_octets_max, 'x')},
    {"a channel binding", "p=tls-unique,,n=user,r=abc", failed(FailureCode::malformed)},
    {"another flag", "x,,n=user,r=abc", failed(FailureCode::malformed)},
    {"no header", "n=user,r=abc", failed(FailureCode::malformed)},
    {"another identity", "n,a=admin,n=user,r=abc", failed(FailureCode::other_identity)},
    {"a mandatory extension", "n,,m=1,n=user,r=abc", failed(FailureCode::malformed)},
    {"no name", "n,,n=,r=abc", failed(FailureCode::malformed)},
    {"no nonce", "n,,n=user", failed(FailureCode::malformed)},
    {"an empty nonce", "n,,n=user,r=", failed(FailureCode::malformed)},
    {"a nonce with a space", "n,,n=user,r=a b", failed(FailureCode::malformed)},
    {"a nonce too long", "n,,n=user,r=" + std::string(257, 'x'), failed(FailureCode::malformed)},
    {"a name too long", "n,,n=" + std::string(name_octets_max + 1, 'x') + ",r=abc",
     failed(FailureCode::too_long)},
    {"a message too long", std::string(response_octets_max + 1, 'x'),
     failed(FailureCode::too_long)},
    {"a bare equals sign", "n,,n=a=b,r=abc", failed(FailureCode::malformed)},
    {"lower-case codes", "n,,n=a=2cb,r=abc", failed(FailureCode::malformed)},
    {"not UTF-8", "n,,n=\xff,r=abc", failed(FailureCode::malformed)},
    {"NUL", std::string("n,,n=a\0b,r=abc"sv), failed(FailureCode::malformed)},
    {"nothing", "", failed(FailureCode::malformed)},
};

TEST(scram, reads_the_first_message) {
  for (const FirstCase& row : first_cases) {
    ScramServer server;
    EXPECT_EQ(print(server.start(row.message)), row.want) << row.name;
  }
}

TEST(scram, reads_the_final_message) {
  const std::string nonce = "r=rOprNGfwEbeRWgbNEkqO" + std::string(server_nonce);
  for (const std::string& message :
       {std::string(), std::string("p=AAAA"), "c=biws," + nonce, std::string("c=biws,p=AAAA"),
        nonce + ",c=biws,p=AAAA", "c=biws," + nonce + ",p=?"}) {
    EXPECT_EQ(print(prove(client_first, message)), failed(FailureCode::malformed)) << message;
  }
  for (const std::string& message :
       {"c=biws," + nonce + ",p=AAAA", "c=eSws," + nonce + ",p=AAAA",
        std::string("c=biws,r=x,p=AAAA"), "c=biws," + nonce + ",x=1,p=AAAA"}) {
    EXPECT_EQ(print(prove(client_first, message)), failed(FailureCode::wrong_proof)) << message;
  }
}

TEST(scram, takes_nothing_out_of_order) {
  ScramServer server;
  EXPECT_EQ(print(server.respond(client_first)), failed(FailureCode::unexpected_state));
  ScramServer early;
  const crypto::ScramVerifier verifier = pencil();
  EXPECT_EQ(print(early.give_verifier({.verifier = verifier, .exists = true, .nonce = "x"})),
            failed(FailureCode::unexpected_state));
  ScramServer hasty;
  EXPECT_EQ(print(hasty.start(client_first)), "verifier of user");
  EXPECT_EQ(print(hasty.respond(client_final)), failed(FailureCode::unexpected_state));
}

}  // namespace
}  // namespace sasl
