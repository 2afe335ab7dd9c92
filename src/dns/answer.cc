#include <algorithm>
#include <utility>

#include "dns/message.h"

namespace dns {
namespace {

/// [RFC2308 5]
std::chrono::seconds negative_ttl(const Message& response, const Name& name) {
  for (const Record& record : response.authorities) {
    const auto* soa = std::get_if<Soa>(&record.data);
    if (soa == nullptr || !name.is_within(record.owner)) continue;
    return std::min(record.ttl, std::chrono::seconds(soa->minimum));
  }
  return std::chrono::seconds(0);
}

const Record* find_alias(const Message& response, const Name& name) {
  for (const Record& record : response.answers) {
    if (record.type == Type::cname && record.owner == name) return &record;
  }
  return nullptr;
}

}  // namespace

LookupResult answer_of(const Message& response, const Question& question) {
  if (response.rcode == Rcode::refused) return std::unexpected(LookupError::refused);
  const bool answered = response.rcode == Rcode::no_error || response.rcode == Rcode::name_error;
  if (!response.response || response.truncated || !answered) {
    return std::unexpected(LookupError::server_failure);
  }

  Answer answer;
  answer.canonical = question.name;
  std::chrono::seconds ttl = std::chrono::seconds::max();
  for (int step = 0; question.type != Type::cname; ++step) {
    const Record* alias = find_alias(response, answer.canonical);
    if (alias == nullptr) break;
    if (step == cname_steps_max) return std::unexpected(LookupError::server_failure);
    answer.canonical = std::get<Name>(alias->data);
    ttl = std::min(ttl, alias->ttl);
  }
  for (const Record& record : response.answers) {
    if (record.type != question.type || record.owner != answer.canonical) continue;
    ttl = std::min(ttl, record.ttl);
    answer.records.push_back(record);
  }
  if (answer.records.empty()) {
    answer.rcode = response.rcode;
    ttl = std::min(ttl, negative_ttl(response, answer.canonical));
  } else if (response.rcode == Rcode::name_error) {
    return std::unexpected(LookupError::server_failure);
  }
  answer.ttl = ttl;
  return answer;
}

}  // namespace dns
