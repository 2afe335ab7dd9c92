#include "reception/header_gate.h"

#include <utility>

#include "grammar/header.h"

namespace reception {

bool HeaderGate::take(std::string_view octets) {
  held_ += octets;
  // The end may be cut: look again at the last octets before.
  const std::size_t from = searched_ > 4 ? searched_ - 4 : 0;
  const bool ended = held_.starts_with("\r\n") || held_.find("\r\n\r\n", from) != held_.npos;
  searched_ = held_.size();
  open_ = ended || held_.size() >= header_section_octets_max;
  return open_;
}

std::string HeaderGate::release() {
  open_ = true;
  searched_ = 0;
  return std::exchange(held_, {});
}

bool lacks_header_section(std::string_view held) {
  const grammar::ContentParts parts = grammar::split_content(held);
  return !held.empty() && parts.header_section.empty() && !parts.blank_line;
}

std::string missing_fields(std::string_view held, const SubmissionParts& parts) {
  std::string out;
  if (!grammar::find_field(held, "Date")) {
    out += "Date: " + base::rfc5322_date(parts.now) + "\r\n";
  }
  if (!grammar::find_field(held, "Message-ID")) {
    out += "Message-ID: " + grammar::message_id(parts.id, parts.hostname) + "\r\n";
  }
  return out;
}

std::string without_bcc(std::string_view held) {
  std::string out;
  std::size_t kept_from = 0;
  grammar::HeaderFields fields(held);
  while (const auto field = fields.next()) {
    if (!field->is("Bcc")) continue;
    const auto begin = static_cast<std::size_t>(field->whole.data() - held.data());
    out += held.substr(kept_from, begin - kept_from);
    kept_from = begin + field->whole.size();
  }
  out += held.substr(kept_from);
  return out;
}

}  // namespace reception
