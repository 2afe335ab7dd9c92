#include "directory/expansion.h"

#include <gtest/gtest.h>

#include "directory/snapshot.h"

namespace directory {
namespace {

grammar::Domain domain(std::string_view text) { return *grammar::Domain::parse(text); }
grammar::Mailbox mailbox(std::string_view text) { return *grammar::Mailbox::parse(text); }

Alias alias(std::string_view address, std::initializer_list<std::string_view> to) {
  Alias out{.address = mailbox(address), .to = {}};
  for (const std::string_view target : to) out.to.push_back(mailbox(target));
  return out;
}

SnapshotParts example() {
  SnapshotParts parts;
  parts.domains = {
      {.name = domain("Example.org")},
      {.name = domain("any.example"), .recipients = Recipients::any},
      {.name = domain("ask.example"), .recipients = Recipients::ask},
      {.name = domain("noplus.example"), .plus_addressing = false},
      {.name = domain("caught.example"), .catch_all = mailbox("Catcher@caught.example")},
      {.name = domain("passed.example"), .catch_all = mailbox("team@example.org")},
      {.name = domain("dangling.example"), .catch_all = mailbox("nobody@example.org")},
      {.name = domain("m\u00fcnchen.example")},
  };
  for (const std::string_view address :
       {"Alice@example.org", "bob@example.org", "carol@example.org", "dora@noplus.example",
        "catcher@caught.example", "known@ask.example", "j\u00f6rg@M\u00dcNCHEN.example"}) {
    parts.users.push_back({.mailbox = mailbox(address), .password = {}, .may_send_as = {}});
  }
  parts.aliases = {
      alias("sales@example.org", {"alice@example.org"}),
      alias("Team@example.org", {"ALICE@EXAMPLE.org", "bob@example.org"}),
      alias("all@example.org", {"team@example.org", "sales@example.org", "carol@example.org"}),
      alias("away@example.org", {"Ann@Elsewhere.example", "ann@elsewhere.example"}),
      alias("both@example.org", {"bob@example.org", "x@elsewhere.example"}),
      // Names itself.
      alias("bob@example.org", {"bob@example.org", "bob@elsewhere.example"}),
      alias("carol@example.org", {"alice@example.org"}),
      alias("nothing@example.org", {"nothing@example.org"}),
      alias("narcissus@any.example", {"Narcissus@any.example", "echo@any.example"}),
      alias("postmaster@any.example", {"postmaster@any.example", "alice@example.org"}),
      // Loops.
      alias("a@example.org", {"b@example.org"}),
      alias("b@example.org", {"c@example.org"}),
      alias("c@example.org", {"a@example.org"}),
      alias("half@example.org", {"a@example.org", "alice@example.org"}),
      alias("x@noplus.example", {"dora@noplus.example"}),
      alias("dora@noplus.example", {"x@noplus.example"}),
      alias("diamond@example.org", {"left@example.org", "right@example.org"}),
      alias("left@example.org", {"carol@example.org"}),
      alias("right@example.org", {"carol@example.org", "left@example.org"}),
      // What is not there.
      alias("gone@example.org", {"nobody@example.org"}),
      alias("some@example.org", {"nobody@example.org", "alice@example.org"}),
      alias("empty@example.org", {}),
      // Other domains of ours.
      alias("across@example.org", {"Anybody@any.example", "who@ask.example", "x@caught.example"}),
      alias("plus@example.org", {"alice+a@example.org", "alice+b@example.org"}),
      alias("a+b@example.org", {"bob+list@example.org"}),
      alias("post@m\u00fcnchen.example", {"j\u00f6rg@xn--mnchen-3ya.example"}),
      alias("helper@ask.example", {"known@ask.example"}),
      alias("info@caught.example", {"alice@example.org"}),
  };
  return parts;
}

/// The kind, or the targets; `*` before what an alias has led to, `?` before what must be asked.
std::string print(const Expansion& expansion) {
  std::string out;
  switch (expansion.kind) {
    case Expansion::Kind::not_local: return "not_local";
    case Expansion::Kind::unknown: return "unknown";
    case Expansion::Kind::loop: return "loop";
    case Expansion::Kind::too_many: return "too_many";
    case Expansion::Kind::ask: out = "?"; break;
    case Expansion::Kind::targets: out = expansion.aliased ? "*" : ""; break;
  }
  for (const auto& target : expansion.targets) {
    out += (out.size() > 1 ? " " : "") + target.mailbox.print();
  }
  return out;
}

struct ExpandCase {
  std::string_view name, address, want;
};

const ExpandCase cases[] = {
    {"another domain", "alice@elsewhere.example", "not_local"},
    {"a user", "ALICE@example.org", "Alice@example.org"},
    {"a plus address of a user", "alice+x@example.org", "Alice@example.org"},
    {"unknown", "nobody@example.org", "unknown"},
    {"no alias of another domain", "sales@any.example", "sales@any.example"},
    {"an alias", "sales@example.org", "*Alice@example.org"},
    {"in any case", "SALES@EXAMPLE.ORG", "*Alice@example.org"},
    {"in quotes", "\"sales\"@example.org", "*Alice@example.org"},
    {"a plus address of an alias", "sales+x@example.org", "*Alice@example.org"},
    {"the longest name wins", "a+b@example.org", "*bob@example.org bob@elsewhere.example"},
    {"and its plus addresses", "A+B+x@example.org", "*bob@example.org bob@elsewhere.example"},
    {"no plus addressing", "x+y@noplus.example", "unknown"},
    {"two targets, one an alias", "team@example.org",
     "*Alice@example.org bob@example.org bob@elsewhere.example"},
    {"a tree: each target once", "all@example.org",
     "*Alice@example.org bob@example.org bob@elsewhere.example"},
    {"elsewhere the case of local-parts counts", "away@example.org",
     "*Ann@Elsewhere.example ann@elsewhere.example"},
    {"here and elsewhere", "both@example.org",
     "*bob@example.org bob@elsewhere.example x@elsewhere.example"},
    {"names itself: keeps a copy", "bob@example.org", "*bob@example.org bob@elsewhere.example"},
    {"does not name itself: no copy", "carol@example.org", "*Alice@example.org"},
    {"names itself, but there is no mailbox", "nothing@example.org", "loop"},
    {"names itself where everybody is known", "NARCISSUS@any.example",
     "*narcissus@any.example echo@any.example"},
    {"postmaster names itself", "Postmaster@any.example",
     "*postmaster@any.example Alice@example.org"},
    {"a loop", "a@example.org", "loop"},
    {"a loop, entered in the middle", "c+x@example.org", "loop"},
    {"a loop beside a mailbox", "half@example.org", "*Alice@example.org"},
    {"a loop through a mailbox", "dora@noplus.example", "*dora@noplus.example"},
    {"a loop through a mailbox, from its other end", "x@noplus.example", "*dora@noplus.example"},
    {"reached twice is no loop, and no copy", "diamond@example.org", "*Alice@example.org"},
    {"leads to nothing known", "gone@example.org", "unknown"},
    {"an unknown target beside a known one is told to the originator", "some@example.org",
     "*nobody@example.org Alice@example.org"},
    {"leads nowhere", "empty@example.org", "unknown"},
    {"into other domains of ours", "across@example.org",
     "*anybody@any.example who@ask.example catcher@caught.example"},
    {"plus addresses of one mailbox", "plus@example.org", "*Alice@example.org"},
    {"U-label and A-label", "POST@xn--mnchen-3ya.example", "*j\u00f6rg@M\u00dcNCHEN.example"},
    {"ask: listed", "KNOWN@ask.example", "known@ask.example"},
    {"ask: an alias", "helper@ask.example", "*known@ask.example"},
    {"ask: others", "Who+x@ask.example", "?who@ask.example"},
    {"ask: postmaster is known always", "PostMaster@ask.example", "postmaster@ask.example"},
    {"any", "Anybody+x@any.example", "anybody@any.example"},
    {"catch-all", "whoever@caught.example", "catcher@caught.example"},
    {"catch-all: its own address", "CATCHER+x@caught.example", "catcher@caught.example"},
    {"catch-all: listed ones stay", "info@caught.example", "*Alice@example.org"},
    {"catch-all: postmaster is known", "postmaster@caught.example", "postmaster@caught.example"},
    {"catch-all: an alias of another domain", "whoever@passed.example",
     "*Alice@example.org bob@example.org bob@elsewhere.example"},
    {"catch-all: to nobody", "whoever@dangling.example", "unknown"},
    {"postmaster is known always", "POSTMASTER@example.org", "postmaster@Example.org"},
};

TEST(expand, each_address_becomes_its_targets) {
  const Snapshot snapshot(example());
  for (const ExpandCase& row : cases) {
    EXPECT_EQ(print(snapshot.expand(mailbox(row.address))), row.want) << row.name;
  }
}

TEST(expand, tells_the_domain_of_the_recipient) {
  const Snapshot snapshot(example());
  EXPECT_EQ(snapshot.expand(mailbox("who@ask.example")).domain->name, domain("ask.example"));
  EXPECT_EQ(snapshot.expand(mailbox("across@example.org")).domain->name, domain("example.org"));
  EXPECT_EQ(snapshot.expand(mailbox("a@b.example")).domain, nullptr);
}

TEST(expand, postmaster_without_a_domain_is_that_of_the_first_domain) {
  const grammar::Mailbox bare{.local = *grammar::LocalPart::from_value("PostMaster"), .domain = {}};
  EXPECT_EQ(print(Snapshot(example()).expand(bare)), "postmaster@Example.org");
  SnapshotParts parts = example();
  parts.aliases.push_back(alias("postmaster@example.org", {"bob@elsewhere.example"}));
  EXPECT_EQ(print(Snapshot(std::move(parts)).expand(bare)), "*bob@elsewhere.example");
  EXPECT_EQ(print(Snapshot({}).expand(bare)), "not_local");
}

std::string numbered(std::size_t number, std::string_view domain) {
  return "n" + std::to_string(number) + "@" + std::string(domain);
}

TEST(expand, up_to_a_thousand_targets) {
  for (const std::size_t count : {expansion_targets_max, expansion_targets_max + 1}) {
    SnapshotParts parts = example();
    Alias many = alias("many@example.org", {});
    for (std::size_t i = 0; i < count; ++i) {
      many.to.push_back(mailbox(numbered(i, "elsewhere.example")));
    }
    parts.aliases.push_back(std::move(many));
    const Expansion expansion = Snapshot(std::move(parts)).expand(mailbox("many@example.org"));
    const bool fits = count == expansion_targets_max;
    EXPECT_EQ(expansion.kind, fits ? Expansion::Kind::targets : Expansion::Kind::too_many);
    EXPECT_EQ(expansion.targets.size(), fits ? count : 0);
  }
}

/// n0 → n1 → … → alice.
Snapshot chain(std::size_t length) {
  SnapshotParts parts = example();
  for (std::size_t i = 0; i < length; ++i) {
    parts.aliases.push_back({.address = mailbox(numbered(i, "example.org")),
                             .to = {mailbox(numbered(i + 1, "example.org"))}});
  }
  parts.aliases.back().to = {mailbox("alice@example.org")};
  return Snapshot(std::move(parts));
}

TEST(expand, a_chain_up_to_the_bound_of_the_work) {
  const auto first = mailbox(numbered(0, "example.org"));
  const std::size_t longest = expansion_steps_max - 1;  // And alice.
  EXPECT_EQ(print(chain(longest).expand(first)), "*Alice@example.org");
  EXPECT_EQ(print(chain(longest + 1).expand(first)), "too_many");
}

TEST(expand, every_other_domain_needs_no_alias) {
  SnapshotParts parts = example();
  parts.every_other_domain = LocalDomain{.recipients = Recipients::any, .plus_addressing = false};
  const Snapshot snapshot(std::move(parts));
  EXPECT_EQ(print(snapshot.expand(mailbox("Ann+x@Other.example"))), "ann+x@Other.example");
  EXPECT_EQ(print(snapshot.expand(mailbox("sales@example.org"))), "*Alice@example.org");
}

struct SenderCase {
  std::string_view user, sender;
  bool allowed;
};

const SenderCase sender_cases[] = {
    {"alice@example.org", "sales@example.org", true},
    {"alice@example.org", "SALES+x@EXAMPLE.org", true},
    {"alice@example.org", "all@example.org", true},
    {"alice@example.org", "carol@example.org", true},  // Whose mail she gets.
    {"carol@example.org", "carol@example.org", true},
    {"bob@example.org", "bob@example.org", true},
    {"bob@example.org", "team@example.org", true},
    {"bob@example.org", "sales@example.org", false},
    {"alice@example.org", "a@example.org", false},
    {"alice@example.org", "half@example.org", true},
    {"alice@example.org", "gone@example.org", false},
    {"carol@example.org", "sales@example.org", false},
    {"catcher@caught.example", "catcher@caught.example", true},
    {"catcher@caught.example", "whoever@caught.example", false},
    {"catcher@caught.example", "postmaster@caught.example", false},
    {"alice@example.org", "info@caught.example", true},
    {"alice@example.org", "sales@elsewhere.example", false},
};

TEST(may_send_as, an_alias_belongs_to_the_users_it_leads_to) {
  const Snapshot snapshot(example());
  for (const SenderCase& row : sender_cases) {
    const User* user = snapshot.find_user(row.user);
    ASSERT_NE(user, nullptr) << row.user;
    EXPECT_EQ(snapshot.may_send_as(*user, mailbox(row.sender)), row.allowed)
        << row.user << " as " << row.sender;
  }
}

}  // namespace
}  // namespace directory
