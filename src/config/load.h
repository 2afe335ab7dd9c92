#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/section.h"

// The parts of load(), each for some sections of the file.
namespace config {

/// What all parts need. Refers to things of load().
struct Loading {
  const LoadOptions& options;
  Config& config;

  /// A path of the file as an absolute one.
  [[nodiscard]] std::string resolve(std::string_view path) const;
  /// The same, of a file that must be there.
  std::string name_file(const Text& text) const;
  void warn(std::string text) const { config.warnings.push_back(std::move(text)); }

  std::vector<SystemUser> system_users = {};  ///< By read_privileges().
  [[nodiscard]] bool knows_system_users() const {
    return static_cast<bool>(options.questions.system_users);
  }
  [[nodiscard]] const SystemUser* find_system_user(std::string_view name) const;
};

/// `hostname`, or a machine's name, in ASCII; empty if it is no domain name.
[[nodiscard]] std::string hostname_from(std::string_view text);

/// In octets, of the path of a Unix socket: what the system can take.
inline constexpr std::size_t unix_path_octets_max = 107;

/// An address such as `alice@example.org`; reports what is none.
[[nodiscard]] std::optional<grammar::Mailbox> read_mailbox(Section& section, const Text& text);

/// What `deliver` and `via` name has paths and placeholders: makes the paths absolute, and reports
/// mistakes. False: there was one.
[[nodiscard]] bool complete_target(Section& section, const Text& text, const Loading& loading,
                                   route::Target& target);

/// The same; the mistake, if there is one. `where`: of warnings.
[[nodiscard]] std::optional<std::string> target_mistake(const std::string& where,
                                                        const Loading& loading,
                                                        route::Target& target);

/// `[privileges]`. Fills `privileges` and `system_users`.
void read_privileges(Section& root, Loading& loading);
/// The name of a user of the machine, not root; reports what is none.
[[nodiscard]] std::optional<std::string> read_system_user(Section& section, const Text& text,
                                                          const Loading& loading);
/// The user that a program is to run as; reports what is none. Empty: there was a mistake.
[[nodiscard]] std::string read_run_as(Section& section, const Text& text, const Loading& loading);
/// `run_as` of a program.
void set_run_as(Section& section, const std::optional<Text>& run_as, const Loading& loading,
                route::Target& target);
/// What is wrong with a target in a home.
[[nodiscard]] std::optional<std::string> home_mistake(const route::Target& target);
/// `users` of a domain.
void read_system_users(Section& section, directory::LocalDomain& domain);
/// What they demand of the rest. `deliver`: nullptr if that is a mistake.
void check_system_users(Section& section, const Loading& loading,
                        const directory::LocalDomain& domain, const route::Target* deliver);
/// The machine's users who have mail in a domain.
[[nodiscard]] std::vector<directory::User> system_mailboxes(const Loading& loading,
                                                            const directory::LocalDomain& domain);
inline constexpr const char* needs_privileges_user =
    "expected [privileges] user, for the server itself must not run as root then";

/// `[limits]`, `[delivery]`, `[queue]`, `[trace]`, `[log]`: how the server works.
void read_operation(Section& root, const Loading& loading);

/// `[[domain]]`, `[[alias]]`, `[[alias_file]]`, `[[user]]`, `[[user_file]]` and the accounts: who
/// is here. Needs `data_dir`. Fills `directory` and `local_domains`.
void read_directory(Section& root, const Loading& loading);

/// `{ NOUN = 100, per = "1h" }` in `parent`, such as `messages_per_client`; empty: no limit. `key`
/// and `noun` are literals.
void read_rate(Section& parent, std::string_view key, std::string_view noun, base::Rate& out);

/// `[etrn]`: whose mail waits until it is asked for.
void read_etrn(Section& root, const Loading& loading);

/// `[srs]`: how forwarded senders are rewritten. Needs `data_dir`, and `directory`.
void read_srs(Section& root, const Loading& loading);

/// `auth` of a `[[route]]`; nullptr: there is none, or a mistake.
[[nodiscard]] std::shared_ptr<const route::RouteAuth> read_auth(Section& section,
                                                                const Loading& loading);

/// What does not go together in a rule: at which of its keys, and why.
struct ViaMistake {
  std::string_view key;
  std::string message;
};
/// What the rule's `auth` and `tls` have against this `via`; nullopt: nothing.
[[nodiscard]] std::optional<ViaMistake> via_mistake(const route::Rule& rule,
                                                    const route::Target& via);
/// Of a login that can never be.
void warn_of_login(const route::Rule& rule, const route::Target& via, const Loading& loading);

/// The rows of a file: `PATTERN VIA` each. `rule` has everything but `recipient` and `via`.
/// Nullptr: the file cannot be read. Mistakes are told with the file and their line.
[[nodiscard]] std::shared_ptr<const route::Rows> read_route_table(Section& section,
                                                                  const Text& table,
                                                                  const Loading& loading,
                                                                  const route::Rule& rule);

/// `[relay]` and `[[route]]`: what goes on. Needs `directory` and `delivery`. Fills `relay` and
/// `routes`.
void read_routing(Section& root, const Loading& loading);

}  // namespace config
