#include <unistd.h>

#include <utility>

#include "base/ascii.h"
#include "base/escape.h"
#include "cli/configuration.h"
#include "cli/dialogue.h"
#include "cli/endpoint_name.h"
#include "cli/files.h"
#include "cli/message_source.h"
#include "cli/message_text.h"
#include "cli/one_shot.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/secret_input.h"
#include "delivery/smtp_client.h"
#include "grammar/path.h"
#include "sys/linux/clock.h"
#include "sys/linux/net.h"
#include "sys/linux/tls.h"

namespace cli {
namespace {

constexpr std::size_t message_octets_max = std::size_t{1} << 30;
constexpr std::size_t pem_octets_max = 16 * 1024 * 1024;

/// What is wrong, and which exit status that is.
struct Trouble {
  int status = exit_failed;
  std::string text;
};
template <class T>
using Checked = std::expected<T, Trouble>;

std::unexpected<Trouble> wrong_usage(std::string text) {
  return std::unexpected(Trouble{exit_usage, std::move(text)});
}
std::unexpected<Trouble> failed(std::string text) {
  return std::unexpected(Trouble{exit_failed, std::move(text)});
}

/// With or without angle brackets.
std::string bracketed(std::string_view address) {
  return address.starts_with('<') ? std::string(address) : '<' + std::string(address) + '>';
}

Checked<smtp::Transaction> make_transaction(const SendOptions& options, std::string_view content) {
  smtp::Transaction out{.size = content.size(),
                        .eight_bit = !base::is_ascii(content),
                        .needs_smtputf8 = has_8bit_header(content),
                        .all_or_nothing = true};
  const auto from = grammar::ReversePath::parse(bracketed(options.from));
  if (!from) return wrong_usage("--from: no address: " + base::escaped(options.from));
  out.reverse_path = from->print(grammar::DomainForm::ascii);
  out.needs_smtputf8 |= from->needs_smtputf8();
  for (const std::string& text : options.to) {
    const auto to = grammar::ForwardPath::parse(bracketed(text));
    if (!to) return wrong_usage("--to: no address: " + base::escaped(text));
    out.forward_paths.push_back(to->print(grammar::DomainForm::ascii));
    out.needs_smtputf8 |= to->needs_smtputf8();
  }
  return out;
}

Checked<std::string> read_message(const SendOptions& options) {
  const bool from_stdin = options.file.empty() || options.file == "-";
  auto text = from_stdin ? read_all(STDIN_FILENO, "stdin", message_octets_max)
                         : read_file(options.file, message_octets_max);
  if (!text) return failed(text.error());
  auto content = normalize_message(*text);
  if (!content) return failed((from_stdin ? "stdin" : options.file) + ": " + content.error());
  return std::move(*content);
}

Checked<std::string> greeting_name(const SendOptions& options) {
  if (options.helo.empty()) return config::defaults(machine_name()).hostname;
  // Whatever is one word may be tried on a server.
  const bool is_word =
      std::ranges::none_of(options.helo, [](char c) { return c == ' ' || base::is_control(c); });
  if (!is_word) return wrong_usage("--helo: expected a name, found " + base::escaped(options.helo));
  return options.helo;
}

Checked<delivery::SmtpClientOptions> make_client_options(const SendOptions& options,
                                                         std::uint16_t port, sys::Tls& tls) {
  constexpr std::uint16_t submissions_port = 465;  // [RFC8314 7.3]
  delivery::SmtpClientOptions out;
  auto helo = greeting_name(options);
  if (!helo) return std::unexpected(helo.error());
  out.session.helo = std::move(*helo);

  out.implicit_tls = options.tls == SendTls::implicit ||
                     (options.tls == SendTls::automatic && port == submissions_port);
  const bool wants_tls = options.tls == SendTls::starttls || options.tls == SendTls::implicit ||
                         !options.ca_file.empty() || !options.auth_user.empty();
  out.verify = wants_tls && !options.insecure;
  out.session.tls = options.tls == SendTls::off ? smtp::TlsPolicy::off
                    : wants_tls                 ? smtp::TlsPolicy::required
                                                : smtp::TlsPolicy::opportunistic;
  std::string trusted;
  if (!options.ca_file.empty()) {
    auto text = read_file(options.ca_file, pem_octets_max);
    if (!text) return failed(text.error());
    if (text->empty()) return failed(options.ca_file + ": expected certificates, it is empty");
    trusted = std::move(*text);
  }
  auto context = tls.client_context(trusted);
  if (!context) {
    const std::string where = trusted.empty() ? "the system's certificates" : options.ca_file;
    return failed(where + ": " + context.error());
  }
  out.tls = std::move(*context);
  if (!options.auth_user.empty()) {
    auto password = read_password_file(options.password_file);
    if (!password) return failed(password.error());
    out.login.credentials = std::make_shared<const sasl::ClientCredentials>(
        sasl::ClientCredentials{.user = options.auth_user, .secret = password->clone()});
    out.login.nonce = delivery::make_nonce(*sys::real::make_random());
  }
  return out;
}

/// Tries the addresses of the server until one answers.
base::Task<delivery::SmtpClient::Opened> open(sys::Net& net, engine::Timers& timers,
                                              const std::string& host,
                                              const std::vector<base::Endpoint>& addresses,
                                              const delivery::SmtpClientOptions& options) {
  delivery::SmtpClient::Opened out = std::unexpected(delivery::OpenFailure{});
  for (const base::Endpoint& address : addresses) {
    out = co_await delivery::SmtpClient::open(net, timers, {host, address}, options);
    if (out) co_return out;
    out.error().text = address.to_string() + ": " + out.error().text;
    // Only one that could not be reached leaves the word to another.
    if (out.error().reply || out.error().tls_failed) co_return out;
  }
  co_return out;
}

/// Whether it was taken for everybody. Says why not, each reply once.
bool report(const SendOptions& options, const std::vector<smtp::RecipientResult>& results,
            const delivery::SmtpClient& client) {
  using smtp::Verdict;
  std::string last;
  bool taken = true;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const smtp::RecipientResult& result = results[i];
    if (result.verdict == Verdict::accepted) continue;
    taken = false;
    if (result.verdict == Verdict::abandoned) continue;
    const std::string reply = result.reply ? smtp::one_line(*result.reply)
                              : result.verdict == Verdict::unknown
                                  ? "no reply after the final dot: it may have been taken"
                                  : client.closed_because();
    const std::string who = result.stage == smtp::Stage::rcpt ? options.to[i] + ": " : "";
    if (std::exchange(last, who + reply) != who + reply) {
      complain("posthaste: send: " + base::escaped(who) + reply);
    }
  }
  if (taken) print(smtp::one_line(*results.front().reply) + '\n');
  return taken;
}

struct Submission {
  const SendOptions& options;
  const std::string& host;
  const std::vector<base::Endpoint>& addresses;
  const delivery::SmtpClientOptions& client;
  const smtp::Transaction& transaction;
  std::string_view content;
};

base::Task<> submit(sys::Net& net, engine::Timers& timers, const Submission& submission,
                    bool& taken) {
  auto client =
      co_await open(net, timers, submission.host, submission.addresses, submission.client);
  if (!client) {
    complain("posthaste: send: " + client.error().text);
    co_return;
  }
  MessageSource source(submission.content);
  const auto results = co_await (*client)->send(submission.transaction, source);
  taken = report(submission.options, results, **client);
  co_await (*client)->quit();
}

Checked<bool> send(const SendOptions& options) {
  const auto server = HostPort::parse(options.server);
  if (!server) return wrong_usage("--server: " + server.error());
  const auto content = read_message(options);
  if (!content) return std::unexpected(content.error());
  const auto transaction = make_transaction(options, *content);
  if (!transaction) return std::unexpected(transaction.error());
  const auto tls = sys::real::make_tls();
  auto client = make_client_options(options, server->port, *tls);
  if (!client) return std::unexpected(client.error());
  const auto addresses = find_addresses(*server);
  if (!addresses) return failed(addresses.error());

  Dialogue dialogue;
  if (options.verbose) {
    client->transcript = [&](bool ours, std::string_view octets) { dialogue.show(ours, octets); };
  }
  sys::real::RealLoop loop;
  const auto net = sys::real::make_net(loop);
  bool taken = false;
  {
    engine::Timers timers(loop);
    const Submission submission{options, server->host, *addresses, *client, *transaction, *content};
    run_once(loop, timers, submit(*net, timers, submission, taken));
  }
  return taken;
}

}  // namespace

int run(const SendOptions& options) {
  const Checked<bool> taken = send(options);
  if (taken) return *taken ? exit_done : exit_failed;
  complain("posthaste: send: " + taken.error().text);
  return taken.error().status;
}

}  // namespace cli
