#include "tables/tables.h"

#include <cdb.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tables/database.h"
#include "tables/file.h"

namespace tables {
namespace {

/// "KEY=VALUE@LINE" of each row, or the error.
std::string shown(const Read& rows) {
  if (!rows) return rows.error();
  std::string out;
  for (const Row& row : *rows) {
    if (!out.empty()) out += "; ";
    out += row.key + "=" + row.value + "@" + std::to_string(row.line);
  }
  return out;
}

struct TextCase {
  const char* name;
  std::string text;
  std::string rows;
};

class TextTable : public ::testing::TestWithParam<TextCase> {};

TEST_P(TextTable, is_read) { EXPECT_EQ(shown(parse_text(GetParam().text, "t")), GetParam().rows); }

const TextCase text_cases[] = {
    {"nothing", "", ""},
    {"blank_lines_and_comments", "\n# a\n   \n \t# b\n", ""},
    {"one_row", "a b\n", "a=b@1"},
    {"no_line_end", "a b", "a=b@1"},
    {"crlf", "a b\r\nc d\r\n", "a=b@1; c=d@2"},
    {"tabs", "a\t\t b c \t\n", "a=b c@1"},
    {"a_hash_within", "a b#c\n", "a=b#c@1"},
    {"continued", "a b,\n  c\n\t d\ne f\n", "a=b, c d@1; e=f@4"},
    {"continued_over_a_comment", "a b\n# no\n\n c\n", "a=b c@1"},
    {"value_on_the_next_line", "a\n  b\n", "a=b@1"},
    {"quoted_key", "\"john doe\"@x.test y\n", "\"john doe\"@x.test=y@1"},
    {"quoted_quote", "\"a\\\" b\"@x.test y\n", "\"a\\\" b\"@x.test=y@1"},
    {"open_quote", "\"a b\n", "t:1: expected a value behind the key"},
    {"repeated", "a b\na c\n", "a=b@1; a=c@2"},
    {"no_value", "\na\n", "t:2: expected a value behind the key"},
    {"begins_with_space", " a b\n", "t:1: expected a key in the first column"},
    {"control", "a b\x01\n", "t:1: a control is no part of a row"},
    {"nul", std::string("a b\0c\n", 6), "t:1: a control is no part of a row"},
    {"bare_cr", "a b\rc\n", "t:1: a control is no part of a row"},
    {"longest", "k " + std::string(row_octets_max - 2, 'v'),
     "k=" + std::string(row_octets_max - 2, 'v') + "@1"},
    {"too_long", "a b\nk " + std::string(row_octets_max, 'v'),
     "t:2: a row of more than 262144 octets"},
};
INSTANTIATE_TEST_SUITE_P(Forms, TextTable, ::testing::ValuesIn(text_cases),
                         [](const auto& tested) { return tested.param.name; });

TEST(TextTableCut, each_cut_is_read_or_told) {
  const std::string whole = "a b\n\"c d\"@e f,\n g\n# h\n\ti\r\nj k";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const auto rows = parse_text(whole.substr(0, cut), "t");
    if (rows) continue;
    EXPECT_TRUE(rows.error().starts_with("t:")) << cut;
  }
}

TEST(TextTable, rows_are_bounded) {
  std::string text;
  for (std::size_t i = 0; i < rows_max; ++i) text += "k v\n";
  EXPECT_EQ(parse_text(text, "t")->size(), rows_max);
  EXPECT_EQ(shown(parse_text(text + "k v", "t")), "t:1000001: more than 1000000 rows");
}

class TableFile : public ::testing::Test {
 protected:
  TableFile() {
    std::string name = std::filesystem::temp_directory_path() / "tablesXXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~TableFile() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, std::string_view content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }
  static std::string content_of(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string make_cdb(const std::vector<std::pair<std::string, std::string>>& rows) const {
    const int file = ::open(path("t.cdb").c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    cdb_make maker;
    EXPECT_EQ(cdb_make_start(&maker, file), 0);
    for (const auto& [key, value] : rows) {
      EXPECT_EQ(cdb_make_add(&maker, key.data(), static_cast<unsigned>(key.size()), value.data(),
                             static_cast<unsigned>(value.size())),
                0);
    }
    EXPECT_EQ(cdb_make_finish(&maker), 0);
    ::close(file);
    return path("t.cdb");
  }
  std::string make_sqlite(const char* sql) const {
    std::ofstream(path("t.db")).flush();
    auto database = Database::open(path("t.db"), Database::Access::change);
    EXPECT_TRUE(database.has_value());
    const auto done = database->run(sql);
    EXPECT_TRUE(done.has_value()) << done.error();
    return path("t.db");
  }
  /// Without the folder.
  std::string read_shown(const std::string& file) const {
    std::string out = shown(read(file));
    if (out.starts_with(folder_)) out.erase(0, folder_.size() + 1);
    return out;
  }

  std::string folder_;
};

TEST_F(TableFile, text_is_the_form_of_all_others) {
  EXPECT_EQ(read_shown(write("t", "a b\n")), "a=b@1");
  EXPECT_EQ(read_shown(write("t.db", "a b\n")), "a=b@1");
  EXPECT_EQ(read_shown(write("t", "a\n")), "t:1: expected a value behind the key");
}

TEST_F(TableFile, what_is_no_file_is_told) {
  EXPECT_EQ(read_shown(path("none")), "none: not found");
  EXPECT_NE(read_shown(folder_).find("expected a regular file"), std::string::npos);
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_shown(path("fifo")), "fifo: expected a regular file");
}

TEST_F(TableFile, a_file_beyond_the_bound_is_refused_unread) {
  write("t", "a b\n");
  std::filesystem::resize_file(path("t"), file_octets_max + 1);
  EXPECT_EQ(read_shown(path("t")), "t: larger than 268435456 octets");
}

TEST_F(TableFile, cdb_is_read) {
  EXPECT_EQ(read_shown(make_cdb({})), "");
  EXPECT_EQ(read_shown(make_cdb({{"b", "2 3"}, {"a", "1"}, {"b", "4"}})), "b=2 3@1; a=1@2; b=4@3");
  EXPECT_EQ(read_shown(make_cdb({{std::string("a\0", 2), std::string("1\0", 2)}})), "a=1@1");
  EXPECT_EQ(read_shown(make_cdb({{"a", "1"}, {"b", ""}})),
            "t.cdb:2: expected a value behind the key");
}

TEST_F(TableFile, a_damaged_cdb_is_told_and_never_read_beyond_its_end) {
  const std::string whole = content_of(make_cdb({{"key", "value"}, {"other", "more"}}));
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    (void)read(write("cut.cdb", whole.substr(0, cut)));
  }
  EXPECT_EQ(read_shown(write("cut.cdb", "no cdb")), "cut.cdb: this is no CDB file");
  // Each octet of the first row's head and of the place of the tables.
  for (std::size_t place = 0; place < 2'048 + 8; place += place == 8 ? 2'040 : 1) {
    for (const char octet : {'\0', '\x7f', '\xff', '\x10'}) {
      std::string damaged = whole;
      damaged[place] = octet;
      (void)read(write("damaged.cdb", damaged));
    }
  }
  std::string damaged = whole;
  damaged[2'048 + 3] = '\x7f';  // The length of the first key.
  EXPECT_EQ(read_shown(write("damaged.cdb", damaged)),
            "damaged.cdb:1: the CDB file is damaged here");
}

TEST_F(TableFile, sqlite_is_read) {
  EXPECT_EQ(
      read_shown(make_sqlite("CREATE TABLE other (x); CREATE TABLE \"my \"\" map\" (id, value, "
                             "key); INSERT INTO \"my \"\" map\" VALUES (1, 'two', 'b'), "
                             "(2, 1, 'a'), (3, 'three', 'b');")),
      "a=1@1; b=three@2; b=two@3");
}

TEST_F(TableFile, sqlite_without_a_fitting_table_is_told) {
  EXPECT_EQ(read_shown(make_sqlite("CREATE TABLE one (key);")),
            "t.db: expected a table with the columns key and value");
  EXPECT_EQ(
      read_shown(make_sqlite("CREATE TABLE two (key, value); CREATE VIEW three AS SELECT key, "
                             "value FROM two;")),
      "t.db: expected one table with the columns key and value, found three and two");
  EXPECT_EQ(
      read_shown(make_sqlite("CREATE TABLE two (key, value); INSERT INTO two VALUES ('a', NULL);")),
      "t.db:1: expected a value behind the key");
}

TEST_F(TableFile, a_damaged_sqlite_file_is_told) {
  std::string content = content_of(make_sqlite("CREATE TABLE t (key, value);"));
  content.resize(content.size() / 2);
  EXPECT_FALSE(read(write("t.db", content)).has_value());
  EXPECT_FALSE(read(write("u.db", content.substr(0, 20))).has_value());
}

TEST_F(TableFile, a_file_tells_where_it_lies_and_who_may_write) {
  write("real", "x");
  std::filesystem::create_symlink(path("real"), path("link"));
  const auto file = File::open(path("link"));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->real_path(), std::filesystem::canonical(path("real")));
  EXPECT_FALSE(file->is_open_to_all());
  ::chmod(path("real").c_str(), 0646);
  EXPECT_TRUE(File::open(path("link"))->is_open_to_all());
}

}  // namespace
}  // namespace tables
