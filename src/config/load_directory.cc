#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

#include "base/ascii.h"
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

/// Reads `[[domain]]`, then `[[user]]` and the accounts, then `[[alias]]`, and knows what was read
/// before.
class DirectoryReader {
 public:
  explicit DirectoryReader(const Loading& loading) : loading_(loading) {}

  void read_domain(Section& section);
  void read_user(Section& section);
  void read_accounts(Section& root);
  void read_system_users();
  void drop_the_homeless();
  void read_alias(Section& section);
  void finish();

 private:
  struct Source {
    Section section;
    Text text;
  };

  void read_catch_all(const Source& source, directory::LocalDomain& domain);
  /// An address in one of our domains; reports what is none.
  std::optional<grammar::Mailbox> read_local_mailbox(Section& section, const Text& text);
  void check_catch_all(const directory::LocalDomain& domain);
  void check_alias(std::size_t index);
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
  std::vector<Source> alias_sources_;                       ///< As parts_.aliases.
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
  read_system_users(section, domain);
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
        loading_.warn(fmt::format("the system user {} has no mail: its name differs from that of "
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
    const auto domain = std::ranges::find(parts_.domains, user.mailbox.domain,
                                          &directory::LocalDomain::name);
    if (domain == parts_.domains.end() || !domain->system_users || !user.system_user.empty()) {
      return false;
    }
    loading_.warn(fmt::format(
        "the user {} does not count: no system user who may have mail has this name",
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
  alias_sources_.push_back({section, *address});
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

void DirectoryReader::check_alias(std::size_t index) {
  const directory::Snapshot& directory = *loading_.config.directory;
  const directory::Alias& alias = directory.aliases()[index];
  auto& [section, text] = alias_sources_[index];
  const std::string name = alias.address.print();
  const auto kind = directory.expand(alias.address).kind;
  const bool all_known = static_cast<bool>(loading_.options.questions.accounts);
  if (kind == directory::Expansion::Kind::loop && all_known) {
    section.fail(text, fmt::format("expected an alias that leads to a mailbox: {} is a loop, it "
                                   "leads only back to itself",
                                   name));
  } else if (kind == directory::Expansion::Kind::too_many) {
    section.fail(text, fmt::format("expected an alias that leads to at most {} addresses",
                                   directory::expansion_targets_max));
  }
  for (const grammar::Mailbox& target : alias.to) {
    if (!is_ours(target)) {
      loading_.warn(
          fmt::format("anyone may send to {}, which goes on to {}, without authentication", name,
                      target.print()));
    } else if (directory.expand(target).kind == directory::Expansion::Kind::unknown) {
      loading_.warn(fmt::format("alias {}: there is no {}", name, target.print()));
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
  loading_.warn(fmt::format(
      "no user or alias has the address postmaster@{}: its mail {}", domain.name.text(),
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
  for (std::size_t i = 0; i < alias_sources_.size(); ++i) check_alias(i);
}

}  // namespace

void read_directory(Section& root, const Loading& loading) {
  DirectoryReader reader(loading);
  for (Section& section : root.tables("domain")) reader.read_domain(section);
  for (Section& section : root.tables("user")) reader.read_user(section);
  reader.read_accounts(root);
  reader.read_system_users();
  for (Section& section : root.tables("alias")) reader.read_alias(section);
  reader.finish();
}

}  // namespace config
