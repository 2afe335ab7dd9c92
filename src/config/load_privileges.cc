#include <fmt/format.h>

#include <algorithm>

#include "config/load.h"

// Whom the server runs as, and as whom it may do something.
namespace config {
namespace {

/// Numbers that systemd gives to passing users, and those behind them that stand for nobody: on
/// every Linux system these have no mail.
constexpr std::uint32_t first_passing_uid = 61'184;
constexpr std::uint32_t last_nobody_uid = 65'535;
constexpr std::size_t uid_max = 4'294'967'294;

/// In octets, as useradd takes them at most.
constexpr std::size_t name_octets_max = 32;

}  // namespace

bool may_have_mail(const Privileges& privileges, const SystemUser& user) {
  if (user.uid == 0) return false;
  if (std::ranges::find(privileges.users, user.name) != privileges.users.end()) return true;
  const bool is_passing = user.uid >= first_passing_uid && user.uid <= last_nobody_uid;
  return user.uid >= privileges.first_uid && !is_passing;
}

std::optional<std::string> read_system_user(Section& section, const Text& text,
                                            const Loading& loading) {
  if (text.value.size() > name_octets_max || text.value.find_first_of(":/ ") != text.value.npos) {
    section.fail(text, fmt::format("expected the name of a system user, found \"{}\"", text.value));
    return std::nullopt;
  }
  const SystemUser* user = loading.find_system_user(text.value);
  if (text.value == "root" || (user != nullptr && user->uid == 0)) {
    section.fail(text, "expected a user without privileges: nothing is done as root");
    return std::nullopt;
  }
  if (user == nullptr && loading.knows_system_users()) {
    section.fail(text, fmt::format("expected a system user: there is no \"{}\"", text.value));
    return std::nullopt;
  }
  return text.value;
}

const SystemUser* Loading::find_system_user(std::string_view name) const {
  const auto found = std::ranges::find(system_users, name, &SystemUser::name);
  return found == system_users.end() ? nullptr : &*found;
}

void read_privileges(Section& root, Loading& loading) {
  if (loading.options.questions.system_users) {
    loading.system_users = loading.options.questions.system_users();
  }
  Privileges& out = loading.config.privileges;
  Section privileges = root.table("privileges");
  if (const auto user = privileges.filled_text("user")) {
    out.user = read_system_user(privileges, *user, loading).value_or("");
  }
  privileges.count("first_uid", {.min = 1, .max = uid_max}, out.first_uid);
  for (const Text& text : privileges.texts("users")) {
    if (auto name = read_system_user(privileges, text, loading)) out.users.push_back(*name);
  }
  privileges.finish();
}

void set_run_as(Section& section, const std::optional<Text>& run_as, const Loading& loading,
                route::Target& target) {
  if (!run_as) return;
  if (target.scheme != route::Scheme::pipe) {
    return section.fail(*run_as, "expected pipe:… to go there: nothing else runs as another user");
  }
  target.run_as = read_run_as(section, *run_as, loading);
}

std::string read_run_as(Section& section, const Text& text, const Loading& loading) {
  auto user = read_system_user(section, text, loading);
  if (!user) return {};
  if (loading.config.privileges.user.empty()) {
    section.fail(text, needs_privileges_user);
    return {};
  }
  loading.config.needs_other_users = true;
  return *std::move(user);
}

std::optional<std::string> home_mistake(const route::Target& target) {
  constexpr std::string_view expected = "expected a path in the home, such as \"~/Maildir\"";
  std::string_view rest = std::string_view(target.argument).substr(2);
  if (rest.empty() || rest.find_first_of("{}") != rest.npos) return std::string(expected);
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return std::string(expected);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  return std::nullopt;
}

void read_system_users(Section& section, directory::LocalDomain& domain) {
  constexpr Choice<bool> kinds[] = {{"listed", false}, {"system", true}};
  section.choice("users", kinds, domain.system_users);
  section.not_supported_yet("forward_files");
}

void check_system_users(Section& section, const Loading& loading,
                        const directory::LocalDomain& domain, const route::Target* deliver) {
  const bool in_home = deliver != nullptr && deliver->is_in_home();
  if (deliver != nullptr && in_home != domain.system_users) {
    return section.fail_at("deliver",
                           in_home ? "expected users = \"system\" for a mailbox in a home"
                                   : "expected a mailbox in the home for users = \"system\": "
                                     "\"maildir:~/…\" or \"mbox:~/…\"");
  }
  if (!domain.system_users) return;
  if (domain.recipients != directory::Recipients::listed) {
    section.fail_at("recipients", "expected \"listed\": the system knows its users");
  }
  if (loading.config.privileges.user.empty()) {
    return section.fail_at("users", needs_privileges_user);
  }
  loading.config.needs_other_users = true;
}

std::vector<directory::User> system_mailboxes(const Loading& loading,
                                              const directory::LocalDomain& domain) {
  std::vector<directory::User> out;
  if (!domain.system_users) return out;
  for (const SystemUser& user : loading.system_users) {
    if (!may_have_mail(loading.config.privileges, user)) continue;
    auto local = grammar::LocalPart::from_value(user.name);
    if (!local) continue;
    directory::User mailbox;
    mailbox.mailbox = {.local = *std::move(local), .domain = domain.name};
    mailbox.system_user = user.name;
    out.push_back(std::move(mailbox));
  }
  return out;
}

}  // namespace config
