#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <sstream>

#include "base/escape.h"
#include "cli/sendmail_arguments.h"

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
  void add_route();
  void add_trace();
  void add_queue();
  void add_action(CLI::App& queue, const char* name, const char* help);
  void add_lab();
  void add_others();
  /// What stands where a command is expected and is none; else empty.
  [[nodiscard]] std::string unknown_command() const;
  /// What CLI11 cannot say by itself.
  [[nodiscard]] std::string mistake() const;

  CLI::App app_{"Posthaste, a mail transfer system.", "posthaste"};
  Make chosen_;
  bool takes_config_ = false;
  std::string config_, id_, address_;
  bool json_ = false;
  std::vector<std::string> help_words_;
  SendOptions send_;
  std::string send_tls_ = "auto";
  QueueActionOptions act_;
  RouteOptions route_;
  DemoOptions demo_;
  LabOptions lab_;
};

CommandLine::CommandLine() {
  app_.set_version_flag("--version", "posthaste " PH_VERSION);
  app_.require_subcommand(1);
  add_config(app_);
  add_configured();
  add_send();
  add_queue();
  add_user();
  add_route();
  add_trace();
  add_lab();
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
  CLI::App* user = app_.add_subcommand("user", "Accounts, beside those of the configuration");
  user->require_subcommand(1);
  add_config(*user);
  CLI::App* list =
      add(*user, "list", "List them", [this] { return UserListOptions{config_, json_}; });
  add_json(*list);
  CLI::App* added = add(*user, "add", "Add one; the password is read from stdin or a prompt",
                        [this] { return UserAddOptions{config_, address_}; });
  CLI::App* removed = add(*user, "remove", "Remove one; its mailbox stays",
                          [this] { return UserRemoveOptions{config_, address_}; });
  CLI::App* passwd = add(*user, "passwd", "Set a password, which is read from stdin or a prompt",
                         [this] { return UserPasswdOptions{config_, address_}; });
  for (CLI::App* app : {added, removed, passwd}) {
    app->add_option("ADDRESS", address_, "The mailbox, and the login name")
        ->required()
        ->type_name("");
  }
  for (CLI::App* app : {list, added, removed, passwd}) add_config(*app);
  add(*user, "hash",
      "Print password and scram of a [[user]] for the configuration; the password is read from "
      "stdin or a prompt",
      [] { return UserHashOptions{}; });
}

void CommandLine::add_route() {
  CLI::App* route =
      add(app_, "route", "Explain where mail to an address goes next, and why", [this] {
        route_.config = config_;
        route_.json = json_;
        route_.address = address_;
        return route_;
      });
  route->add_option("ADDRESS", address_, "May carry a source route, with or without <>")
      ->required()
      ->type_name("");
  route->add_option("--client", route_.client, "As from a client with this address")
      ->type_name("IP");
  route->add_option("--user", route_.user, "As from somebody who has logged in")->type_name("NAME");
  route->add_option("--sender", route_.sender, "With this reverse-path")->type_name("ADDRESS");
  add_json(*route);
  add_config(*route);
}

void CommandLine::add_trace() {
  CLI::App* trace =
      add(app_, "trace", "Tell the whole life of a message, also after it has left the queue",
          [this] { return TraceOptions{config_, id_, json_}; });
  trace->add_option("ID", id_, "The message, as logs and `queue list` name it")
      ->required()
      ->type_name("");
  add_json(*trace);
  add_config(*trace);
}

void CommandLine::add_lab() {
  CLI::App* lab =
      add(app_, "lab",
          "Run the mail internet that a file describes, in simulated time, and say what "
          "became of its mail",
          [this] {
            lab_.json = json_;
            return lab_;
          });
  lab->add_option("FILE", lab_.file, "The description; see posthaste-lab(1)")
      ->required()
      ->type_name("");
  lab->add_option("--seed", lab_.seed, "The same seed gives the same run; default: 1")
      ->type_name("N");
  lab->add_option("--journeys", lab_.journeys,
                  "How many are told: default 10, with --json all of them")
      ->check(CLI::NonNegativeNumber | CLI::IsMember({"all"}))
      ->type_name("N|all");
  lab->add_option("--svg", lab_.svg, "Draw the hops over time into this file")->type_name("FILE");
  add_json(*lab);
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
  add_action(*queue, "retry", "Try now, whatever the back-off");
  add_action(*queue, "hold", "Try no more, until released; survives a restart");
  add_action(*queue, "release", "Try again what is held, at once");
  add_action(*queue, "bounce", "Give up, and report that to the sender at once");
  add_action(*queue, "drop", "Give up, and report to nobody");
  add_action(*queue, "reroute", "Fix the next hop; survives a restart");
}

void CommandLine::add_action(CLI::App& queue, const char* name, const char* help) {
  CLI::App* app = add(queue, name, help, [this, name] {
    act_.action = name;
    act_.config = config_;
    act_.json = json_;
    return act_;
  });
  app->footer("Acts on the recipients that match all of the conditions; one must be given.");
  app->add_option("--id", act_.id, "Of this message")->type_name("ID");
  app->add_option("--to", act_.to, "To this address or domain")->type_name("ADDRESS|DOMAIN");
  app->add_option("--from", act_.from, "From this address or domain")->type_name("ADDRESS|DOMAIN");
  app->add_flag("--all", act_.all, "All of them");
  app->add_flag("--dry-run", act_.dry_run, "Only show what would be touched");
  if (std::string_view(name) == "reroute") {
    app->add_option("--via", act_.via, "The next hop, as in a [[route]]: smtp://HOST[:PORT], …")
        ->required()
        ->type_name("URL");
  }
  add_json(*app);
  add_config(*app);
}

void CommandLine::add_others() {
  add(app_, "check-address",
      "Judge addresses: reads lines of JSON such as {\"address\": \"<a@b.example>\"}",
      [] { return CheckAddressOptions{}; });
  CLI::App* demo = add(app_, "demo",
                       "Send one message by source route and one directly through five servers "
                       "and a DNS made for it, and show both journeys",
                       [this] {
                         demo_.json = json_;
                         return demo_;
                       });
  add_json(*demo);
  demo->add_flag("--without-z", demo_.without_z)->group("");  // Hidden: for tests.
  add(app_, "sendmail",
      "Take mail of local programs, as sendmail(8) does; see posthaste-sendmail(1)",
      [] { return SendmailOptions{}; });
  CLI::App* help = app_.add_subcommand("help", "Show this help, or that of a command");
  help->callback([this] { chosen_ = nullptr; });
  help->add_option("COMMAND", help_words_, "The command")->type_name("");
}

std::string CommandLine::mistake() const {
  if (!config_.empty() && !takes_config_) return "--config: this command reads no configuration";
  if (send_tls_ == "off" && !send_.auth_user.empty()) return "--auth: never without TLS";
  if (send_tls_ == "off" && !send_.ca_file.empty()) return "--ca: there is no TLS";
  const Command command = chosen_();
  const auto* action = std::get_if<QueueActionOptions>(&command);
  if (action != nullptr && !action->id && !action->to && !action->from && !action->all) {
    return "queue " + action->action + ": expected --id, --to, --from or --all";
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

/// `sendmail` has a syntax of its own, behind `--config FILE` at most.
std::optional<std::size_t> sendmail_command(const std::vector<std::string>& arguments) {
  std::size_t at = 0;
  while (at < arguments.size() && arguments[at].starts_with("--config")) {
    at += arguments[at] == "--config" ? 2 : 1;
  }
  if (at >= arguments.size() || arguments[at] != "sendmail") return std::nullopt;
  const bool wants_help = at + 1 < arguments.size() && arguments[at + 1] == "--help";
  return wants_help ? std::nullopt : std::optional(at);
}

std::expected<Command, EarlyExit> sendmail(const std::string& program,
                                           const std::vector<std::string>& arguments) {
  auto options = parse_sendmail(program, arguments);
  if (options) return std::move(*options);
  return std::unexpected(
      EarlyExit{ex_usage, "posthaste: sendmail: " + base::escaped(options.error()) + '\n'});
}

}  // namespace

std::expected<Command, EarlyExit> parse_arguments(const std::vector<std::string>& arguments) {
  if (const auto at = sendmail_command(arguments)) {
    std::vector<std::string> flags = arguments;
    flags.erase(flags.begin() + static_cast<std::ptrdiff_t>(*at));
    return sendmail("sendmail", flags);
  }
  return CommandLine().parse(arguments);
}

std::expected<Command, EarlyExit> parse_command_line(const std::vector<std::string>& words) {
  const std::vector<std::string> arguments(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (!words.empty() && is_sendmail_name(words.front())) return sendmail(words.front(), arguments);
  return parse_arguments(arguments);
}

}  // namespace cli
