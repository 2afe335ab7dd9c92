#include "grammar/path.h"

#include "base/ascii.h"

namespace grammar {
namespace {

constexpr std::string_view bare_postmaster = "postmaster";

///     A-d-l = At-domain *( "," At-domain )          [RFC5321 4.1.2]
///
/// With the colon behind it, leaving `in` at the mailbox. `start` is where the path began.
ParseResult<std::vector<Domain>> take_route(Cursor& in, PathRules rules, std::size_t start) {
  std::vector<Domain> route;
  do {
    if (!in.take('@')) return in.fail(ParseErrorCode::empty_domain_label);
    auto host = parse_domain_or_literal(in, rules);
    if (!host) return std::unexpected(host.error());
    route.push_back(std::move(*host));
    if (in.since(start).size() > path_octets_max) {
      return in.fail_at(start, ParseErrorCode::path_too_long);
    }
  } while (in.take(','));
  if (!in.take(':')) return in.fail(ParseErrorCode::missing_colon);
  return route;
}

/// Steps over the `>` of the path that began at `start`.
ParseResult<void> take_right_angle(Cursor& in, std::size_t start) {
  if (!in.take('>')) return in.fail(ParseErrorCode::unexpected_character);
  if (in.since(start).size() > path_octets_max) {
    return in.fail_at(start, ParseErrorCode::path_too_long);
  }
  return {};
}

/// What stands between the angle brackets of either path.
ParseResult<ForwardPath> take_path(Cursor& in, PathRules rules, std::size_t start) {
  ForwardPath path;
  if (in.next_is('@')) {
    auto route = take_route(in, rules, start);
    if (!route) return std::unexpected(route.error());
    path.route = std::move(*route);
  }
  auto mailbox = parse_mailbox(in, rules);
  if (!mailbox) return std::unexpected(mailbox.error());
  path.mailbox = std::move(*mailbox);
  const auto closed = take_right_angle(in, start);
  if (!closed) return std::unexpected(closed.error());
  return path;
}

ParseResult<ForwardPath> take_bare_postmaster(Cursor& in) {
  ForwardPath path;
  auto local = parse_local_part(in, {});
  if (!local) return std::unexpected(local.error());
  path.mailbox.local = std::move(*local);
  in.skip(1);
  return path;
}

/// "The bracket is missing" is what a path without any `>` should hear, whatever else is wrong.
template <class T>
ParseResult<T> or_missing_right_angle(ParseResult<T> result, std::string_view inner,
                                      std::size_t inner_offset) {
  if (result.has_value() || inner.find('>') != std::string_view::npos) return result;
  return Cursor::fail_at(inner_offset + inner.size(), ParseErrorCode::missing_right_angle);
}

std::string print_path(const std::vector<Domain>& route, const Mailbox& mailbox, DomainForm form) {
  std::string out = "<";
  for (const Domain& host : route) {
    out += out.size() > 1 ? ",@" : "@";
    out += form == DomainForm::ascii ? host.ascii() : host.text();
  }
  if (!route.empty()) out += ':';
  return out.append(mailbox.print(form)).append(">");
}

}  // namespace

ParseResult<ForwardPath> ForwardPath::parse(std::string_view text) {
  return parse_whole(text, {.smtputf8 = true}, parse_forward_path);
}

std::string ForwardPath::print(DomainForm form) const { return print_path(route, mailbox, form); }

std::string ForwardPath::print_without_route(DomainForm form) const {
  return print_path({}, mailbox, form);
}

ParseResult<ReversePath> ReversePath::parse(std::string_view text) {
  return parse_whole(text, {.smtputf8 = true}, parse_reverse_path);
}

std::string ReversePath::print(DomainForm form) const {
  return mailbox ? print_path(route, *mailbox, form) : "<>";
}

std::string ReversePath::print_without_route(DomainForm form) const {
  return mailbox ? print_path({}, *mailbox, form) : "<>";
}

ParseResult<ForwardPath> parse_forward_path(Cursor& in, PathRules rules) {
  const std::size_t start = in.offset();
  if (!in.take('<')) return in.fail(ParseErrorCode::missing_left_angle);
  const std::string_view inner = in.rest();
  if (inner.starts_with('>')) return in.fail(ParseErrorCode::null_forward_path);
  if (base::starts_with_nocase(inner, bare_postmaster) &&
      inner.substr(bare_postmaster.size()).starts_with('>')) {
    return take_bare_postmaster(in);
  }
  const std::size_t inner_offset = in.offset();
  return or_missing_right_angle(take_path(in, rules, start), inner, inner_offset);
}

ParseResult<ReversePath> parse_reverse_path(Cursor& in, PathRules rules) {
  const std::size_t start = in.offset();
  if (in.take("<>")) return ReversePath{};
  if (!in.take('<')) return in.fail(ParseErrorCode::missing_left_angle);
  const std::string_view inner = in.rest();
  const std::size_t inner_offset = in.offset();
  auto path = or_missing_right_angle(take_path(in, rules, start), inner, inner_offset);
  if (!path) return std::unexpected(path.error());
  return ReversePath{std::move(path->route), std::move(path->mailbox)};
}

std::string_view mailbox_text(std::string_view path) {
  if (path.size() < 2) return path;
  path = path.substr(1, path.size() - 2);
  if (!path.starts_with('@')) return path;
  bool in_literal = false;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '[') in_literal = true;
    if (path[i] == ']') in_literal = false;
    if (path[i] == ':' && !in_literal) return path.substr(i + 1);
  }
  return path;
}

}  // namespace grammar
