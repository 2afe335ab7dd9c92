#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

#include "base/ascii.h"
#include "config/alias_files.h"
#include "config/load.h"
#include "grammar/parse.h"

namespace config {
namespace {

constexpr Choice<directory::Recipients> recipients_rules[] = {
    {"listed", directory::Recipients::listed},
    {"any", directory::Recipients::any},
    {"ask", directory::Recipients::ask},
};

/// The same for all spellings of one address.
std::string key_of(const grammar::Mailbox& mailbox) {
  return base::lower(mailbox.local.value()) + '@' + mailbox.domain.canonical();
}

std::optional<route::Target> read_deliver(Section& section, const Loading& loading) {
  constexpr std::string_view expected =
      "expected where mail is delivered to, such as \"maildir:/var/mail/{domain}/{local}\" or "
      "\"discard:\"";
  const auto text = section.required_text("deliver", expected);
  if (!text) return std::nullopt;
  auto target = route::parse_deliver(text->value);
  if (!target) {
    section.fail(*text, target.error().message);
    return std::nullopt;
  }
  if (!complete_target(section, *text, loading, *target)) return std::nullopt;
  return *target;
}

/// Names in one warning.
constexpr std::size_t named_max = 10;

/// Reads `[[domain]]`, then `[[user]]`, `[[user_file]]` and the accounts, then `[[alias]]` and
/// `[[alias_file]]`, and knows what was read before.
class DirectoryReader {
 public:
  explicit DirectoryReader(const Loading& loading) : loading_(loading) {}

  void read_domain(Section& section);
  void read_user(Section& section);
  void read_accounts(Section& root);
  void read_system_users();
  void drop_the_homeless();
  void read_alias(Section& section);
  void read_user_files(Section& root);
  void read_alias_files(Section& root);
  void finish();

 private:
  /// Where an alias stands.
  struct AliasPlace {
    Section section;
    Text text;        ///< Of an `[[alias]]`.
    FilePlace place;  ///< Of an `[[alias_file]]`; else without a file.

    void fail(std::string message) {
      if (place.file.empty()) return section.fail(text, std::move(message));
      section.fail_in(place.file, place.line, std::move(message));
    }
  };
  /// What is warned of once for all aliases of a file.
  struct FileWarnings {
    std::string file;
    std::vector<std::string> leaving;  ///< "ALIAS to ADDRESS"; the first ones.
    std::vector<std::string> unknown;
    std::size_t leaving_count = 0;
    std::size_t unknown_count = 0;
  };

  struct Source {
    Section section;
    Text text;
  };

  void read_catch_all(const Source& source, directory::LocalDomain& domain);
  /// An address in one of our domains; reports what is none.
  std::optional<grammar::Mailbox> read_local_mailbox(Section& section, const Text& text);
  void check_catch_all(const directory::LocalDomain& domain);
  void check_alias(std::size_t index, FileWarnings& warnings);
  void check_alias_target(const directory::Alias& alias, const grammar::Mailbox& target,
                          FileWarnings& warnings);
  void check_aliases();
  void warn_of_file(FileWarnings& warnings);
  [[nodiscard]] OurDomains our_domains() const;
  void warn_of_what_leaves(const directory::LocalDomain& domain);
  void warn_of_postmaster(const directory::LocalDomain& domain);
  [[nodiscard]] bool is_ours(const grammar::Mailbox& mailbox) const {
    return domains_.contains(mailbox.domain);
  }

  const Loading& loading_;
  directory::SnapshotParts parts_;
  std::unordered_set<grammar::Domain> domains_;             ///< Also of blocks with other mistakes.
  std::unordered_map<grammar::Domain, Source> catch_alls_;  ///< Read when all domains are known.
  std::unordered_set<std::string> users_;                   ///< Keys; of `[[user]]` alone.
  std::unordered_set<std::string> aliases_;                 ///< Keys.
  std::vector<AliasPlace> alias_places_;                    ///< As parts_.aliases.
};

std::optional<grammar::Mailbox> DirectoryReader::read_local_mailbox(Section& section,
                                                                    const Text& text) {
  auto mailbox = read_mailbox(section, text);
  if (!mailbox || is_ours(*mailbox)) return mailbox;
  section.fail(text, fmt::format("expected an address in one of the [[domain]] blocks, \"{}\" is "
                                 "none of them",
                                 mailbox->domain.text()));
  return std::nullopt;
}

void DirectoryReader::read_domain(Section& section) {
  directory::LocalDomain domain;
  const auto name = section.required_text("name", "expected a domain such as \"example.org\"");
  auto deliver = read_deliver(section, loading_);
  section.choice("recipients", recipients_rules, domain.recipients);
  const auto catch_all = section.filled_text("catch_all");
  section.boolean("plus_addressing", domain.plus_addressing);
  config::read_system_users(section, domain);
  const auto run_as = section.filled_text("run_as");
  section.finish();
  if (deliver) set_run_as(section, run_as, loading_, *deliver);
  check_system_users(section, loading_, domain, deliver ? &*deliver : nullptr);
  const bool asks = domain.recipients == directory::Recipients::ask;
  if (asks && deliver && deliver->scheme != route::Scheme::lmtp) {
    section.fail_at("recipients", "expected an LMTP server to ask: deliver = \"lmtp:…\"");
  }
  if (catch_all && domain.recipients != directory::Recipients::listed) {
    section.fail(*catch_all, "expected recipients = \"listed\": else nothing is left to catch");
  }
  if (!name) return;
  auto parsed = grammar::Domain::parse(name->value);
  if (!parsed) {
    section.fail(*name, fmt::format("expected a domain such as \"example.org\": {}",
                                    grammar::describe(parsed.error().code)));
    return;
  }
  if (!domains_.insert(*parsed).second) {
    section.fail(*name, fmt::format("another [[domain]] has the name \"{}\"", parsed->canonical()));
    return;
  }
  if (catch_all) catch_alls_.emplace(*parsed, Source{section, *catch_all});
  if (!deliver) return;
  domain.name = std::move(*parsed);
  domain.deliver = deliver->print();
  loading_.config.local_domains.emplace(domain.name, *deliver);
  parts_.domains.push_back(std::move(domain));
}

void DirectoryReader::read_user(Section& section) {
  directory::User user;
  const auto address = section.required_text("address", "expected an address");
  // The messages do not repeat the value: somebody may have written the password itself.
  if (const auto password = section.filled_text("password")) {
    auto hash = crypto::PasswordHash::parse(password->value);
    if (!hash) section.fail(*password, hash.error());
    if (hash) user.password = std::move(*hash);
  }
  if (const auto scram = section.filled_text("scram")) {
    auto verifier = crypto::ScramVerifier::parse(scram->value);
    if (!verifier) section.fail(*scram, verifier.error());
    if (verifier) user.scram = std::move(*verifier);
  }
  for (const Text& text : section.texts("may_send_as")) {
    if (auto pattern = directory::SenderPattern::parse(text.value)) {
      user.may_send_as.push_back(std::move(*pattern));
    } else {
      section.fail(text, fmt::format("expected an address, \"*@domain\" or \"*\", found \"{}\"",
                                     text.value));
    }
  }
  section.finish();
  if (!address) return;
  auto mailbox = read_local_mailbox(section, *address);
  if (!mailbox) return;
  const std::string key = key_of(*mailbox);
  if (!users_.insert(key).second) {
    section.fail(*address, fmt::format("another [[user]] has the address \"{}\"", key));
    return;
  }
  user.mailbox = std::move(*mailbox);
  parts_.users.push_back(std::move(user));
}

void DirectoryReader::read_accounts(Section& root) {
  const auto& ask = loading_.options.questions.accounts;
  if (!ask) return;
  auto accounts = ask(loading_.config.data_dir);
  if (!accounts) return root.fail_at("data_dir", accounts.error());
  for (directory::User& account : *accounts) {
    const std::string name = account.mailbox.print();
    if (!is_ours(account.mailbox)) {
      loading_.warn(
          fmt::format("the account {} does not count: its domain is no [[domain]]", name));
    } else if (users_.contains(key_of(account.mailbox))) {
      loading_.warn(fmt::format("the account {} does not count: a [[user]] has the address", name));
    } else {
      parts_.users.push_back(std::move(account));
    }
  }
}

/// The users of the machine: those that a `[[user]]` names have its login and its spelling.
void DirectoryReader::read_system_users() {
  std::unordered_map<std::string, directory::User*> named;
  for (directory::User& user : parts_.users) named.emplace(key_of(user.mailbox), &user);
  std::vector<directory::User> more;
  for (const directory::LocalDomain& domain : parts_.domains) {
    for (directory::User& user : system_mailboxes(loading_, domain)) {
      const auto known = named.find(key_of(user.mailbox));
      if (known == named.end()) {
        named.emplace(key_of(user.mailbox), nullptr);
        more.push_back(std::move(user));
      } else if (known->second != nullptr && known->second->system_user.empty()) {
        known->second->system_user = std::move(user.system_user);
      } else {
        loading_.warn(
            fmt::format("the system user {} has no mail: its name differs from that of "
                        "another one by case alone",
                        user.system_user));
      }
    }
  }
  if (loading_.knows_system_users()) drop_the_homeless();
  std::ranges::move(more, std::back_inserter(parts_.users));
}

/// Who is none of the machine's users has no home.
void DirectoryReader::drop_the_homeless() {
  std::erase_if(parts_.users, [this](const directory::User& user) {
    const auto domain =
        std::ranges::find(parts_.domains, user.mailbox.domain, &directory::LocalDomain::name);
    if (domain == parts_.domains.end() || !domain->system_users || !user.system_user.empty()) {
      return false;
    }
    loading_.warn(
        fmt::format("the user {} does not count: no system user who may have mail has this name",
                    user.mailbox.print()));
    return true;
  });
}

void DirectoryReader::read_alias(Section& section) {
  directory::Alias alias;
  const auto address = section.required_text("address", "expected an address");
  const std::vector<Text> targets =
      section.required_texts("to", "expected the addresses that it stands for");
  section.finish();
  for (const Text& text : targets) {
    if (auto mailbox = read_mailbox(section, text)) alias.to.push_back(std::move(*mailbox));
  }
  if (!address) return;
  auto mailbox = read_local_mailbox(section, *address);
  if (!mailbox) return;
  if (mailbox->local.value() == "*") {
    section.fail(*address, "expected one address: for all others there is catch_all in [[domain]]");
    return;
  }
  if (!aliases_.insert(key_of(*mailbox)).second) {
    section.fail(*address,
                 fmt::format("another [[alias]] has the address \"{}\"", key_of(*mailbox)));
    return;
  }
  alias.address = std::move(*mailbox);
  parts_.aliases.push_back(std::move(alias));
  alias_places_.push_back({section, *address, {}});
}

void DirectoryReader::read_catch_all(const Source& source, directory::LocalDomain& domain) {
  Section section = source.section;
  Text text = source.text;
  if (text.value.find('@') == text.value.npos) text.value += '@' + domain.name.text();
  domain.catch_all = read_local_mailbox(section, text);
}

void DirectoryReader::check_catch_all(const directory::LocalDomain& domain) {
  if (!domain.catch_all) return;
  const auto expansion = loading_.config.directory->expand(*domain.catch_all);
  if (expansion.kind != directory::Expansion::Kind::unknown) return;
  loading_.warn(fmt::format("catch_all of {}: there is no {}", domain.name.text(),
                            domain.catch_all->print()));
}

void DirectoryReader::check_alias(std::size_t index, FileWarnings& warnings) {
  const directory::Snapshot& directory = *loading_.config.directory;
  const directory::Alias& alias = directory.aliases()[index];
  const auto kind = directory.expand(alias.address).kind;
  const bool all_known = static_cast<bool>(loading_.options.questions.accounts);
  if (kind == directory::Expansion::Kind::loop && all_known) {
    alias_places_[index].fail(fmt::format(
        "expected an alias that leads to a mailbox: {} is a loop, it leads only back to itself",
        alias.address.print()));
  } else if (kind == directory::Expansion::Kind::too_many) {
    alias_places_[index].fail(fmt::format("expected an alias that leads to at most {} addresses",
                                          directory::expansion_targets_max));
  }
  for (const grammar::Mailbox& target : alias.to) check_alias_target(alias, target, warnings);
}

void DirectoryReader::check_alias_target(const directory::Alias& alias,
                                         const grammar::Mailbox& target, FileWarnings& warnings) {
  if (!is_ours(target)) {
    ++warnings.leaving_count;
    if (!warnings.file.empty() && warnings.leaving.size() == named_max) return;
    warnings.leaving.push_back(alias.address.print() + ", which goes on to " + target.print());
  } else if (loading_.config.directory->expand(target).kind ==
             directory::Expansion::Kind::unknown) {
    ++warnings.unknown_count;
    if (!warnings.file.empty() && warnings.unknown.size() == named_max) return;
    warnings.unknown.push_back(
        fmt::format("alias {}: there is no {}", alias.address.print(), target.print()));
  }
}

void DirectoryReader::check_aliases() {
  FileWarnings warnings;
  for (std::size_t i = 0; i < alias_places_.size(); ++i) {
    const std::string& file = alias_places_[i].place.file;
    if (file.empty() || file != warnings.file) {
      warn_of_file(warnings);
      warnings = {.file = file, .leaving = {}, .unknown = {}};
    }
    check_alias(i, warnings);
  }
  warn_of_file(warnings);
}

void DirectoryReader::warn_of_file(FileWarnings& warnings) {
  for (const std::string& leaving : warnings.leaving) {
    loading_.warn(fmt::format("anyone may send to {}, without authentication", leaving));
  }
  for (std::string& unknown : warnings.unknown) loading_.warn(std::move(unknown));
  if (const std::size_t more = warnings.leaving_count - warnings.leaving.size(); more > 0) {
    loading_.warn(fmt::format("{}: {} more go on to addresses elsewhere, without authentication",
                              warnings.file, more));
  }
  if (const std::size_t more = warnings.unknown_count - warnings.unknown.size(); more > 0) {
    loading_.warn(
        fmt::format("{}: {} more lead to addresses that are not there", warnings.file, more));
  }
}

OurDomains DirectoryReader::our_domains() const {
  return {.contains = [this](const grammar::Domain& domain) { return domains_.contains(domain); },
          .first = parts_.domains.empty() ? grammar::Domain() : parts_.domains.front().name};
}

void DirectoryReader::read_user_files(Section& root) {
  for (FileUser& one : config::read_user_files(root, loading_, our_domains())) {
    if (!users_.insert(key_of(one.user.mailbox)).second) {
      root.fail_in(one.place.file, one.place.line,
                   fmt::format("a [[user]] has the address {}", one.user.mailbox.print()));
      continue;
    }
    parts_.users.push_back(std::move(one.user));
  }
}

void DirectoryReader::read_alias_files(Section& root) {
  for (AliasFileBlock& block : config::read_alias_files(root, loading_, our_domains())) {
    for (FileAlias& one : block.aliases) {
      if (!aliases_.insert(key_of(one.alias.address)).second) {
        block.section.fail_in(
            one.place.file, one.place.line,
            fmt::format("another alias has the address {}", one.alias.address.print()));
        continue;
      }
      parts_.aliases.push_back(std::move(one.alias));
      alias_places_.push_back({block.section, {}, std::move(one.place)});
    }
  }
}

void DirectoryReader::warn_of_what_leaves(const directory::LocalDomain& domain) {
  const route::Target& target = loading_.config.local_domains.at(domain.name);
  if (!target.is_host()) return;
  const bool stays_here = std::ranges::all_of(target.hosts, [](const route::HostPort& host) {
    const auto address = host.host.address();
    return address && address->is_loopback();
  });
  if (stays_here) return;
  loading_.warn(fmt::format("anyone may send to {}, which goes on to {}, without authentication",
                            domain.name.text(), target.print()));
}

void DirectoryReader::warn_of_postmaster(const directory::LocalDomain& domain) {
  const std::string key = "postmaster@" + domain.name.canonical();
  if (aliases_.contains(key)) return;
  const auto mailbox = grammar::Mailbox::parse(key);
  if (mailbox && loading_.config.directory->find_user(*mailbox) != nullptr) return;
  loading_.warn(
      fmt::format("no user or alias has the address postmaster@{}: its mail {}", domain.name.text(),
                  domain.system_users ? "waits for one" : "goes into a mailbox of that name"));
}

void DirectoryReader::finish() {
  for (directory::LocalDomain& domain : parts_.domains) {
    const auto found = catch_alls_.find(domain.name);
    if (found != catch_alls_.end()) read_catch_all(found->second, domain);
  }
  loading_.config.directory = std::make_shared<const directory::Snapshot>(std::move(parts_));
  for (const directory::LocalDomain& domain : loading_.config.directory->domains()) {
    warn_of_postmaster(domain);
    warn_of_what_leaves(domain);
    check_catch_all(domain);
  }
  check_aliases();
}

}  // namespace

void read_directory(Section& root, const Loading& loading) {
  DirectoryReader reader(loading);
  for (Section& section : root.tables("domain")) reader.read_domain(section);
  for (Section& section : root.tables("user")) reader.read_user(section);
  reader.read_user_files(root);
  reader.read_accounts(root);
  reader.read_system_users();
  for (Section& section : root.tables("alias")) reader.read_alias(section);
  reader.read_alias_files(root);
  reader.finish();
}

}  // namespace config
