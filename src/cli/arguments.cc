#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <sstream>

#include "base/escape.h"

namespace cli {
namespace {

const std::map<std::string, SendTls> send_tls_values = {{"auto", SendTls::automatic},
                                                        {"off", SendTls::off},
                                                        {"starttls", SendTls::starttls},
                                                        {"implicit", SendTls::implicit}};

/// The command line as CLI11 sees it, and where the values go, by reference: one use, not moved.
class CommandLine {
 public:
  CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  [[nodiscard]] std::expected<Command, EarlyExit> parse(const std::vector<std::string>& arguments);

 private:
  using Make = std::function<Command()>;

  /// A command of its own: `make` gives its options when it was asked for.
  CLI::App* add(CLI::App& above, const char* name, const char* help, Make make);
  void add_config(CLI::App& app);
  void add_json(CLI::App& app);
  void add_configured();
  void add_send();
  void add_user();
  void add_queue();
  void add_retry(CLI::App& queue);
  void add_others();
  /// What stands where a command is expected and is none; else empty.
  [[nodiscard]] std::string unknown_command() const;
  /// What CLI11 cannot say by itself.
  [[nodiscard]] std::string mistake() const;

  CLI::App app_{"Posthaste, a mail transfer system.", "posthaste"};
  Make chosen_;
  bool takes_config_ = false;
  std::string config_, id_;
  bool json_ = false;
  std::vector<std::string> help_words_;
  SendOptions send_;
  std::string send_tls_ = "auto";
  QueueRetryOptions retry_;
  DemoOptions demo_;
};

CommandLine::CommandLine() {
  app_.set_version_flag("--version", "posthaste " PH_VERSION);
  app_.require_subcommand(1);
  add_config(app_);
  add_configured();
  add_send();
  add_queue();
  add_user();
  add_others();
}

CLI::App* CommandLine::add(CLI::App& above, const char* name, const char* help, Make make) {
  CLI::App* app = above.add_subcommand(name, help);
  app->callback([this, app, make = std::move(make)] {
    takes_config_ = app->get_option_no_throw("--config") != nullptr;
    chosen_ = make;
  });
  return app;
}

void CommandLine::add_config(CLI::App& app) {
  app.add_option("--config", config_, "The configuration file")->type_name("FILE");
}

void CommandLine::add_json(CLI::App& app) {
  app.add_flag("--json", json_, "Print one JSON document");
}

void CommandLine::add_configured() {
  CLI::App* serve = add(app_, "serve",
                        "Run the server in the foreground; without a configuration a sandbox on "
                        "loopback that captures all mail",
                        [this] { return ServeOptions{config_}; });
  add_config(*serve);
  CLI::App* check = add(app_, "check", "Validate the configuration, without making anything",
                        [this] { return CheckOptions{config_, json_}; });
  add_config(*check);
  add_json(*check);
}

void CommandLine::add_send() {
  CLI::App* send =
      add(app_, "send", "Submit a message to a server, and wait for its answer", [this] {
        send_.tls = send_tls_values.at(send_tls_);
        return send_;
      });
  send->add_option("FILE", send_.file, "The message; default: stdin")->type_name("");
  send->add_option("--server", send_.server, "The server to submit to")
      ->required()
      ->type_name("HOST:PORT");
  send->add_option("--from", send_.from, "The reverse-path; \"\" for none")
      ->required()
      ->type_name("ADDRESS");
  // One value each time, so that FILE is never taken for a recipient.
  send->add_option("--to", send_.to, "A forward-path; once for each recipient")
      ->required()
      ->allow_extra_args(false)
      ->type_name("ADDRESS");
  send->add_option("--helo", send_.helo, "The name to greet with")->type_name("NAME");
  CLI::Option* auth =
      send->add_option("--auth", send_.auth_user, "Log in, never without TLS")->type_name("USER");
  CLI::Option* password =
      send->add_option("--password-file", send_.password_file, "The password is its first line")
          ->type_name("FILE");
  auth->needs(password);
  password->needs(auth);
  send->add_option("--tls", send_tls_,
                   "auto (from the start at port 465, else STARTTLS where offered), off, starttls "
                   "or implicit (from the start)")
      ->check(CLI::IsMember(&send_tls_values))
      ->type_name("HOW");
  CLI::Option* ca = send->add_option("--ca", send_.ca_file, "Trust these certificates alone (PEM)")
                        ->type_name("FILE");
  send->add_flag("--insecure", send_.insecure, "Take any certificate")->excludes(ca);
  send->add_flag("--verbose", send_.verbose, "Print the dialogue on stderr, without secrets");
}

void CommandLine::add_user() {
  CLI::App* user = app_.add_subcommand("user", "Accounts");
  user->require_subcommand(1);
  add(*user, "hash",
      "Print the password of a [[user]] for the configuration; it is read from stdin or a prompt",
      [] { return UserHashOptions{}; });
}

void CommandLine::add_queue() {
  CLI::App* queue =
      app_.add_subcommand("queue", "Look into the queue of a running or stopped server");
  queue->require_subcommand(1);
  add_config(*queue);
  CLI::App* list =
      add(*queue, "list", "List all messages", [this] { return QueueListOptions{config_, json_}; });
  CLI::App* show = add(*queue, "show", "Show one message",
                       [this] { return QueueShowOptions{config_, id_, json_}; });
  CLI::App* body = add(*queue, "body", "Print the whole content of one message",
                       [this] { return QueueBodyOptions{config_, id_}; });
  for (CLI::App* app : {list, show}) add_json(*app);
  for (CLI::App* app : {show, body}) {
    app->add_option("ID", id_, "The message, as `queue list` names it")->required()->type_name("");
  }
  for (CLI::App* app : {list, show, body}) add_config(*app);
  add_retry(*queue);
}

void CommandLine::add_retry(CLI::App& queue) {
  CLI::App* retry = add(queue, "retry",
                        "Try now, whatever the back-off, for the recipients that match all of "
                        "these conditions",
                        [this] {
                          retry_.config = config_;
                          retry_.json = json_;
                          return retry_;
                        });
  retry->add_option("--id", retry_.id, "Of this message")->type_name("ID");
  retry->add_option("--to", retry_.to, "To this address or domain")->type_name("ADDRESS|DOMAIN");
  retry->add_option("--from", retry_.from, "From this address or domain")
      ->type_name("ADDRESS|DOMAIN");
  retry->add_flag("--all", retry_.all, "All of them");
  retry->add_flag("--dry-run", retry_.dry_run, "Only show what would be touched");
  add_json(*retry);
  add_config(*retry);
}

void CommandLine::add_others() {
  add(app_, "check-address",
      "Judge addresses: reads lines of JSON such as {\"address\": \"<a@b.example>\"}",
      [] { return CheckAddressOptions{}; });
  CLI::App* demo = add(app_, "demo",
                       "Send a message through two servers and a DNS made for it, and show each "
                       "step",
                       [this] { return demo_; });
  demo->add_flag("--without-z", demo_.without_z)->group("");  // Hidden: for tests.
  CLI::App* help = app_.add_subcommand("help", "Show this help, or that of a command");
  help->callback([this] { chosen_ = nullptr; });
  help->add_option("COMMAND", help_words_, "The command")->type_name("");
}

std::string CommandLine::mistake() const {
  if (!config_.empty() && !takes_config_) return "--config: this command reads no configuration";
  if (send_tls_ == "off" && !send_.auth_user.empty()) return "--auth: never without TLS";
  if (send_tls_ == "off" && !send_.ca_file.empty()) return "--ca: there is no TLS";
  const bool retries = std::holds_alternative<QueueRetryOptions>(chosen_());
  if (retries && !retry_.id && !retry_.to && !retry_.from && !retry_.all) {
    return "queue retry: expected --id, --to, --from or --all";
  }
  return {};
}

std::string CommandLine::unknown_command() const {
  const CLI::App* last = &app_;
  while (!last->get_subcommands().empty()) last = last->get_subcommands().front();
  if (last->get_require_subcommand_min() == 0) return {};
  for (const std::string& word : last->remaining()) {
    if (!word.starts_with('-')) return word;
  }
  return {};
}

std::expected<Command, EarlyExit> CommandLine::parse(const std::vector<std::string>& arguments) {
  try {
    app_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // Last one first.
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    if (const std::string name = unknown_command(); !name.empty()) {
      return std::unexpected(
          EarlyExit{exit_usage, "posthaste: no such command: " + base::escaped(name) + '\n'});
    }
    if (app_.exit(error, out, err) == 0) return std::unexpected(EarlyExit{exit_done, out.str()});
    return std::unexpected(EarlyExit{exit_usage, "posthaste: " + err.str()});
  }
  if (!chosen_) {
    help_words_.push_back("--help");
    return CommandLine().parse(help_words_);
  }
  if (const std::string text = mistake(); !text.empty()) {
    return std::unexpected(EarlyExit{exit_usage, "posthaste: " + text + '\n'});
  }
  return chosen_();
}

}  // namespace

std::expected<Command, EarlyExit> parse_arguments(const std::vector<std::string>& arguments) {
  return CommandLine().parse(arguments);
}

}  // namespace cli
