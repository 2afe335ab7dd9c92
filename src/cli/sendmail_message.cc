#include "cli/sendmail_message.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/escape.h"
#include "cli/message_text.h"
#include "cli/sendmail_arguments.h"
#include "grammar/address_list.h"
#include "grammar/header.h"
#include "grammar/notify.h"

namespace cli {
namespace {

using grammar::Mailbox;
template <class T>
using Checked = std::expected<T, SendmailTrouble>;

std::unexpected<SendmailTrouble> wrong_data(std::string text) {
  return std::unexpected(SendmailTrouble{ex_dataerr, std::move(text)});
}

/// Up to a line with a dot alone.
std::string_view before_dot(std::string_view text) {
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = text.find('\n', start);
    std::string_view line = text.substr(start, end == text.npos ? text.npos : end - start);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line == ".") return text.substr(0, start);
    if (end == text.npos) break;
    start = end + 1;
  }
  return text;
}

/// Without the line by which mailbox files begin a message.
std::string_view without_from_line(std::string_view text) {
  if (!text.starts_with("From ") && !text.starts_with(">From ")) return text;
  const std::size_t end = text.find('\n');
  return end == text.npos ? std::string_view() : text.substr(end + 1);
}

Checked<std::vector<Mailbox>> read_addresses(std::string_view text, std::string_view where,
                                             const grammar::Domain& domain) {
  auto list = grammar::parse_address_list(text);
  if (!list) {
    return wrong_data(std::string(where) + ": " +
                      std::string(grammar::describe(list.error().code)) + ": " +
                      base::escaped(text.substr(std::min(list.error().offset, text.size()), 60)));
  }
  for (Mailbox& mailbox : *list) {
    if (mailbox.domain.empty()) mailbox.domain = domain;
  }
  return std::move(*list);
}

bool names_recipients(const grammar::HeaderField& field) {
  return field.is("To") || field.is("Cc") || field.is("Bcc");
}

Checked<grammar::ReversePath> reverse_path_of(const SendmailOptions& options,
                                              const LocalSender& sender,
                                              const grammar::Domain& domain) {
  const std::string& given = options.from ? *options.from : sender.login;
  if (given.empty() || given == "<>") return grammar::ReversePath{};
  auto list = read_addresses(given, options.from ? "-f" : "your login name", domain);
  if (!list) return std::unexpected(list.error());
  if (list->size() != 1) return wrong_data("-f: expected one address");
  grammar::ReversePath out;
  out.mailbox = std::move(list->front());
  return out;
}

/// A display-name [RFC5322 3.4]: quoted; with encoded words [RFC2047] it would be nicer, but what
/// is not ASCII is left out rather than made to need SMTPUTF8.
std::string display_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (base::is_control(c) || !base::is_ascii(c)) continue;
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out.empty() ? out : '"' + out + "\" ";
}

std::string from_field(const SendmailOptions& options, const LocalSender& sender,
                       const grammar::ReversePath& reverse_path) {
  const std::string address =
      reverse_path.mailbox ? reverse_path.mailbox->print() : "MAILER-DAEMON@" + sender.hostname;
  const std::string& name = options.full_name.empty() ? sender.full_name : options.full_name;
  const std::string display = reverse_path.mailbox ? display_name(name) : "";
  return "From: " + (display.empty() ? address : display + '<' + address + '>') + "\r\n";
}

}  // namespace

std::optional<std::uint8_t> parse_notify(std::string_view text) {
  std::uint8_t out = 0;
  for (;;) {
    const std::size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    if (base::equal_nocase(word, "never")) {
      out |= grammar::notify::never;
    } else if (base::equal_nocase(word, "success")) {
      out |= grammar::notify::success;
    } else if (base::equal_nocase(word, "failure")) {
      out |= grammar::notify::failure;
    } else if (base::equal_nocase(word, "delay")) {
      out |= grammar::notify::delay;
    } else {
      return std::nullopt;
    }
    if (comma == text.npos) break;
    text.remove_prefix(comma + 1);
  }
  const bool lone = (out & grammar::notify::never) == 0 || out == grammar::notify::never;
  return lone ? std::optional(out) : std::nullopt;
}

Checked<LocalMessage> make_local_message(std::string_view text, const SendmailOptions& options,
                                         const LocalSender& sender) {
  const auto domain = grammar::Domain::parse(sender.hostname);
  if (!domain) return std::unexpected(SendmailTrouble{ex_config, "hostname: no domain"});
  if (options.dot_ends) text = before_dot(text);
  const auto normal = normalize_message(without_from_line(text));
  if (!normal) return wrong_data("the message: " + normal.error());
  const grammar::ContentParts parts = grammar::split_content(*normal);

  LocalMessage out;
  auto reverse_path = reverse_path_of(options, sender, *domain);
  if (!reverse_path) return std::unexpected(reverse_path.error());
  out.reverse_path = std::move(*reverse_path);

  std::vector<Mailbox> recipients;
  const auto add = [&](std::string_view list, std::string_view where) -> Checked<void> {
    auto found = read_addresses(list, where, *domain);
    if (!found) return std::unexpected(found.error());
    recipients.insert(recipients.end(), found->begin(), found->end());
    return {};
  };
  for (const std::string& argument : options.recipients) {
    if (const auto added = add(argument, "recipient"); !added) {
      return std::unexpected(added.error());
    }
  }
  std::string header;
  grammar::HeaderFields fields(parts.header_section);
  bool has_from = false;
  while (const auto field = fields.next()) {
    has_from = has_from || field->is("From");
    if (options.recipients_from_header && names_recipients(*field)) {
      if (const auto added = add(field->value, field->name); !added) {
        return std::unexpected(added.error());
      }
      if (field->is("Bcc")) continue;
    }
    header += field->whole;
  }
  if (recipients.empty()) return std::unexpected(SendmailTrouble{ex_usage, "no recipients"});
  for (Mailbox& mailbox : recipients) {
    grammar::ForwardPath path;
    path.mailbox = std::move(mailbox);
    out.forward_paths.push_back(std::move(path));
  }
  if (!has_from) header = from_field(options, sender, out.reverse_path) + header;
  out.content = std::move(header) + "\r\n";
  out.content += parts.body;
  return out;
}

}  // namespace cli
