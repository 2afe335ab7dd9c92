#include <fmt/format.h>

#include <span>

#include "config/load.h"
#include "grammar/parse.h"

namespace config {
namespace {

constexpr std::string_view path_placeholders[] = {"{domain}", "{local}"};
constexpr std::string_view pipe_placeholders[] = {"{domain}", "{local}", "{sender}", "{recipient}"};

/// The mistake in the braces of a template, or nothing.
std::optional<std::string> check_placeholders(std::string_view text,
                                              std::span<const std::string_view> known) {
  for (std::size_t at = text.find_first_of("{}"); at != text.npos;
       at = text.find_first_of("{}", at)) {
    const std::string_view rest = text.substr(at);
    const std::size_t end = rest.find('}');
    const std::string_view placeholder = end == rest.npos ? rest : rest.substr(0, end + 1);
    if (std::ranges::find(known, placeholder) == known.end()) {
      std::string names;
      for (const std::string_view name : known) {
        if (!names.empty()) names += name == known.back() ? " or " : ", ";
        names += name;
      }
      return fmt::format("expected {}, found \"{}\"", names, placeholder);
    }
    at += placeholder.size();
  }
  return std::nullopt;
}

/// `argument`: split at spaces, so that the folder of a program can't have any.
std::optional<std::string> complete_pipe(const std::string& where, const Loading& loading,
                                         std::string& argument) {
  if (auto mistake = check_placeholders(argument, pipe_placeholders)) return mistake;
  argument.erase(0, argument.find_first_not_of(' '));
  const std::size_t end = std::min(argument.find(' '), argument.size());
  std::string program = argument.substr(0, end);
  if (program.find('{') != program.npos) return "expected a program, not a placeholder";
  if (program.find('/') == program.npos) return std::nullopt;  // Looked for in PATH.
  program = loading.resolve(program);
  if (program.find(' ') != program.npos) {
    return fmt::format("expected the program by a path from / on: {} has a space",
                       loading.options.base_folder);
  }
  argument.replace(0, end, program);
  const auto& is_executable = loading.options.questions.is_executable;
  if (is_executable && !is_executable(program)) {
    loading.warn(
        fmt::format("{}: {} is no program that we may run: its mail waits", where, program));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> target_mistake(const std::string& where, const Loading& loading,
                                          route::Target& target) {
  std::optional<std::string> mistake;
  switch (target.scheme) {
    case route::Scheme::maildir:
    case route::Scheme::mbox:
      if (target.is_in_home()) {
        mistake = home_mistake(target);
        break;
      }
      mistake = check_placeholders(target.argument, path_placeholders);
      if (!mistake) target.argument = loading.resolve(target.argument);
      break;
    case route::Scheme::pipe: mistake = complete_pipe(where, loading, target.argument); break;
    case route::Scheme::lmtp:
      if (target.argument.size() > unix_path_octets_max) {
        mistake =
            fmt::format("expected a path of at most {} octets after unix:", unix_path_octets_max);
      }
      break;
    case route::Scheme::smtp:
    case route::Scheme::smtps:
    case route::Scheme::discard:
    case route::Scheme::mx:
    case route::Scheme::reject: break;
  }
  return mistake;
}

bool complete_target(Section& section, const Text& text, const Loading& loading,
                     route::Target& target) {
  auto mistake = target_mistake(text.key, loading, target);
  if (mistake) section.fail(text, std::move(*mistake));
  return !mistake;
}

std::optional<grammar::Mailbox> read_mailbox(Section& section, const Text& text) {
  auto mailbox = grammar::Mailbox::parse(text.value);
  if (mailbox) return *std::move(mailbox);
  section.fail(text, fmt::format("expected an address such as \"alice@example.org\": {}",
                                 grammar::describe(mailbox.error().code)));
  return std::nullopt;
}

}  // namespace config
