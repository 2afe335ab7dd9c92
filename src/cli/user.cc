#include <sys/stat.h>

#include <boost/json.hpp>
#include <filesystem>
#include <optional>

#include "accounts/accounts.h"
#include "base/escape.h"
#include "cli/account_options.h"
#include "cli/configuration.h"
#include "cli/data_owner.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/reload_request.h"
#include "cli/secret_input.h"
#include "cli/verifiers.h"

// `user add`, `remove`, `list` and `passwd`.
namespace cli {
namespace {

namespace json = boost::json;

int fail(std::string_view what, int status = exit_failed) {
  complain("posthaste: user: " + base::escaped(what));
  return status;
}

/// What the commands that change something share: where, and whose account.
struct Change {
  std::shared_ptr<const config::Config> config;
  std::string path;
  grammar::Mailbox mailbox;
};

/// Nothing: it has been said what is wrong, and `status` says how to end.
std::optional<Change> prepare(const std::string& config, const std::string& address, int& status) {
  auto mailbox = grammar::Mailbox::parse(address);
  if (!mailbox) {
    status = fail("expected an address such as alice@example.org, not " + address, exit_usage);
    return std::nullopt;
  }
  auto configuration = read_configuration(config);
  if (!configuration) {
    print_mistakes(configuration.error());
    status = exit_usage;
    return std::nullopt;
  }
  if (configuration->config->sandbox) {
    status = fail("there is no configuration, and the sandbox knows everybody");
    return std::nullopt;
  }
  if (const auto done = become_owner_of(configuration->config->data_dir); !done) {
    status = fail(done.error());
    return std::nullopt;
  }
  std::string path = accounts::path_in(configuration->config->data_dir);
  return Change{std::move(configuration->config), std::move(path), std::move(*mailbox)};
}

/// The account itself, not what the configuration says; nullopt: there is none, or the error was
/// said.
std::optional<bool> is_account(const Change& change) {
  const auto accounts = accounts::load(change.path);
  if (!accounts) {
    (void)fail(accounts.error().text);
    return std::nullopt;
  }
  return std::ranges::any_of(*accounts, [&](const directory::User& user) {
    return directory::same_mailbox(user.mailbox, change.mailbox);
  });
}

std::string there_is_none(const Change& change) {
  const std::string name = change.mailbox.print();
  const bool configured = change.config->directory->find_user(change.mailbox) != nullptr;
  return configured ? name + " is a [[user]] of the configuration: change it there"
                    : "there is no account " + name;
}

/// nullopt: the error was said.
std::optional<directory::User> make_user(const grammar::Mailbox& mailbox) {
  const auto password = read_new_password();
  if (!password) {
    (void)fail(password.error());
    return std::nullopt;
  }
  auto verifiers = make_verifiers(*password);
  if (!verifiers) {
    (void)fail("not enough memory");
    return std::nullopt;
  }
  return directory::User{.mailbox = mailbox,
                         .password = std::move(verifiers->password),
                         .may_send_as = {},
                         .scram = std::move(verifiers->scram)};
}

/// The change is durable, whatever the running server says to it.
int finish(const Change& change, const accounts::Result<>& done) {
  if (!done) return fail(done.error().text);
  const std::string problem = request_reload(change.config->data_dir);
  if (!problem.empty()) {
    complain("posthaste: user: done, but the running server does not know it yet: " +
             base::escaped(problem));
  }
  return exit_done;
}

struct Listed {
  std::string address;
  std::string source;
  bool password = false;
  bool scram = false;
};

Listed describe(const directory::User& user, bool configured) {
  return {.address = user.mailbox.print(),
          .source = configured ? "configuration" : "account",
          .password = user.password.has_value(),
          .scram = user.scram.has_value()};
}

std::string as_json(const std::vector<Listed>& users) {
  json::array out;
  for (const Listed& user : users) {
    out.push_back(json::object{{"address", user.address},
                               {"source", user.source},
                               {"password", user.password},
                               {"scram", user.scram}});
  }
  return json::serialize(out) + '\n';
}

std::string as_text(const std::vector<Listed>& users) {
  std::string out;
  for (const Listed& user : users) {
    std::string logins = user.password ? "PLAIN, LOGIN" : "";
    if (user.scram) logins += logins.empty() ? "SCRAM-SHA-256" : ", SCRAM-SHA-256";
    if (logins.empty()) logins = "no login";
    out += base::escaped(user.address) + "  (" + user.source + "; " + logins + ")\n";
  }
  return out;
}

}  // namespace

int run(const UserAddOptions& options) {
  int status = exit_done;
  const auto change = prepare(options.config, options.address, status);
  if (!change) return status;
  const directory::Snapshot& directory = *change->config->directory;
  const std::string name = change->mailbox.print();
  if (directory.find_domain(change->mailbox.domain) == nullptr) {
    return fail(name + ": " + change->mailbox.domain.text() + " is no [[domain]]");
  }
  const auto known = is_account(*change);
  if (!known) return exit_failed;
  if (*known) return fail("there is an account " + name + " already");
  if (directory.find_user(change->mailbox) != nullptr) {
    return fail(name + " is a [[user]] of the configuration already");
  }
  const auto user = make_user(change->mailbox);
  if (!user) return exit_failed;
  ::umask(077);
  std::error_code error;
  std::filesystem::create_directories(change->config->data_dir, error);  // Told by add().
  return finish(*change, accounts::add(change->path, *user));
}

int run(const UserPasswdOptions& options) {
  int status = exit_done;
  const auto change = prepare(options.config, options.address, status);
  if (!change) return status;
  const auto known = is_account(*change);
  if (!known) return exit_failed;
  if (!*known) return fail(there_is_none(*change));
  const auto user = make_user(change->mailbox);
  if (!user) return exit_failed;
  return finish(*change, accounts::change(change->path, *user));
}

int run(const UserRemoveOptions& options) {
  int status = exit_done;
  const auto change = prepare(options.config, options.address, status);
  if (!change) return status;
  const auto known = is_account(*change);
  if (!known) return exit_failed;
  if (!*known) return fail(there_is_none(*change));
  return finish(*change, accounts::remove(change->path, change->mailbox));
}

int run(const UserListOptions& options) {
  const auto configuration = read_configuration(options.config);
  if (!configuration) {
    print_mistakes(configuration.error());
    return exit_usage;
  }
  const config::Config& config = *configuration->config;
  const auto accounts = accounts::load(accounts::path_in(config.data_dir));
  if (!accounts) return fail(accounts.error().text);
  std::vector<Listed> users;
  for (const directory::User& user : config.directory->users()) {
    users.push_back(describe(user, true));
  }
  for (const directory::User& user : *accounts) users.push_back(describe(user, false));
  return print(options.json ? as_json(users) : as_text(users)) ? exit_done : exit_failed;
}

}  // namespace cli
