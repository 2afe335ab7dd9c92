#include "base/ascii.h"
#include "grammar/xtext.h"
#include "smtp/command.h"
#include "smtp/dsn_parameters.h"

// MAIL and RCPT: a keyword, a path, parameters.
namespace smtp {
namespace {

using grammar::Cursor;

[[nodiscard]] bool is_space(char c) { return c == ' '; }

[[nodiscard]] auto fail(CommandErrorCode code, std::size_t offset) {
  return std::unexpected(CommandError{code, offset});
}

[[nodiscard]] auto fail(const grammar::ParseError& error) {
  return std::unexpected(CommandError{CommandErrorCode::bad_path, error.offset, error.code});
}

/// Steps over the keyword, in any case, and over spaces behind it. Deviates from
/// [RFC5321 3.3]: the spaces; many clients send them.
[[nodiscard]] bool take_keyword(Cursor& in, std::string_view keyword) {
  if (!base::starts_with_nocase(in.rest(), keyword)) return false;
  in.skip(keyword.size());
  in.take_while(is_space);
  return true;
}

template <class Path>
using PathParser = grammar::ParseResult<Path> (*)(Cursor&, grammar::PathRules);

/// Takes `keyword path` off the front; `smtputf8` is what the path may have in it.
template <class Path>
[[nodiscard]] CommandResult<Path> take_path(Cursor& in, std::string_view keyword, bool smtputf8,
                                            PathParser<Path> parser) {
  if (in.at_end()) return fail(CommandErrorCode::missing_argument, 0);
  if (!take_keyword(in, keyword)) return fail(CommandErrorCode::missing_keyword, 0);
  auto path = parser(in, grammar::PathRules{.smtputf8 = smtputf8});
  if (!path) return fail(path.error());
  if (!in.at_end() && !in.next_is(' ')) {
    return fail(CommandErrorCode::text_after_path, in.offset());
  }
  return std::move(*path);
}

/// Calls `each(Parameter) -> std::optional<CommandErrorCode>` for each parameter up to the end.
template <class Each>
[[nodiscard]] CommandResult<void> take_parameters(Cursor& in, bool smtputf8, Each each) {
  for (;;) {
    in.take_while(is_space);
    if (in.at_end()) return {};
    const std::size_t start = in.offset();
    const auto parameter = take_parameter(in, smtputf8);
    if (!parameter) return fail(CommandErrorCode::bad_parameter, start);
    if (const auto code = each(*parameter)) return fail(*code, start);
  }
}

///     body-value = "7BIT" / "8BITMIME"        [RFC6152 3]
[[nodiscard]] std::optional<BodyType> parse_body(std::string_view text) {
  if (base::equal_nocase(text, "7BIT")) return BodyType::seven_bit;
  if (base::equal_nocase(text, "8BITMIME")) return BodyType::eight_bit_mime;
  return std::nullopt;
}

/// A mailbox or `<>`, in xtext [RFC4954 5].
[[nodiscard]] std::optional<grammar::ReversePath> parse_submitter(std::string_view text) {
  const auto decoded = grammar::xtext_decode(text);
  if (!decoded) return std::nullopt;
  if (*decoded == "<>") return grammar::ReversePath{};
  auto mailbox = grammar::Mailbox::parse(*decoded);
  if (!mailbox) return std::nullopt;
  return grammar::ReversePath{.route = {}, .mailbox = std::move(*mailbox)};
}

/// Which parameters have been seen: each may come once [RFC5321 4.1.1.11].
struct Seen {
  bool size = false;
  bool body = false;
  bool smtputf8 = false;
  bool ret = false;
  bool envid = false;
  bool auth = false;
};

/// Puts `value` into `out`, if there is one and it is the first.
template <class T, class Out>
[[nodiscard]] std::optional<CommandErrorCode> store(bool& seen, std::optional<T> value, Out& out) {
  if (seen) return CommandErrorCode::repeated_parameter;
  if (!value) return CommandErrorCode::bad_parameter_value;
  seen = true;
  out = std::move(*value);
  return std::nullopt;
}

[[nodiscard]] std::optional<CommandErrorCode> store_parameter(const Parameter& parameter,
                                                              const Extensions& extensions,
                                                              Seen& seen, MailCommand& out) {
  const std::string_view value = parameter.value.value_or("");
  const auto is = [&](std::string_view keyword) {
    return base::equal_nocase(parameter.keyword, keyword);
  };
  if (extensions.size && is("SIZE")) return store(seen.size, parse_size(value), out.size);
  if (extensions.eight_bit_mime && is("BODY")) return store(seen.body, parse_body(value), out.body);
  if (is("RET")) return store(seen.ret, parse_ret(value), out.ret);
  if (is("ENVID")) return store(seen.envid, parse_envid(value), out.envid);
  if (extensions.auth && is("AUTH")) return store(seen.auth, parse_submitter(value), out.submitter);
  if (extensions.smtputf8 && is("SMTPUTF8")) {
    const auto given = parameter.value ? std::nullopt : std::optional(true);
    return store(seen.smtputf8, given, out.smtputf8);
  }
  return CommandErrorCode::unknown_parameter;
}

struct SeenOfRcpt {
  bool notify = false;
  bool orcpt = false;
};

[[nodiscard]] std::optional<CommandErrorCode> store_parameter(const Parameter& parameter,
                                                              bool smtputf8, SeenOfRcpt& seen,
                                                              RcptCommand& out) {
  const std::string_view value = parameter.value.value_or("");
  if (base::equal_nocase(parameter.keyword, "NOTIFY")) {
    return store(seen.notify, parse_notify(value), out.notify);
  }
  if (base::equal_nocase(parameter.keyword, "ORCPT")) {
    return store(seen.orcpt, parse_orcpt(value, smtputf8), out.orcpt);
  }
  return CommandErrorCode::unknown_parameter;
}

}  // namespace

CommandResult<MailCommand> parse_mail(std::string_view argument, const Extensions& extensions) {
  Cursor in(argument);
  // The parameter that allows UTF-8 in the path stands behind it.
  auto path = take_path<grammar::ReversePath>(in, "FROM:", extensions.smtputf8,
                                              grammar::parse_reverse_path);
  if (!path) return std::unexpected(path.error());
  const std::string_view before = in.since(0);

  MailCommand out;
  out.reverse_path = std::move(*path);
  Seen seen;
  const auto taken = take_parameters(in, extensions.smtputf8, [&](const Parameter& parameter) {
    return store_parameter(parameter, extensions, seen, out);
  });
  if (!taken) return std::unexpected(taken.error());
  if (!out.smtputf8) {
    const auto is_utf8 = [](char c) { return !base::is_ascii(c); };
    const auto found = std::ranges::find_if(before, is_utf8);
    if (found != before.end()) {
      return fail(
          {grammar::ParseErrorCode::non_ascii, static_cast<std::size_t>(found - before.begin())});
    }
  }
  return out;
}

CommandResult<RcptCommand> parse_rcpt(std::string_view argument, bool smtputf8) {
  Cursor in(argument);
  auto path = take_path<grammar::ForwardPath>(in, "TO:", smtputf8, grammar::parse_forward_path);
  if (!path) return std::unexpected(path.error());
  RcptCommand out;
  out.forward_path = std::move(*path);
  SeenOfRcpt seen;
  const auto taken = take_parameters(in, smtputf8, [&](const Parameter& parameter) {
    return store_parameter(parameter, smtputf8, seen, out);
  });
  if (!taken) return std::unexpected(taken.error());
  return out;
}

}  // namespace smtp
