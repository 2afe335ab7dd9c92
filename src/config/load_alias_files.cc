#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/ascii.h"
#include "config/alias_files.h"
#include "directory/alias_file.h"
#include "route/alias_target.h"

// Aliases from files of their own: in sendmail's form, and in tables.
namespace config {
namespace {

using directory::AliasEntry;
using directory::AliasItem;

/// Of included files: in one another, and in octets for one configuration file.
constexpr std::size_t include_depth_max = 8;
constexpr std::size_t include_octets_max = std::size_t{64} << 20;

constexpr std::string_view sqlite_magic = "SQLite format 3";
constexpr std::string_view cdb_suffix = ".cdb";

enum class Format : std::uint8_t { aliases, table };
constexpr Choice<Format> formats[] = {{"aliases", Format::aliases}, {"table", Format::table}};

/// The same for all spellings of one address.
std::string key_of(const grammar::Mailbox& mailbox) {
  return base::lower(mailbox.local.value()) + '@' + mailbox.domain.canonical();
}

/// One `[[alias_file]]` block.
class AliasFileReader {
 public:
  AliasFileReader(Section section, const Loading& loading, const OurDomains& ours)
      : loading_(loading), ours_(ours), block_{.section = std::move(section), .aliases = {}} {}

  AliasFileBlock read();

 private:
  /// What was read of an included file.
  struct Included {
    std::string real_path;
    directory::AliasList list;
  };

  void read_keys();
  void read_content();
  void read_table();
  /// `joins`: entries of one name make one alias.
  void take(AliasEntry entry, bool joins);
  void add_item(directory::Alias& alias, const AliasItem& item, const std::string& file,
                std::vector<std::string>& including);
  void add_local(directory::Alias& alias, const AliasItem& item, const std::string& file,
                 bool is_included);
  void include(directory::Alias& alias, const AliasItem& item, const std::string& file,
               std::vector<std::string>& including);
  /// Nullptr: it may not be read, or cannot; reported.
  const Included* read_included(const std::string& path, const FilePlace& place);
  [[nodiscard]] bool may_include(const std::string& real_path) const;
  void fail(const std::string& file, std::size_t line, std::string message) {
    if (++mistakes_ <= directory::alias_mistakes_max) {
      block_.section.fail_in(file, line, std::move(message));
    }
  }

  const Loading& loading_;
  const OurDomains& ours_;
  AliasFileBlock block_;
  Format format_ = Format::aliases;
  Text path_text_;
  std::string path_;
  grammar::Domain domain_;
  bool programs_ = false;
  bool files_ = false;
  std::string run_as_;
  std::vector<std::string>
      folders_;  ///< Where included files may be; real, with a slash at the end.
  std::unordered_map<std::string, std::size_t> by_key_;  ///< In block_.aliases.
  std::unordered_map<std::string, std::optional<Included>> included_;
  std::unordered_set<std::string> seen_;  ///< Included files of the alias at hand.
  std::size_t included_octets_ = 0;
  std::size_t mistakes_ = 0;
};

void AliasFileReader::read_keys() {
  Section& section = block_.section;
  const auto path = section.required_text("path", "expected a file such as \"/etc/aliases\"");
  section.choice("format", formats, format_);
  domain_ = read_domain_of_names(section, ours_);
  section.boolean("programs", programs_);
  section.boolean("files", files_);
  const auto run_as = section.filled_text("run_as");
  for (const Text& folder : section.texts("include")) {
    const std::string resolved = loading_.resolve(folder.value);
    const auto& real_path = loading_.options.questions.real_path;
    std::string real = real_path ? real_path(resolved) : resolved;
    if (real.empty()) {
      section.fail(folder, fmt::format("expected a folder, found none at {}", resolved));
      continue;
    }
    if (!real.ends_with('/')) real += '/';
    folders_.push_back(std::move(real));
  }
  section.finish();
  if (run_as && !programs_) {
    section.fail(*run_as, "expected programs = true: nothing else runs as another user");
  } else if (run_as) {
    run_as_ = read_run_as(section, *run_as, loading_);
  }
  if (!path) return;
  path_text_ = *path;
  path_ = loading_.resolve(path->value);
}

AliasFileBlock AliasFileReader::read() {
  read_keys();
  if (path_.empty() || !loading_.options.questions.text_file) return std::move(block_);
  if (format_ == Format::table || path_.ends_with(cdb_suffix)) {
    read_table();
  } else {
    read_content();
  }
  return std::move(block_);
}

void AliasFileReader::read_content() {
  auto file = loading_.options.questions.text_file(path_);
  if (!file) return block_.section.fail(path_text_, file.error());
  if (file->open_to_all) {
    return block_.section.fail(
        path_text_, fmt::format("expected a file that not everybody may write to: {}", path_));
  }
  if (file->text.starts_with(sqlite_magic)) return read_table();
  directory::AliasFile parsed = directory::parse_alias_file(file->text);
  for (directory::AliasMistake& mistake : parsed.mistakes) {
    fail(path_, mistake.line, std::move(mistake.message));
  }
  for (AliasEntry& entry : parsed.entries) take(std::move(entry), false);
}

void AliasFileReader::read_table() {
  if (!loading_.options.questions.table) return;
  auto rows = loading_.options.questions.table(path_);
  if (!rows) return block_.section.fail(path_text_, rows.error());
  for (const TableRow& row : *rows) {
    auto name = directory::parse_alias_name(row.key);
    if (!name) {
      fail(path_, row.line, fmt::format("expected a name or an address, found \"{}\"", row.key));
      continue;
    }
    directory::AliasList list = directory::parse_alias_list(row.value, row.line);
    for (directory::AliasMistake& mistake : list.mistakes) {
      fail(path_, row.line, std::move(mistake.message));
    }
    take({.name = std::move(*name), .items = std::move(list.items), .line = row.line}, true);
  }
}

void AliasFileReader::take(AliasEntry entry, bool joins) {
  if (entry.name.domain.empty()) entry.name.domain = domain_;
  if (entry.name.domain.empty()) return;  // Without any domain: reported.
  if (!ours_.contains(entry.name.domain)) {
    return fail(path_, entry.line,
                fmt::format("expected a name in one of the [[domain]] blocks, \"{}\" is none of "
                            "them",
                            entry.name.domain.text()));
  }
  const auto [place, is_new] = by_key_.try_emplace(key_of(entry.name), block_.aliases.size());
  if (!is_new && !joins) {
    return fail(path_, entry.line,
                fmt::format("{} is there already: line {}", entry.name.print(),
                            block_.aliases[place->second].place.line));
  }
  if (is_new) {
    block_.aliases.push_back({.alias = {}, .place = {.file = path_, .line = entry.line}});
    FileAlias& made = block_.aliases.back();
    made.alias.address = std::move(entry.name);
    made.alias.source = made.place.print();
  }
  directory::Alias& alias = block_.aliases[place->second].alias;
  seen_.clear();
  std::vector<std::string> including;
  for (const AliasItem& item : entry.items) add_item(alias, item, path_, including);
}

void AliasFileReader::add_item(directory::Alias& alias, const AliasItem& item,
                               const std::string& file, std::vector<std::string>& including) {
  switch (item.kind) {
    case AliasItem::Kind::address:
      // More are never expanded: no need to keep them.
      if (alias.to.size() > directory::expansion_targets_max) return;
      alias.to.push_back(item.mailbox);
      if (alias.to.back().domain.empty()) alias.to.back().domain = domain_;
      return;
    case AliasItem::Kind::program:
    case AliasItem::Kind::file: return add_local(alias, item, file, !including.empty());
    case AliasItem::Kind::include: return include(alias, item, file, including);
  }
}

void AliasFileReader::add_local(directory::Alias& alias, const AliasItem& item,
                                const std::string& file, bool is_included) {
  auto target = route::parse_alias_target(item.text);
  if (!target) return fail(file, item.line, target.error());
  const bool is_program = target->scheme == route::Scheme::pipe;
  const bool allowed =
      target->scheme == route::Scheme::discard || (is_program ? programs_ : files_);
  if (is_included) {
    return fail(file, item.line, "an included file leads to addresses, not to programs or files");
  }
  if (!allowed) {
    return fail(file, item.line,
                fmt::format("{} is not allowed here: [[alias_file]] {} = true would allow it",
                            item.text, is_program ? "programs" : "files"));
  }
  const std::string place = FilePlace{.file = file, .line = item.line}.print();
  if (auto mistake = target_mistake(place, loading_, *target)) {
    return fail(file, item.line, std::move(*mistake));
  }
  if (alias.local.size() > directory::expansion_targets_max) return;
  if (std::ranges::find(alias.local, item.text, &directory::LocalTarget::text) !=
      alias.local.end()) {
    return;
  }
  alias.local.push_back({.text = item.text, .run_as = is_program ? run_as_ : std::string()});
}

void AliasFileReader::include(directory::Alias& alias, const AliasItem& item,
                              const std::string& file, std::vector<std::string>& including) {
  if (including.size() == include_depth_max) {
    return fail(
        file, item.line,
        fmt::format("expected at most {} files that include each other", include_depth_max));
  }
  const Included* included = read_included(item.text, {.file = file, .line = item.line});
  if (included == nullptr) return;
  if (std::ranges::find(including, included->real_path) != including.end()) {
    return fail(file, item.line, fmt::format("{} includes itself", item.text));
  }
  if (!seen_.insert(included->real_path).second) return;
  including.push_back(included->real_path);
  for (const AliasItem& one : included->list.items) {
    add_item(alias, one, included->real_path, including);
  }
  including.pop_back();
}

const AliasFileReader::Included* AliasFileReader::read_included(const std::string& path,
                                                                const FilePlace& place) {
  const auto [known, is_new] = included_.try_emplace(path);
  if (!is_new) return known->second ? &*known->second : nullptr;
  // Before it is opened, too: what is elsewhere is not even looked for.
  const bool is_below = std::ranges::any_of(
      folders_, [&](const std::string& folder) { return path.starts_with(folder); });
  const auto& real_path = loading_.options.questions.real_path;
  if (!is_below && !may_include(real_path ? real_path(path) : path)) {
    fail(place.file, place.line,
         fmt::format("{} is in none of the folders that [[alias_file]] include names", path));
    return nullptr;
  }
  auto file = loading_.options.questions.text_file(path);
  if (!file) {
    fail(place.file, place.line, file.error());
    return nullptr;
  }
  if (!may_include(file->real_path)) {
    fail(place.file, place.line,
         fmt::format("{} leads to {}, which is in none of the folders that [[alias_file]] include "
                     "names",
                     path, file->real_path));
    return nullptr;
  }
  included_octets_ += file->text.size();
  if (file->open_to_all || included_octets_ > include_octets_max) {
    fail(place.file, place.line,
         file->open_to_all
             ? fmt::format("expected a file that not everybody may write to: {}", path)
             : fmt::format("the included files have more than {} octets", include_octets_max));
    return nullptr;
  }
  known->second = {.real_path = file->real_path, .list = directory::parse_alias_list(file->text)};
  for (directory::AliasMistake& mistake : known->second->list.mistakes) {
    fail(file->real_path, mistake.line, std::move(mistake.message));
  }
  return &*known->second;
}

bool AliasFileReader::may_include(const std::string& real_path) const {
  return std::ranges::any_of(
      folders_, [&](const std::string& folder) { return real_path.starts_with(folder); });
}

}  // namespace

grammar::Domain read_domain_of_names(Section& section, const OurDomains& ours) {
  const auto text = section.filled_text("domain");
  if (!text) {
    if (ours.first.empty()) section.fail("expected a [[domain]] that the names belong to");
    return ours.first;
  }
  auto domain = grammar::Domain::parse(text->value);
  if (domain && ours.contains(*domain)) return std::move(*domain);
  section.fail(*text, fmt::format("expected the name of a [[domain]], found \"{}\"", text->value));
  return {};
}

std::vector<AliasFileBlock> read_alias_files(Section& root, const Loading& loading,
                                             const OurDomains& ours) {
  std::vector<AliasFileBlock> out;
  for (Section& section : root.tables("alias_file")) {
    out.push_back(AliasFileReader(section, loading, ours).read());
  }
  return out;
}

}  // namespace config
