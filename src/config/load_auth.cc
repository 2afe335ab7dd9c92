#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/load.h"
#include "config/values.h"
#include "sasl/mechanism.h"

namespace config {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t auth_user_octets_max = 255;
constexpr std::size_t command_arguments_max = 100;

/// `token_command`: the program and its arguments.
std::vector<std::string> read_command(Section& table, const Loading& loading) {
  std::vector<std::string> out;
  for (const Text& text : table.texts("token_command")) {
    if (out.size() == command_arguments_max) {
      table.fail(text, fmt::format("expected at most {} arguments", command_arguments_max));
      return {};
    }
    if (!out.empty()) {
      out.push_back(text.value);
      continue;
    }
    if (text.value.empty()) {
      table.fail(text, "expected a program");
      return {};
    }
    const bool is_path = text.value.find('/') != std::string::npos;  // Else looked for in PATH.
    out.push_back(is_path ? loading.resolve(text.value) : text.value);
    const auto& is_executable = loading.options.questions.is_executable;
    if (is_path && is_executable && !is_executable(out.front())) {
      loading.warn(fmt::format("{}: {} is no program that we may run: its mail waits", text.key,
                               out.front()));
    }
  }
  return out;
}

void read_mechanism(Section& table, route::RouteAuth& auth) {
  const auto text = table.filled_text("mechanism");
  if (!text) return;
  const auto known = sasl::client_mechanisms(auth.has_token());
  if (std::ranges::find(known, std::string_view(text->value)) != known.end()) {
    auth.mechanism = text->value;
    return;
  }
  table.fail(*text, fmt::format("expected one of \"{}\" with a {}, found \"{}\"",
                                fmt::join(known, "\", \""), auth.has_token() ? "token" : "password",
                                text->value));
}

}  // namespace

std::shared_ptr<const route::RouteAuth> read_auth(Section& section, const Loading& loading) {
  Section table = section.table("auth");
  const auto user = table.filled_text("user");
  const auto password_file = table.filled_text("password_file");
  const auto token_file = table.filled_text("token_file");
  route::RouteAuth auth;
  auth.token_command = read_command(table, loading);
  const bool has_command = table.has_filled("token_command");
  table.duration("token_lifetime", {.min = 1s, .max = std::chrono::days(1)}, auth.token_lifetime);
  if (password_file) auth.password_file = loading.name_file(*password_file);
  if (token_file) auth.token_file = loading.name_file(*token_file);
  if (has_command || token_file || password_file) {
    read_mechanism(table, auth);
  } else {
    (void)table.filled_text("mechanism");
  }
  table.finish();

  const int secrets = (password_file ? 1 : 0) + (token_file ? 1 : 0) + (has_command ? 1 : 0);
  if (!user && secrets == 0) return nullptr;
  if (!user) table.fail_at("user", "missing: expected the name to log in with");
  if (secrets == 0) {
    table.fail_at("password_file",
                  "missing: expected the file with the password, or token_file or token_command");
  }
  if (secrets > 1) {
    table.fail("expected one of password_file, token_file and token_command, not several");
  }
  if (!has_command && table.has_filled("token_lifetime")) {
    table.fail_at("token_lifetime", "expected token_command beside it: others keep no token");
  }
  if (!user || secrets != 1 || (has_command && auth.token_command.empty())) return nullptr;
  if (user->value.size() > auth_user_octets_max) {
    table.fail(*user, fmt::format("expected at most {} octets", auth_user_octets_max));
    return nullptr;
  }
  auth.user = user->value;
  return std::make_shared<const route::RouteAuth>(std::move(auth));
}

std::optional<ViaMistake> via_mistake(const route::Rule& rule, const route::Target& via) {
  using route::Scheme;
  const bool encrypts = via.is_host() || via.scheme == Scheme::mx;
  if (rule.auth && !via.is_host()) {
    return ViaMistake{
        "auth", fmt::format("expected smtp://, smtps:// or lmtp:HOST as via: nobody logs in at {}",
                            via.print())};
  }
  if (!rule.tls) return std::nullopt;
  if (!encrypts) {
    return ViaMistake{
        "tls", fmt::format("expected a host or mx: as via: nothing is encrypted on the way to {}",
                           via.print())};
  }
  const bool weak = *rule.tls == TlsPolicy::off || *rule.tls == TlsPolicy::opportunistic;
  if (via.scheme == Scheme::smtps && weak) {
    return ViaMistake{"tls",
                      "expected \"require\" or \"verify\": smtps:// is TLS from the first octet"};
  }
  if (rule.auth && *rule.tls == TlsPolicy::off) {
    return ViaMistake{"tls",
                      "expected \"require\" or \"verify\" beside auth: nobody logs in without TLS"};
  }
  return std::nullopt;
}

void warn_of_login(const route::Rule& rule, const route::Target& via, const Loading& loading) {
  if (!rule.auth || via.scheme == route::Scheme::smtps || rule.tls) return;
  if (loading.config.delivery.tls != TlsPolicy::off) return;
  loading.warn(
      fmt::format("delivery.tls is \"off\": mail by way of {} waits for ever, for nobody "
                  "logs in without TLS",
                  via.print()));
}

}  // namespace config
