#include <fmt/format.h>

#include <unordered_set>

#include "base/ascii.h"
#include "config/load.h"
#include "grammar/parse.h"

namespace config {
namespace {

constexpr Choice<directory::Recipients> recipients_rules[] = {
    {"listed", directory::Recipients::listed},
    {"any", directory::Recipients::any},
    {"ask", {}},
};

/// The mistake in the braces of a template, or nothing.
std::optional<std::string> check_placeholders(std::string_view text) {
  for (std::size_t at = text.find_first_of("{}"); at != text.npos;
       at = text.find_first_of("{}", at)) {
    const std::string_view rest = text.substr(at);
    const std::size_t end = rest.find('}');
    const std::string_view placeholder = end == rest.npos ? rest : rest.substr(0, end + 1);
    if (placeholder != "{domain}" && placeholder != "{local}") {
      return fmt::format("expected {{domain}} or {{local}}, found \"{}\"", placeholder);
    }
    at += placeholder.size();
  }
  return std::nullopt;
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
  if (target->scheme != route::Scheme::maildir) return *target;
  if (auto mistake = check_placeholders(target->argument)) {
    section.fail(*text, std::move(*mistake));
    return std::nullopt;
  }
  target->argument = loading.resolve(target->argument);
  return *target;
}

/// Reads `[[domain]]` and `[[user]]` blocks, and knows what the former ones have said.
class DirectoryReader {
 public:
  explicit DirectoryReader(const Loading& loading) : loading_(loading) {}

  void read_domain(Section& section);
  void read_user(Section& section);
  void finish();

 private:
  [[nodiscard]] bool has_postmaster(const grammar::Domain& domain) const;

  const Loading& loading_;
  directory::SnapshotParts parts_;
  std::unordered_set<grammar::Domain> domains_;  ///< Also of blocks with other mistakes.
  std::unordered_set<std::string> users_;        ///< Local-parts in lower case, canonical domains.
};

void DirectoryReader::read_domain(Section& section) {
  directory::LocalDomain domain;
  const auto name = section.required_text("name", "expected a domain such as \"example.org\"");
  const auto deliver = read_deliver(section, loading_);
  section.choice("recipients", recipients_rules, domain.recipients);
  section.not_supported_yet("catch_all");
  section.boolean("plus_addressing", domain.plus_addressing);
  section.finish();
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
  if (!deliver) return;
  domain.name = std::move(*parsed);
  domain.deliver = deliver->print();
  loading_.config.local_domains.emplace(domain.name, *deliver);
  parts_.domains.push_back(std::move(domain));
}

void DirectoryReader::read_user(Section& section) {
  directory::User user;
  const auto address = section.required_text("address", "expected an address");
  if (const auto password = section.filled_text("password")) {
    auto hash = crypto::PasswordHash::parse(password->value);
    // The message does not repeat the value: somebody may have written the password itself.
    if (!hash) section.fail(*password, hash.error());
    if (hash) user.password = std::move(*hash);
  }
  section.not_supported_yet("scram");
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
  auto mailbox = grammar::Mailbox::parse(address->value);
  if (!mailbox) {
    section.fail(*address, fmt::format("expected an address such as \"alice@example.org\": {}",
                                       grammar::describe(mailbox.error().code)));
    return;
  }
  if (!domains_.contains(mailbox->domain)) {
    section.fail(*address, fmt::format("expected an address in one of the [[domain]] blocks, "
                                       "\"{}\" is none of them",
                                       mailbox->domain.text()));
    return;
  }
  const std::string key = base::lower(mailbox->local.value()) + '@' + mailbox->domain.canonical();
  if (!users_.insert(key).second) {
    section.fail(*address, fmt::format("another [[user]] has the address \"{}\"", key));
    return;
  }
  user.mailbox = std::move(*mailbox);
  parts_.users.push_back(std::move(user));
}

bool DirectoryReader::has_postmaster(const grammar::Domain& domain) const {
  return users_.contains("postmaster@" + domain.canonical());
}

void DirectoryReader::finish() {
  for (const directory::LocalDomain& domain : parts_.domains) {
    if (has_postmaster(domain.name)) continue;
    loading_.warn(fmt::format(
        "no [[user]] has the address postmaster@{}: its mail goes into a mailbox of that name",
        domain.name.text()));
  }
  loading_.config.directory = std::make_shared<const directory::Snapshot>(std::move(parts_));
}

}  // namespace

void read_directory(Section& root, const Loading& loading) {
  DirectoryReader reader(loading);
  for (Section& section : root.tables("domain")) reader.read_domain(section);
  for (Section& section : root.tables("user")) reader.read_user(section);
  root.not_supported_yet("alias");
  reader.finish();
}

}  // namespace config
