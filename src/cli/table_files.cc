#include "cli/table_files.h"

#include <filesystem>
#include <utility>

#include "tables/file.h"
#include "tables/tables.h"

namespace cli {
namespace {

std::expected<std::vector<config::TableRow>, std::string> read_table(const std::string& path) {
  auto rows = tables::read(path);
  if (!rows) return std::unexpected(std::move(rows.error()));
  std::vector<config::TableRow> out;
  out.reserve(rows->size());
  for (tables::Row& row : *rows) {
    out.push_back({std::move(row.key), std::move(row.value), row.line});
  }
  return out;
}

std::expected<config::TextFile, std::string> read_text(const std::string& path) {
  const auto file = tables::File::open(path);
  if (!file) return std::unexpected(file.error());
  auto text = file->read(tables::file_octets_max);
  if (!text) return std::unexpected(std::move(text.error()));
  return config::TextFile{.text = std::move(*text),
                          .real_path = file->real_path(),
                          .open_to_all = file->is_open_to_all()};
}

std::string real_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::canonical(path, error);
  return error ? std::string() : found.string();
}

}  // namespace

void add_table_questions(config::LoadQuestions& questions) {
  questions.table = read_table;
  questions.text_file = read_text;
  questions.real_path = real_path;
}

}  // namespace cli
