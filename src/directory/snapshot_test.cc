#include "directory/snapshot.h"

#include <gtest/gtest.h>

#include "crypto/secret.h"

namespace directory {
namespace {

constexpr crypto::Argon2Costs cheap = {.memory_kib = 64, .passes = 1, .lanes = 1};
constexpr crypto::Argon2Costs dearer = {.memory_kib = 128, .passes = 1, .lanes = 1};

grammar::Domain domain(std::string_view text) { return *grammar::Domain::parse(text); }
grammar::Mailbox mailbox(std::string_view text) { return *grammar::Mailbox::parse(text); }
grammar::Mailbox bare_postmaster(std::string_view local) {
  return {.local = *grammar::LocalPart::from_value(local)};
}

User user(std::string_view address, std::string_view password = "",
          std::initializer_list<std::string_view> may_send_as = {},
          const crypto::Argon2Costs& costs = cheap) {
  User out{.mailbox = mailbox(address)};
  if (!password.empty()) {
    out.password = crypto::PasswordHash::make(crypto::Secret(password), "salt of 16 octets", costs);
  }
  for (const auto text : may_send_as) out.may_send_as.push_back(*SenderPattern::parse(text));
  return out;
}

SnapshotParts example() {
  SnapshotParts parts;
  parts.domains.push_back({.name = domain("Example.org"), .deliver = "maildir:/m"});
  parts.domains.push_back(
      {.name = domain("any.example"), .deliver = "discard:", .recipients = Recipients::any});
  parts.domains.push_back({.name = domain("noplus.example"), .plus_addressing = false});
  parts.domains.push_back({.name = domain("m\u00fcnchen.example")});
  parts.users.push_back(
      user("Alice@example.org", "wonder", {"sales@example.org", "*@shop.example"}));
  parts.users.push_back(user("c++@example.org"));
  parts.users.push_back(user("\"two words\"@example.org", "w"));
  parts.users.push_back(user("Root@any.example", "r", {"*"}, dearer));
  parts.users.push_back(user("bob@noplus.example", "b"));
  parts.users.push_back(user("PostMaster@noplus.example"));
  parts.users.push_back(user("j\u00f6rg@M\u00dcNCHEN.example"));
  return parts;
}

/// "not_local", "unknown", or the mailbox, "+" and the detail, "!" when it is a user's.
std::string print(const Resolution& resolution) {
  switch (resolution.kind) {
    case Resolution::Kind::not_local: return "not_local";
    case Resolution::Kind::unknown: return "unknown";
    case Resolution::Kind::mailbox: break;
  }
  std::string out = resolution.mailbox.print();
  if (!resolution.detail.empty()) out += " +" + resolution.detail;
  if (resolution.user != nullptr) out += " !";
  return out;
}

struct ResolveCase {
  std::string_view name;
  std::string_view address;
  std::string_view want;
};

const ResolveCase resolve_cases[] = {
    {"another domain", "alice@elsewhere.example", "not_local"},
    {"a subdomain is another domain", "alice@sub.example.org", "not_local"},
    {"an address literal", "alice@[127.0.0.1]", "not_local"},
    {"a user", "Alice@example.org", "Alice@example.org !"},
    {"case of the local-part", "aLICE@example.org", "Alice@example.org !"},
    {"case of the domain", "alice@EXAMPLE.Org", "Alice@example.org !"},
    {"quotes mean nothing", "\"alice\"@example.org", "Alice@example.org !"},
    {"unknown", "bob@example.org", "unknown"},
    {"known elsewhere only", "root@example.org", "unknown"},
    {"plus address", "alice+lists@example.org", "Alice@example.org +lists !"},
    {"detail keeps its case", "ALICE+Lists@example.org", "Alice@example.org +Lists !"},
    {"detail with a plus", "alice+a+b@example.org", "Alice@example.org +a+b !"},
    {"empty detail", "alice+@example.org", "Alice@example.org !"},
    {"nothing before the plus", "+alice@example.org", "unknown"},
    {"plus address of nobody", "bob+x@example.org", "unknown"},
    {"a user with pluses in the name", "c++@example.org", "c++@example.org !"},
    {"and a plus address of it", "c+++x@example.org", "c++@example.org +x !"},
    {"not all of its pluses", "c+@example.org", "unknown"},
    {"a user in quotes", "\"Two Words\"@example.org", "\"two words\"@example.org !"},
    {"plus address in quotes", "\"two words+x\"@example.org", "\"two words\"@example.org +x !"},
    {"no plus addressing", "bob+x@noplus.example", "unknown"},
    {"percent means nothing", "alice%example.org@example.org", "unknown"},
    {"bang means nothing", "example.org!alice@example.org", "unknown"},
    {"postmaster is always known", "postmaster@example.org", "postmaster@Example.org"},
    {"in any case", "POSTMASTER@example.org", "postmaster@Example.org"},
    {"postmaster with detail", "Postmaster+x@example.org", "postmaster@Example.org +x"},
    {"postmaster who is a user", "postmaster@noplus.example", "PostMaster@noplus.example !"},
    {"postmaster without plus addressing", "postmaster+x@noplus.example", "unknown"},
    {"any: everybody, in lower case", "Nobody@ANY.example", "nobody@any.example"},
    {"any: a user", "root@any.example", "Root@any.example !"},
    {"any: plus address", "Nobody+X@any.example", "nobody@any.example +X"},
    {"any: plus address of a user", "ROOT+X@any.example", "Root@any.example +X !"},
    {"any: a leading plus is no detail", "+x@any.example", "+x@any.example"},
    {"any: first plus", "a+b+c@any.example", "a@any.example +b+c"},
    {"any: base that needs quotes", "a.+b@any.example", "\"a.\"@any.example +b"},
    {"U-label", "j\u00f6rg@m\u00fcnchen.example", "j\u00f6rg@M\u00dcNCHEN.example !"},
    {"A-label", "j\u00f6rg@xn--mnchen-3ya.example", "j\u00f6rg@M\u00dcNCHEN.example !"},
    {"case beyond ASCII counts", "J\u00d6RG@m\u00fcnchen.example", "unknown"},
};

TEST(snapshot, resolves_addresses) {
  const Snapshot snapshot(example());
  for (const ResolveCase& row : resolve_cases) {
    const auto address = grammar::Mailbox::parse(row.address);
    const std::string got = address ? print(snapshot.resolve(*address)) : "unparsable";
    EXPECT_EQ(got, row.want) << row.name;
  }
}

TEST(snapshot, a_base_that_is_too_long_in_quotes_is_no_mailbox) {
  const Snapshot snapshot(example());
  const std::size_t longest = grammar::local_part_octets_max - 3;  // Dot, and two quotes.
  for (const std::size_t size : {longest, longest + 1}) {
    const auto address = grammar::Mailbox::parse(std::string(size, 'a') + ".+@any.example");
    ASSERT_TRUE(address.has_value());
    const auto want = size == longest ? Resolution::Kind::mailbox : Resolution::Kind::unknown;
    EXPECT_EQ(snapshot.resolve(*address).kind, want);
  }
}

TEST(snapshot, postmaster_without_a_domain_is_that_of_the_first_domain) {
  const Snapshot snapshot(example());
  EXPECT_EQ(print(snapshot.resolve(bare_postmaster("PostMaster"))), "postmaster@Example.org");
  EXPECT_EQ(print(Snapshot({}).resolve(bare_postmaster("postmaster"))), "not_local");
}

TEST(snapshot, tells_the_domain_of_an_unknown_recipient) {
  const Snapshot snapshot(example());
  const Resolution resolution = snapshot.resolve(mailbox("bob@example.org"));
  ASSERT_NE(resolution.domain, nullptr);
  EXPECT_EQ(resolution.domain->deliver, "maildir:/m");
}

TEST(snapshot, every_other_domain_takes_what_is_left) {
  SnapshotParts parts = example();
  parts.every_other_domain = LocalDomain{
      .deliver = "maildir:/all", .recipients = Recipients::any, .plus_addressing = false};
  const Snapshot snapshot(std::move(parts));
  EXPECT_EQ(print(snapshot.resolve(mailbox("Ann+x@Other.example"))), "ann+x@Other.example");
  EXPECT_EQ(print(snapshot.resolve(mailbox("ann@[192.0.2.1]"))), "ann@[192.0.2.1]");
  EXPECT_EQ(print(snapshot.resolve(mailbox("bob@example.org"))), "unknown");
}

TEST(snapshot, knows_nothing_without_domains) {
  const Snapshot snapshot({});
  EXPECT_EQ(print(snapshot.resolve(mailbox("a@b.example"))), "not_local");
  EXPECT_EQ(snapshot.find_user("a@b.example"), nullptr);
  EXPECT_EQ(snapshot.find_login("a@b.example").user, nullptr);
}

struct LoginCase {
  std::string_view name;
  std::string_view login;
  std::string_view password;
  bool right;
};

const LoginCase login_cases[] = {
    {"the right password", "alice@example.org", "wonder", true},
    {"case of the name does not count", "ALICE@Example.ORG", "wonder", true},
    {"case of the password does", "alice@example.org", "Wonder", false},
    {"an empty password", "alice@example.org", "", false},
    {"no such user", "nobody@example.org", "wonder", false},
    {"user without login", "c++@example.org", "", false},
    {"plus addresses are no logins", "alice+x@example.org", "wonder", false},
    {"the password of another user", "alice@example.org", "r", false},
    {"no address", "alice", "wonder", false},
    {"empty name", "", "wonder", false},
    {"junk", "a@b@c\r\n", "wonder", false},
};

TEST(snapshot, logins) {
  const Snapshot snapshot(example());
  for (const LoginCase& row : login_cases) {
    const Login login = snapshot.find_login(row.login);
    const auto verdict = verify(login, crypto::Secret(row.password));
    EXPECT_EQ(verdict == crypto::PasswordVerdict::right, row.right) << row.name;
  }
}

TEST(snapshot, a_login_of_nobody_costs_what_a_login_of_somebody_costs) {
  const Snapshot snapshot(example());
  bool seen_cheap = false;
  bool seen_dearer = false;
  for (int i = 0; i < 100; ++i) {
    const std::string name = "nobody" + std::to_string(i) + "@example.org";
    const Login login = snapshot.find_login(name);
    EXPECT_EQ(login.user, nullptr);
    EXPECT_EQ(login.hash.costs(), snapshot.find_login(name).hash.costs());
    seen_cheap |= login.hash.costs() == cheap;
    seen_dearer |= login.hash.costs() == dearer;
  }
  EXPECT_TRUE(seen_cheap && seen_dearer);
}

TEST(snapshot, a_login_without_user_is_never_right) {
  const auto hash = crypto::PasswordHash::make(crypto::Secret("p"), "salt of 16 octets", cheap);
  const Login login{.user = nullptr, .hash = *hash};
  EXPECT_EQ(verify(login, crypto::Secret("p")), crypto::PasswordVerdict::wrong);
}

struct SenderCase {
  std::string_view user;
  std::string_view sender;
  bool allowed;
};

const SenderCase sender_cases[] = {
    {"alice@example.org", "alice@example.org", true},
    {"alice@example.org", "ALICE@EXAMPLE.ORG", true},
    {"alice@example.org", "alice+list@example.org", true},
    {"alice@example.org", "sales@example.org", true},
    {"alice@example.org", "SALES@Example.org", true},
    {"alice@example.org", "sales+x@example.org", false},
    {"alice@example.org", "anyone@shop.example", true},
    {"alice@example.org", "anyone@SHOP.example", true},
    {"alice@example.org", "anyone@eu.shop.example", false},
    {"alice@example.org", "anyone@myshop.example", false},
    {"alice@example.org", "bob@example.org", false},
    {"alice@example.org", "alice@any.example", false},
    {"alice@example.org", "postmaster@example.org", false},
    {"bob@noplus.example", "bob@noplus.example", true},
    {"bob@noplus.example", "bob+x@noplus.example", false},
    {"root@any.example", "anyone@anywhere.example", true},
};

TEST(snapshot, users_send_as_themselves_and_as_they_may) {
  const Snapshot snapshot(example());
  for (const SenderCase& row : sender_cases) {
    const User* sender = snapshot.find_user(row.user);
    ASSERT_NE(sender, nullptr) << row.user;
    EXPECT_EQ(snapshot.may_send_as(*sender, mailbox(row.sender)), row.allowed)
        << row.user << " as " << row.sender;
  }
}

TEST(sender_pattern, what_is_no_pattern) {
  for (const std::string_view text :
       {"", "**", "*@", "@example.org", "example.org", "*.example.org", "*@*", "*@*.example.org",
        "a*@", "<a@b.example>", "a@b.example ", "*@a..b"}) {
    EXPECT_FALSE(SenderPattern::parse(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace directory
