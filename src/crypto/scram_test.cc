#include "crypto/scram.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "crypto/secret.h"

namespace crypto {
namespace {

// Made of the password "pencil" and the salt of [RFC7677 3].
constexpr std::string_view pencil =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

TEST(scram_verifier, is_made_of_a_password) {
  const std::string salt = base::base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==").value();
  EXPECT_EQ(make_scram_verifier(Secret("pencil"), salt, 4'096).print(), pencil);
  EXPECT_NE(make_scram_verifier(Secret("pencil"), salt, 4'097).print(), pencil);
  EXPECT_NE(make_scram_verifier(Secret("pencils"), salt, 4'096).stored_key,
            ScramVerifier::parse(pencil)->stored_key);
  EXPECT_EQ(make_scram_verifier(Secret(""), salt, 4'096).salt, salt);
}

TEST(scram_verifier, is_printed_as_it_was_read) {
  const auto verifier = ScramVerifier::parse(pencil);
  ASSERT_TRUE(verifier) << verifier.error();
  EXPECT_EQ(verifier->iterations, 4'096u);
  EXPECT_EQ(verifier->print(), pencil);
}

TEST(scram_verifier, every_cut_is_refused) {
  for (std::size_t i = 0; i < pencil.size(); ++i) {
    EXPECT_FALSE(ScramVerifier::parse(pencil.substr(0, i))) << i;
  }
}

std::string changed(std::string_view from, std::string_view to) {
  std::string out(pencil);
  const std::size_t at = out.find(from);
  EXPECT_NE(at, out.npos);
  return out.replace(at, from.size(), to);
}

TEST(scram_verifier, refuses_what_is_out_of_bounds) {
  const std::string salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
  for (const std::string& good :
       {changed("4096", "10000000"), changed(salt, base::base64_encode(std::string(8, 's'))),
        changed(salt, base::base64_encode(std::string(64, 's')))}) {
    EXPECT_TRUE(ScramVerifier::parse(good)) << good;
  }
  for (const std::string& bad :
       {changed("4096", "4095"), changed("4096", "10000001"), changed("4096", "-4096"),
        changed("4096", "99999999999"), changed("4096", "4096x"), changed("4096", ""),
        changed(salt, base::base64_encode(std::string(7, 's'))),
        changed(salt, base::base64_encode(std::string(65, 's'))), changed(salt, "?"),
        changed("SHA-256", "SHA-1"), changed("WG5d", ""), changed("wfPL", "????"),
        std::string(pencil) + "AAAA", " " + std::string(pencil)}) {
    EXPECT_FALSE(ScramVerifier::parse(bad)) << bad;
  }
}

TEST(scram_verifier, a_proof_of_another_length_proves_nothing) {
  const auto verifier = ScramVerifier::parse(pencil).value();
  for (const std::size_t size : {0u, 31u, 32u, 33u}) {
    EXPECT_FALSE(verify_scram_proof(verifier, "message", std::string(size, 'x')));
  }
}

}  // namespace
}  // namespace crypto
