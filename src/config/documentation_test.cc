#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/config.h"

// The examples of docs/configuration.md are good configurations.
namespace config {
namespace {

constexpr std::string_view begin_mark = "\n```toml\n";
constexpr std::string_view end_mark = "\n```\n";
/// What stands for the rest of a hash.
constexpr std::string_view ellipsis = "p=1$\u2026";
constexpr std::string_view rest_of_hash = "p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg";

std::vector<std::string> examples() {
  std::stringstream read;
  read << std::ifstream(PH_DOCS "/configuration.md").rdbuf();
  const std::string text = read.str();
  std::vector<std::string> out;
  std::size_t at = text.find(begin_mark);
  while (at != text.npos) {
    at += begin_mark.size();
    const std::size_t end = text.find(end_mark, at);
    out.push_back(text.substr(at, end - at));
    const std::size_t hash = out.back().find(ellipsis);
    if (hash != std::string::npos) out.back().replace(hash, ellipsis.size(), rest_of_hash);
    at = text.find(begin_mark, end);
  }
  return out;
}

TEST(documentation, its_examples_are_good) {
  const std::vector<std::string> texts = examples();
  EXPECT_GE(texts.size(), 3u);
  for (const std::string& text : texts) {
    const auto config = load(text, {.file_name = "example",
                                    .base_folder = "/etc/posthaste",
                                    .machine_name = "mx.example.org"});
    EXPECT_TRUE(config.has_value()) << text << (config ? "" : config.error().front().print());
  }
}

}  // namespace
}  // namespace config
