#include <gtest/gtest.h>

#include <map>

#include "config/config.h"
#include "directory/snapshot.h"

namespace config {
namespace {

constexpr std::string_view head = R"(
[privileges]
user = "ph"
[[domain]]
name = "a.test"
deliver = "discard:"
[[domain]]
name = "b.test"
deliver = "discard:"
[[user]]
address = "ann@a.test"
[[user]]
address = "bob@b.test"
[[alias]]
address = "taken@a.test"
to = ["ann@a.test"]
)";

/// A world of a few files.
struct Files {
  std::map<std::string, std::string> texts;
  std::map<std::string, std::vector<TableRow>> tables;
  std::map<std::string, std::string> links;
  std::string open_to_all;

  std::string real(const std::string& path) const {
    const auto link = links.find(path);
    return link == links.end() ? path : link->second;
  }
  std::expected<TextFile, std::string> text_file(const std::string& path) const {
    const auto found = texts.find(real(path));
    if (found == texts.end()) return std::unexpected(path + ": not found");
    return TextFile{found->second, real(path), path == open_to_all};
  }
  std::expected<std::vector<TableRow>, std::string> table(const std::string& path) const {
    const auto found = tables.find(path);
    if (found == tables.end()) return std::unexpected(path + ": not found");
    return found->second;
  }
};

std::expected<Config, std::vector<Mistake>> load_with(const Files& files, std::string_view more) {
  return load(
      std::string(head) + std::string(more),
      {.file_name = "f.toml",
       .base_folder = "/etc/ph",
       .machine_name = "host.test",
       .questions = {.system_users =
                         [] {
                           return std::vector<SystemUser>{{.name = "ph", .uid = 101},
                                                          {.name = "list", .uid = 102}};
                         },
                     .accounts = [](const std::string&) { return std::vector<directory::User>(); },
                     .table = [&](const std::string& path) { return files.table(path); },
                     .text_file = [&](const std::string& path) { return files.text_file(path); },
                     .real_path = [&](const std::string& path) { return files.real(path); }}});
}

std::string mistakes_of(const std::expected<Config, std::vector<Mistake>>& config) {
  std::string out;
  if (config) return "none";
  for (const Mistake& mistake : config.error()) out += mistake.print() + "\n";
  return out;
}

/// What an address becomes: "ADDRESS", "TEXT as USER", each with " by OWNER" if it has one.
std::string expanded(const Config& config, std::string_view address) {
  std::string out;
  const auto expansion = config.directory->expand(*grammar::Mailbox::parse(address));
  for (const directory::ExpandedTarget& target : expansion.targets) {
    if (!out.empty()) out += ", ";
    out += target.local != nullptr ? target.local->text : target.mailbox.print();
    if (target.local != nullptr && !target.local->run_as.empty()) {
      out += " as " + target.local->run_as;
    }
    if (target.owner != nullptr) out += " by " + target.owner->print();
  }
  return out;
}

constexpr std::string_view block = "[[alias_file]]\npath = \"aliases\"\n";
const std::string path = "/etc/ph/aliases";

TEST(alias_files, are_aliases_like_the_others) {
  Files files;
  files.texts[path] = "root: ann, far@c.test\nboth@b.test: root, bob@b.test\n";
  const auto config = load_with(files, block);
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  EXPECT_EQ(expanded(*config, "ROOT@a.test"), "ann@a.test, far@c.test");
  EXPECT_EQ(expanded(*config, "both@b.test"), "ann@a.test, far@c.test, bob@b.test");
  EXPECT_EQ(config->directory->aliases()[1].source, "/etc/ph/aliases:1");
}

TEST(alias_files, names_belong_to_the_domain_that_is_given) {
  Files files;
  files.texts[path] = "root: bob\n";
  const auto config = load_with(files, std::string(block) + "domain = \"b.test\"\n");
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  EXPECT_EQ(expanded(*config, "root@b.test"), "bob@b.test");
}

TEST(alias_files, lists_have_owners) {
  Files files;
  files.texts[path] =
      "owner-list: ann\nlist: far@c.test, inner, \"|/bin/p\"\ninner: in@c.test\nplain: list\n"
      "owner-inner: bob@b.test\n";
  const auto config = load_with(files, std::string(block) + "programs = true\nrun_as = \"list\"\n");
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  const std::string want =
      "|/bin/p as list by owner-list@a.test, far@c.test by owner-list@a.test, in@c.test by "
      "owner-inner@a.test";
  EXPECT_EQ(expanded(*config, "list@a.test"), want);
  EXPECT_EQ(expanded(*config, "plain+x@a.test"), want);
  EXPECT_EQ(expanded(*config, "owner-list@a.test"), "ann@a.test");
}

TEST(alias_files, tables_are_rows_of_names_and_targets) {
  Files files;
  files.tables["/etc/ph/t.cdb"] = {{"root", "ann, far@c.test", 1}, {"root", "bob@b.test", 2}};
  const auto config = load_with(files, "[[alias_file]]\npath = \"t.cdb\"\n");
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  EXPECT_EQ(expanded(*config, "root@a.test"), "ann@a.test, far@c.test, bob@b.test");

  files.texts[path] = "SQLite format 3";
  files.tables[path] = {{"x@b.test", "bob", 1}, {"y y@", "bob", 2}, {"z", "@", 3}};
  EXPECT_EQ(mistakes_of(load_with(files, block)),
            "/etc/ph/aliases:2: expected a name or an address, found \"y y@\"\n"
            "/etc/ph/aliases:3: expected an address, |program, /file or :include:/path: an atom "
            "of the local-part is empty\n");
}

TEST(alias_files, included_files_are_read) {
  Files files;
  files.texts[path] = "team: :include:/l/team, ann\nother: :include:/l/team\n";
  files.texts["/l/team"] = "# the team\nbob@b.test\nfar@c.test, :include:/l/more\n";
  files.texts["/l/more"] = "more@c.test\n";
  const auto config = load_with(files, std::string(block) + "include = [\"/l\"]\n");
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  EXPECT_EQ(expanded(*config, "team@a.test"), "bob@b.test, far@c.test, more@c.test, ann@a.test");
  EXPECT_EQ(expanded(*config, "other@a.test"), "bob@b.test, far@c.test, more@c.test");
}

struct BadCase {
  const char* name;
  std::string text;     ///< Of the file of aliases.
  std::string keys;     ///< More keys of the block.
  std::string mistake;  ///< Without the folder.
};

const BadCase bad_cases[] = {
    {"bad_line", "root ann\n", "", "aliases:1: expected NAME: TARGET, TARGET"},
    {"twice", "x: ann\nX: ann\n", "", "aliases:2: X@a.test is there already: line 1"},
    {"an_alias_of_the_configuration", "taken: ann\n", "",
     "aliases:1: another alias has the address taken@a.test"},
    {"another_domain", "x@c.test: ann\n", "",
     "aliases:1: expected a name in one of the [[domain]] blocks, \"c.test\" is none of them"},
    {"loop", "# c\nx: y\ny: x\n", "",
     "aliases:2: expected an alias that leads to a mailbox: x@a.test is a loop, it leads only back "
     "to itself"},
    {"program", "x: |/bin/p\n", "files = true\n",
     "aliases:1: |/bin/p is not allowed here: [[alias_file]] programs = true would allow it"},
    {"file", "x: /var/f\n", "programs = true\n",
     "aliases:1: /var/f is not allowed here: [[alias_file]] files = true would allow it"},
    {"program_by_name", "x: |p\n", "programs = true\n",
     "aliases:1: expected a program by its path from / on behind |"},
    {"device", "x: /dev/sda\n", "files = true\n",
     "aliases:1: expected a file by its path from / on"},
    {"placeholder", "x: |/bin/p {x}\n", "programs = true\n",
     "aliases:1: expected {domain}, {local}, {sender} or {recipient}, found \"{x}\""},
    {"include_nowhere", "x: :include:/l/good\n", "",
     "aliases:1: /l/good is in none of the folders that [[alias_file]] include names"},
    {"include_elsewhere", "x: :include:/m/good\n", "include = [\"/l\"]\n",
     "aliases:1: /m/good is in none of the folders that [[alias_file]] include names"},
    {"include_beside", "x: :include:/lmn/good\n", "include = [\"/l\"]\n",
     "aliases:1: /lmn/good is in none of the folders that [[alias_file]] include names"},
    {"include_by_link", "x: :include:/l/link\n", "include = [\"/l\"]\n",
     "aliases:1: /l/link leads to /m/good, which is in none of the folders that [[alias_file]] "
     "include names"},
    {"include_missing", "x: :include:/l/none\n", "include = [\"/l\"]\n",
     "aliases:1: /l/none: not found"},
    {"include_loop", "x: :include:/l/loop\n", "include = [\"/l\"]\n",
     "/l/loop2:1: /l/loop includes itself"},
    {"include_of_a_program", "x: :include:/l/program\n", "include = [\"/l\"]\nprograms = true\n",
     "/l/program:2: an included file leads to addresses, not to programs or files"},
    {"include_with_a_bad_line", "x: :include:/l/bad\n", "include = [\"/l\"]\n",
     "/l/bad:2: expected a quotation mark at the end"},
    {"include_for_all", "x: :include:/l/open\n", "include = [\"/l\"]\n",
     "aliases:1: expected a file that not everybody may write to: /l/open"},
};

class BadAliasFile : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadAliasFile, is_told_with_its_line) {
  Files files;
  files.texts[path] = GetParam().text;
  files.texts["/l/good"] = "ann\n";
  files.texts["/m/good"] = "ann\n";
  files.texts["/lmn/good"] = "ann\n";
  files.texts["/l/loop"] = ":include:/l/loop2, ann\n";
  files.texts["/l/loop2"] = ":include:/l/loop\n";
  files.texts["/l/program"] = "ann\n|/bin/p\n";
  files.texts["/l/bad"] = "ann\n\"a\n";
  files.texts["/l/open"] = "ann\n";
  files.links["/l/link"] = "/m/good";
  files.open_to_all = "/l/open";
  std::string got = mistakes_of(load_with(files, std::string(block) + GetParam().keys));
  got = got.substr(0, got.find('\n'));
  if (got.starts_with("/etc/ph/")) got.erase(0, 8);
  EXPECT_EQ(got, GetParam().mistake);
}
INSTANTIATE_TEST_SUITE_P(Mistakes, BadAliasFile, ::testing::ValuesIn(bad_cases),
                         [](const auto& tested) { return tested.param.name; });

TEST(alias_files, a_file_that_is_missing_or_open_to_all_is_told) {
  Files files;
  EXPECT_EQ(mistakes_of(load_with(files, block)),
            "f.toml:18:8: alias_file[1].path: /etc/ph/aliases: not found\n");
  files.texts[path] = "x: ann\n";
  files.open_to_all = path;
  EXPECT_EQ(mistakes_of(load_with(files, block)),
            "f.toml:18:8: alias_file[1].path: expected a file that not everybody may write to: "
            "/etc/ph/aliases\n");
}

TEST(alias_files, included_files_are_bounded_in_depth) {
  for (const std::size_t depth : {8u, 9u}) {
    Files files;
    files.texts[path] = "x: :include:/l/1\n";
    for (std::size_t i = 1; i < depth; ++i) {
      files.texts["/l/" + std::to_string(i)] = ":include:/l/" + std::to_string(i + 1) + "\n";
    }
    files.texts["/l/" + std::to_string(depth)] = "ann\n";
    const auto config = load_with(files, std::string(block) + "include = [\"/l\"]\n");
    EXPECT_EQ(mistakes_of(config).starts_with(
                  depth == 8 ? "none" : "/l/8:1: expected at most 8 files that include each other"),
              true)
        << mistakes_of(config);
  }
}

TEST(alias_files, an_alias_leads_to_a_thousand_addresses_and_not_to_more) {
  for (const std::size_t count :
       {directory::expansion_targets_max, directory::expansion_targets_max + 1}) {
    Files files;
    files.texts[path] = "x: :include:/l/many\n";
    for (std::size_t i = 0; i < count; ++i) {
      files.texts["/l/many"] += "m" + std::to_string(i) + "@c.test\n";
    }
    const auto config = load_with(files, std::string(block) + "include = [\"/l\"]\n");
    EXPECT_EQ(mistakes_of(config),
              count == directory::expansion_targets_max
                  ? "none"
                  : "/etc/ph/aliases:1: expected an alias that leads to at most 1000 addresses\n");
  }
}

TEST(alias_files, what_leaves_is_named_and_counted) {
  Files files;
  for (int i = 0; i < 12; ++i) files.texts[path] += "x" + std::to_string(i) + ": y@c.test, no\n";
  const auto config = load_with(files, block);
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  std::vector<std::string> warnings;
  for (const std::string& warning : config->warnings) {
    if (warning.contains("c.test") || warning.contains("aliases") || warning.contains("no@")) {
      warnings.push_back(warning);
    }
  }
  ASSERT_EQ(warnings.size(), 22u);
  EXPECT_EQ(warnings[0],
            "anyone may send to x0@a.test, which goes on to y@c.test, without authentication");
  EXPECT_EQ(warnings[20],
            "/etc/ph/aliases: 2 more go on to addresses elsewhere, without authentication");
  EXPECT_EQ(warnings[21], "/etc/ph/aliases: 2 more lead to addresses that are not there");
}

TEST(user_files, have_logins_or_none) {
  Files files;
  const std::string hash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg";
  files.tables["/etc/ph/users"] = {{"carl", "-", 1}, {"dora@b.test", hash, 2}};
  const std::string user_block = "[[user_file]]\npath = \"users\"\n";
  const auto config = load_with(files, user_block);
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  ASSERT_NE(config->directory->find_user("CARL@a.test"), nullptr);
  EXPECT_FALSE(config->directory->find_user("carl@a.test")->password);
  EXPECT_TRUE(config->directory->find_user("dora@b.test")->password);

  files.tables["/etc/ph/users"] = {{"ann", "-", 1},
                                   {"carl", "secret", 2},
                                   {"dora", "-", 3},
                                   {"DORA", "-", 4},
                                   {"emil@c.test", "-", 5}};
  const std::string mistakes = mistakes_of(load_with(files, user_block));
  EXPECT_EQ(mistakes.find("secret"), mistakes.npos);
  for (const std::string want :
       {"users:1: a [[user]] has the address ann@a.test\n", "users:2: expected",
        "users:4: DORA@a.test is there already: /etc/ph/users:3\n",
        "users:5: expected an address in one of the [[domain]] blocks"}) {
    EXPECT_NE(mistakes.find("/etc/ph/" + want), mistakes.npos) << mistakes;
  }
}

TEST(srs, is_off_until_a_domain_is_named) {
  auto config = load_with({}, "");
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  EXPECT_TRUE(config->srs.domain.empty());

  config = load_with({}, "[srs]\ndomain = \"a.test\"\nexpire = \"7d\"\n");
  ASSERT_TRUE(config.has_value()) << mistakes_of(config);
  EXPECT_EQ(config->srs.domain.text(), "a.test");
  EXPECT_EQ(config->srs.expire, std::chrono::days(7));
  EXPECT_EQ(config->srs.secret_file, "/var/lib/posthaste/srs.key");
  EXPECT_TRUE(config->srs.own_secret);

  EXPECT_EQ(mistakes_of(load_with({}, "[srs]\ndomain = \"[1.2.3.4]\"\n")),
            "f.toml:18:10: srs.domain: expected a domain such as \"example.org\", found "
            "\"[1.2.3.4]\"\n");
}

}  // namespace
}  // namespace config
