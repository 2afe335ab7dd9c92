#include <fmt/format.h>
#include <gtest/gtest.h>

#include <type_traits>

#include "crypto/hash.h"
#include "crypto/password_hash.h"
#include "crypto/secret.h"

namespace crypto {
namespace {

std::string hex(std::string_view octets) {
  std::string out;
  for (const char c : octets) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

TEST(secret, cannot_be_copied_and_is_empty_after_a_move) {
  static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);
  Secret first("pass\0word");
  Secret second = std::move(first);
  EXPECT_TRUE(first.empty());
  EXPECT_EQ(second.reveal(), "pass");
  Secret third("old");
  third = std::move(second);
  EXPECT_EQ(third.reveal(), "pass");
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(third.clone().reveal(), "pass");
  EXPECT_EQ(Secret().reveal(), "");
  EXPECT_EQ(Secret("").size(), 0u);
}

TEST(secret, wiped_octets_are_zero) {
  char octets[] = "secret";
  wipe(octets, 6);
  EXPECT_EQ(std::string_view(octets, 6), std::string_view("\0\0\0\0\0\0", 6));
  std::string text = "a secret that is longer than a short string";
  const char* where = text.data();
  const std::size_t size = text.size();
  text.resize(3);
  wipe(text);
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(std::string(where + 1, size - 1), std::string(size - 1, '\0'));
}

TEST(secret, constant_time_comparison) {
  EXPECT_TRUE(equal_in_constant_time("", ""));
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abcd"));
}

TEST(hash, sha256_of_published_vectors) {  // [RFC6234 8.5]
  EXPECT_EQ(hex(octets_of(sha256("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(octets_of(sha256(""))),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(hash, hmac_sha256_of_published_vectors) {  // [RFC4231 4.2] [RFC4231 4.3] [RFC4231 4.7]
  EXPECT_EQ(hex(octets_of(hmac_sha256(std::string(20, '\x0b'), "Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(octets_of(hmac_sha256("Jefe", "what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(octets_of(hmac_sha256(std::string(131, '\xaa'),
                                      "Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(octets_of(hmac_sha256({}, {}))),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

constexpr Argon2Costs cheap = {.memory_kib = 64, .passes = 1, .lanes = 1};
constexpr std::string_view salt = "sixteen octets!!";

TEST(password_hash, right_and_wrong_passwords) {
  const auto hash = PasswordHash::make(Secret("correct horse"), salt, cheap);
  ASSERT_TRUE(hash.has_value());
  EXPECT_EQ(hash->verify(Secret("correct horse")), PasswordVerdict::right);
  EXPECT_EQ(hash->verify(Secret("correct horsf")), PasswordVerdict::wrong);
  EXPECT_EQ(hash->verify(Secret("")), PasswordVerdict::wrong);
  EXPECT_EQ(hash->verify(Secret(std::string(argon2_secret_octets_max + 1, 'x'))),
            PasswordVerdict::wrong);
}

TEST(password_hash, encoding_round_trip) {
  const auto hash =
      PasswordHash::make(Secret("p"), salt, {.memory_kib = 64, .passes = 3, .lanes = 2});
  ASSERT_TRUE(hash.has_value());
  const std::string text = hash->encode();
  EXPECT_TRUE(text.starts_with("$argon2id$v=19$m=64,t=3,p=2$c2l4dGVlbiBvY3RldHMhIQ$")) << text;
  const auto again = PasswordHash::parse(text);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->encode(), text);
  EXPECT_EQ(again->verify(Secret("p")), PasswordVerdict::right);
}

TEST(password_hash, a_hash_made_by_another_program) {
  // From the tests of the reference implementation: t=2, m=2^8, p=1.
  const auto hash = PasswordHash::parse(
      "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4");
  ASSERT_TRUE(hash.has_value());
  EXPECT_EQ(hash->verify(Secret("password")), PasswordVerdict::right);
  EXPECT_EQ(hash->verify(Secret("Password")), PasswordVerdict::wrong);
}

TEST(password_hash, nobody_knows_the_password_of_a_decoy) {
  const PasswordHash decoy = PasswordHash::decoy(cheap);
  EXPECT_EQ(decoy.costs(), cheap);
  EXPECT_EQ(decoy.verify(Secret("")), PasswordVerdict::wrong);
  EXPECT_TRUE(PasswordHash::parse(decoy.encode()).has_value());
}

TEST(password_hash, bounds_of_make) {
  const Secret secret("x");
  EXPECT_FALSE(PasswordHash::make(secret, "7octets", cheap));
  EXPECT_TRUE(PasswordHash::make(secret, "8 octets", cheap));
  EXPECT_TRUE(PasswordHash::make(secret, std::string(argon2_salt_octets_max, 's'), cheap));
  EXPECT_FALSE(PasswordHash::make(secret, std::string(argon2_salt_octets_max + 1, 's'), cheap));
  EXPECT_FALSE(PasswordHash::make(secret, salt, {.memory_kib = 7, .passes = 1, .lanes = 1}));
  EXPECT_TRUE(PasswordHash::make(secret, salt, {.memory_kib = 8, .passes = 1, .lanes = 1}));
  EXPECT_FALSE(
      PasswordHash::make(Secret(std::string(argon2_secret_octets_max + 1, 'x')), salt, cheap));
}

struct RefusedHash {
  std::string_view name;
  std::string_view text;
  std::string_view why;  ///< Part of the message.
};

const RefusedHash refused_hashes[] = {
    {"empty", "", "form"},
    {"plain text", "secret", "form"},
    {"argon2i", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "form"},
    {"argon2d", "$argon2d$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "form"},
    {"version 1.0", "$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "form"},
    {"no version", "$argon2id$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "form"},
    {"crypt of SHA-512", "$6$salt$abcdef", "form"},
    {"no parameters", "$argon2id$v=19$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "parameters"},
    {"parameters in another order",
     "$argon2id$v=19$t=1,m=64,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "parameters"},
    {"empty number", "$argon2id$v=19$m=,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "parameters"},
    {"leading zero", "$argon2id$v=19$m=064,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
     "parameters"},
    {"negative", "$argon2id$v=19$m=-64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "parameters"},
    {"number beyond 32 bits",
     "$argon2id$v=19$m=4294967296,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "parameters"},
    {"more than 1 GiB", "$argon2id$v=19$m=1048577,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
     "costs too much"},
    {"too many passes", "$argon2id$v=19$m=64,t=65,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
     "costs too much"},
    {"memory times passes", "$argon2id$v=19$m=1048576,t=5,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
     "costs too much"},
    {"too many lanes", "$argon2id$v=19$m=1024,t=1,p=17$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
     "costs too much"},
    {"no pass", "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "costs too much"},
    {"no lane", "$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", "costs too much"},
    {"too little memory", "$argon2id$v=19$m=15,t=1,p=2$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
     "m at least"},
    {"no tag", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ", "tag is missing"},
    {"short salt", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbA$nf65EOgLrQMR/uIPnA4rEg", "salt of"},
    {"salt with padding", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ=$nf65EOgLrQMR/uIPnA4rEg",
     "salt of"},
    {"salt is no base 64", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNh!HQ$nf65EOgLrQMR/uIPnA4rEg",
     "salt of"},
    {"short tag", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4r", "tag of"},
    {"text behind", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg$", "tag of"},
    {"line end behind", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg\n",
     "tag of"},
};

TEST(password_hash, malformed_and_costly_hashes_are_refused) {
  for (const RefusedHash& row : refused_hashes) {
    const auto hash = PasswordHash::parse(row.text);
    ASSERT_FALSE(hash.has_value()) << row.name;
    EXPECT_NE(hash.error().find(row.why), std::string::npos) << row.name << ": " << hash.error();
  }
}

TEST(password_hash, hashes_at_the_limits_are_taken) {
  for (const std::string_view costs : {"m=1048576,t=4,p=16", "m=65536,t=64,p=1", "m=8,t=1,p=1"}) {
    const std::string text =
        fmt::format("$argon2id$v=19${}$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg", costs);
    EXPECT_TRUE(PasswordHash::parse(text).has_value()) << text;
  }
}

TEST(password_hash, every_cut_of_a_hash_is_refused) {
  const std::string text = PasswordHash::make(Secret("p"), salt, cheap)->encode();
  const std::size_t tag_min = text.rfind('$') + 1 + 22;  // 16 octets in base 64.
  for (std::size_t size = 0; size < tag_min; ++size) {
    EXPECT_FALSE(PasswordHash::parse(text.substr(0, size)).has_value()) << size;
  }
}

}  // namespace
}  // namespace crypto
