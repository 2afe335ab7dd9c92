#include "directory/alias_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "directory/alias_scan.h"
#include "grammar/address_list.h"
#include "grammar/parse.h"

namespace directory {
namespace {

constexpr std::string_view include_prefix = ":include:";
/// What a shell would make something of.
constexpr std::string_view shell_marks = "\"'`\\$;&|<>";

struct Reading {
  std::vector<AliasItem>& items;
  std::vector<AliasMistake>& mistakes;

  void fail(std::size_t line, std::string message) const {
    if (mistakes.size() < alias_mistakes_max) mistakes.push_back({line, std::move(message)});
  }
};

bool has_controls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return base::is_control(c) && c != '\t'; });
}

void read_program(std::string_view text, std::size_t line, const Reading& out) {
  const std::string_view arguments = base::trimmed(text.substr(1));
  if (arguments.empty()) return out.fail(line, "expected a program behind |");
  if (arguments.find_first_of(shell_marks) != arguments.npos) {
    return out.fail(line,
                    "expected a program and arguments split at spaces, without quotes and "
                    "redirections: no shell reads them");
  }
  std::string whole(arguments);
  std::ranges::replace(whole, '\t', ' ');
  out.items.push_back(
      {.kind = AliasItem::Kind::program, .text = '|' + std::move(whole), .line = line});
}

void read_include(std::string_view text, std::size_t line, const Reading& out) {
  const std::string_view path = base::trimmed(text.substr(include_prefix.size()));
  if (!path.starts_with('/')) {
    return out.fail(line, "expected a path from / on behind :include:");
  }
  out.items.push_back({.kind = AliasItem::Kind::include, .text = std::string(path), .line = line});
}

void read_address(std::string_view text, std::size_t line, const Reading& out) {
  if (text.starts_with('\\')) text.remove_prefix(1);
  auto list = grammar::parse_address_list(text);
  if (!list) {
    return out.fail(line, "expected an address, |program, /file or :include:/path: " +
                              std::string(grammar::describe(list.error().code)));
  }
  if (list->size() != 1) return out.fail(line, "expected one address between commas");
  out.items.push_back(
      {.kind = AliasItem::Kind::address, .mailbox = std::move(list->front()), .line = line});
}

/// One item, without commas around it.
void read_item(std::string_view text, std::size_t line, const Reading& out) {
  text = base::trimmed(text);
  if (text.empty()) return;
  if (has_controls(text)) return out.fail(line, "a control is no part of an item");
  const std::optional<std::string> unquoted = unquote(text);
  const std::string_view meant = unquoted ? base::trimmed(*unquoted) : text;
  if (meant.starts_with('|')) return read_program(meant, line, out);
  if (meant.starts_with('/')) {
    out.items.push_back({.kind = AliasItem::Kind::file, .text = std::string(meant), .line = line});
    return;
  }
  if (base::starts_with_nocase(meant, include_prefix)) return read_include(meant, line, out);
  read_address(text, line, out);
}

/// The items of one line of a list.
void read_items(std::string_view text, std::size_t line, const Reading& out) {
  while (!text.empty()) {
    const std::size_t end = find_unquoted(text, ',');
    if (end > text.size()) return out.fail(line, "expected a quotation mark at the end");
    read_item(text.substr(0, end), line, out);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// Puts lines together to entries.
class FileReader {
 public:
  void take(std::string_view line, std::size_t number) {
    const std::string_view text = base::trimmed(line);
    if (text.empty() || text.front() == '#') return;
    if (!base::is_space(line.front())) return begin(text, number);
    if (continued_) {
      const Reading out{*continued_, out_.mistakes};
      return read_items(text, number, out);
    }
    if (!skipping_) fail(number, "expected a name in the first column");
  }
  AliasFile finish() {
    end_entry();
    return std::move(out_);
  }

 private:
  void begin(std::string_view text, std::size_t number) {
    end_entry();
    skipping_ = true;
    const std::size_t colon = find_unquoted(text, ':');
    if (colon >= text.size()) return fail(number, "expected NAME: TARGET, TARGET");
    auto name = parse_alias_name(text.substr(0, colon));
    if (!name) return fail(number, "expected a name or an address before the colon");
    if (out_.entries.size() == alias_entries_max) return fail(number, "too many aliases");
    skipping_ = false;
    entry_ = {.name = std::move(*name), .items = {}, .line = number};
    mistakes_before_ = out_.mistakes.size();
    continued_ = &entry_.items;
    read_items(text.substr(colon + 1), number, {entry_.items, out_.mistakes});
  }
  void end_entry() {
    if (!continued_) return;
    continued_ = nullptr;
    if (entry_.items.empty() && out_.mistakes.size() == mistakes_before_) {
      return fail(entry_.line, "expected what the alias leads to behind the colon");
    }
    out_.entries.push_back(std::move(entry_));
  }
  void fail(std::size_t line, std::string message) {
    Reading{entry_.items, out_.mistakes}.fail(line, std::move(message));
  }

  AliasFile out_;
  AliasEntry entry_;
  std::vector<AliasItem>* continued_ = nullptr;  ///< Those of entry_, while it is open.
  std::size_t mistakes_before_ = 0;
  bool skipping_ = false;  ///< What continues a line that could not be read.
};

}  // namespace

std::optional<grammar::Mailbox> parse_alias_name(std::string_view text) {
  auto list = grammar::parse_address_list(base::trimmed(text));
  if (!list || list->size() != 1) return std::nullopt;
  return std::move(list->front());
}

AliasFile parse_alias_file(std::string_view text) {
  FileReader reader;
  for_each_line(text, 1,
                [&](std::string_view line, std::size_t number) { reader.take(line, number); });
  return reader.finish();
}

AliasList parse_alias_list(std::string_view text, std::size_t line) {
  AliasList out;
  const Reading reading{out.items, out.mistakes};
  for_each_line(text, line, [&](std::string_view one, std::size_t number) {
    const std::string_view trimmed = base::trimmed(one);
    if (!trimmed.starts_with('#')) read_items(trimmed, number, reading);
  });
  return out;
}

}  // namespace directory
