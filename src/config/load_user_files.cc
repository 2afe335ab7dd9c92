#include <fmt/format.h>

#include <unordered_map>

#include "base/ascii.h"
#include "config/alias_files.h"
#include "directory/alias_file.h"

// Users from tables of their own.
namespace config {
namespace {

/// Says that an address has no login.
constexpr std::string_view no_login = "-";

/// The verifiers of a row: none, one or both, in any order. The messages do not repeat the value:
/// somebody may have written the password itself.
std::optional<std::string> read_verifiers(std::string_view text, directory::User& user) {
  text = base::trimmed(text);
  if (text == no_login) return std::nullopt;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view one = text.substr(0, end);
    text = base::trimmed(text.substr(end));
    if (one.starts_with("SCRAM-")) {
      auto scram = crypto::ScramVerifier::parse(one);
      if (!scram) return scram.error();
      if (user.scram) return "expected one SCRAM verifier";
      user.scram = std::move(*scram);
    } else {
      auto password = crypto::PasswordHash::parse(one);
      if (!password) return password.error();
      if (user.password) return "expected one password";
      user.password = std::move(*password);
    }
  }
  return std::nullopt;
}

class UserFileReader {
 public:
  UserFileReader(const Loading& loading, const OurDomains& ours) : loading_(loading), ours_(ours) {}

  void read(Section& section);
  std::vector<FileUser> release() { return std::move(users_); }

 private:
  void take(Section& section, const std::string& path, const grammar::Domain& domain,
            const TableRow& row);

  const Loading& loading_;
  const OurDomains& ours_;
  std::vector<FileUser> users_;
  std::unordered_map<std::string, std::size_t> by_key_;  ///< In users_.
};

void UserFileReader::read(Section& section) {
  const auto path = section.required_text("path", "expected a file such as \"users.db\"");
  const grammar::Domain domain = read_domain_of_names(section, ours_);
  section.finish();
  if (!path || !loading_.options.questions.table) return;
  const std::string resolved = loading_.resolve(path->value);
  const auto rows = loading_.options.questions.table(resolved);
  if (!rows) return section.fail(*path, rows.error());
  for (const TableRow& row : *rows) take(section, resolved, domain, row);
}

void UserFileReader::take(Section& section, const std::string& path, const grammar::Domain& domain,
                          const TableRow& row) {
  auto name = directory::parse_alias_name(row.key);
  if (!name) return section.fail_in(path, row.line, "expected a name or an address");
  if (name->domain.empty()) name->domain = domain;
  if (!ours_.contains(name->domain)) {
    return section.fail_in(path, row.line,
                           fmt::format("expected an address in one of the [[domain]] blocks, "
                                       "\"{}\" is none of them",
                                       name->domain.text()));
  }
  directory::User user;
  user.mailbox = std::move(*name);
  if (auto mistake = read_verifiers(row.value, user)) {
    return section.fail_in(path, row.line, std::move(*mistake));
  }
  const std::string key =
      base::lower(user.mailbox.local.value()) + '@' + user.mailbox.domain.canonical();
  const auto [place, is_new] = by_key_.try_emplace(key, users_.size());
  if (!is_new) {
    return section.fail_in(path, row.line,
                           fmt::format("{} is there already: {}", user.mailbox.print(),
                                       users_[place->second].place.print()));
  }
  users_.push_back({.user = std::move(user), .place = {.file = path, .line = row.line}});
}

}  // namespace

std::vector<FileUser> read_user_files(Section& root, const Loading& loading,
                                      const OurDomains& ours) {
  UserFileReader reader(loading, ours);
  for (Section& section : root.tables("user_file")) reader.read(section);
  return reader.release();
}

}  // namespace config
