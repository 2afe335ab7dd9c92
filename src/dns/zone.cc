#include "dns/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/assert.h"
#include "dns/zone_text.h"

namespace dns {

/// The CNAMEs from a question's name, and where they end.
struct Zone::Chain {
  std::vector<Record> aliases;
  Name last;
  std::optional<LookupError> error;
  bool left_us = false;  ///< The last name is in no zone of ours.
  bool no_such_name = false;
  const std::vector<Record>* records = nullptr;  ///< Of the question's type, at `last`.
};

void Zone::add(Record record) {
  Data& data = make(record.owner).types[record.type];
  data.fault.reset();
  data.records.push_back(std::move(record));
}

std::expected<void, std::string> Zone::add_text(std::string_view owner, std::string_view type,
                                                std::string_view data, std::chrono::seconds ttl) {
  std::expected<Record, std::string> record = parse_record(owner, type, data);
  if (!record) return std::unexpected(record.error());
  record->ttl = ttl;
  add(*std::move(record));
  return {};
}

void Zone::set_fault(const Name& owner, std::optional<Type> type, Fault fault) {
  Node& node = make(owner);
  if (type) {
    node.types[*type] = Data{.records = {}, .fault = fault};
  } else {
    node.types.clear();
    node.fault = fault;
  }
}

std::expected<void, std::string> Zone::set_fault_text(std::string_view owner, std::string_view type,
                                                      std::string_view word) {
  const std::optional<Name> name = Name::parse(owner);
  if (!name) return std::unexpected(fmt::format("\"{}\" is no domain name", owner));
  std::optional<Type> only;
  if (!base::equal_nocase(type, "ANY")) {
    only = parse_type(type);
    if (!only) return std::unexpected(fmt::format("\"{}\" is no record type", type));
  }
  if (word == "SERVFAIL") {
    set_fault(*name, only, Fault::server_failure);
  } else if (word == "REFUSED") {
    set_fault(*name, only, Fault::refused);
  } else if (word == "TIMEOUT") {
    set_fault(*name, only, Fault::timed_out);
  } else if (word == "NXDOMAIN") {
    set_fault(*name, only, Fault::name_error);
  } else {
    return std::unexpected(fmt::format(
        "expected a list of answers, SERVFAIL, NXDOMAIN, TIMEOUT or REFUSED, not \"{}\"", word));
  }
  return {};
}

void Zone::remove(const Name& owner, std::optional<Type> type) {
  const auto found = nodes_.find(owner);
  if (found == nodes_.end()) return;
  if (type) {
    found->second.types.erase(*type);
    if (!found->second.types.empty()) return;
  }
  found->second = Node{};
  // What is left may be the name of an empty non-terminal, or of nothing at all.
  for (Name name = owner; !name.is_root(); name = name.parent()) {
    const auto node = nodes_.find(name);
    if (node == nodes_.end()) continue;
    const bool is_parent = std::ranges::any_of(nodes_, [&](const auto& other) {
      return other.first != name && other.first.is_within(name);
    });
    if (is_parent || node->second.fault || !node->second.types.empty()) return;
    nodes_.erase(node);
  }
}

LookupResult Zone::lookup(const Question& question) const {
  const Chain chain = follow(question, /*only_ours=*/false);
  if (chain.error) return std::unexpected(*chain.error);
  Answer answer;
  answer.canonical = chain.last;
  std::chrono::seconds ttl = std::chrono::seconds::max();
  for (const Record& alias : chain.aliases) ttl = std::min(ttl, alias.ttl);
  if (chain.records != nullptr) {
    answer.records = *chain.records;
    for (const Record& record : answer.records) ttl = std::min(ttl, record.ttl);
  } else {
    if (chain.no_such_name) answer.rcode = Rcode::name_error;
    const Record* soa = find_soa(chain.last);
    ttl = std::min(
        ttl, soa == nullptr
                 ? zone_ttl_default
                 : std::min(soa->ttl, std::chrono::seconds(std::get<Soa>(soa->data).minimum)));
  }
  answer.ttl = ttl;
  return answer;
}

Message Zone::respond(const Message& query) const {
  Message response;
  response.id = query.id;
  response.response = true;
  response.recursion_desired = query.recursion_desired;
  response.questions = query.questions;
  if (query.response || query.questions.size() != 1) {
    response.rcode = Rcode::format_error;
    return response;
  }
  const Question& question = query.questions.front();
  Chain chain = follow(question, /*only_ours=*/true);
  if (chain.error) {
    response.rcode = *chain.error == LookupError::refused ? Rcode::refused : Rcode::server_failure;
    return response;
  }
  if (chain.left_us && chain.aliases.empty()) {
    response.rcode = Rcode::refused;
    return response;
  }
  response.authoritative = true;
  response.answers = std::move(chain.aliases);
  if (chain.left_us) return response;
  if (chain.records != nullptr) {
    response.answers.insert(response.answers.end(), chain.records->begin(), chain.records->end());
    return response;
  }
  if (chain.no_such_name) response.rcode = Rcode::name_error;
  if (const Record* soa = find_soa(chain.last)) response.authorities.push_back(*soa);
  return response;
}

bool Zone::is_silent(const Question& question) const {
  return follow(question, /*only_ours=*/true).error == LookupError::timed_out;
}

const Zone::Node* Zone::find(const Name& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

const Record* Zone::find_soa(const Name& name) const {
  for (Name owner = name;; owner = owner.parent()) {
    if (const Node* node = find(owner)) {
      const auto soa = node->types.find(Type::soa);
      if (soa != node->types.end() && !soa->second.records.empty()) {
        return &soa->second.records.front();
      }
    }
    if (owner.is_root()) return nullptr;
  }
}

std::optional<Zone::Fault> Zone::find_fault(const Question& question) const {
  const Node* node = find(question.name);
  if (node == nullptr) return std::nullopt;
  const auto data = node->types.find(question.type);
  return data != node->types.end() ? data->second.fault : node->fault;
}

Zone::Chain Zone::follow(const Question& question, bool only_ours) const {
  Chain chain{.aliases = {}, .last = question.name, .error = {}};
  for (int step = 0;; ++step) {
    if (only_ours && find_soa(chain.last) == nullptr) {
      chain.left_us = true;
      return chain;
    }
    if (const auto fault = find_fault({chain.last, question.type})) {
      switch (*fault) {
        case Fault::server_failure: chain.error = LookupError::server_failure; break;
        case Fault::refused: chain.error = LookupError::refused; break;
        case Fault::timed_out: chain.error = LookupError::timed_out; break;
        case Fault::name_error: chain.no_such_name = true; break;
      }
      return chain;
    }
    const Node* node = find(chain.last);
    if (node == nullptr) {
      chain.no_such_name = true;
      return chain;
    }
    if (const auto data = node->types.find(question.type);
        data != node->types.end() && !data->second.records.empty()) {
      chain.records = &data->second.records;
      return chain;
    }
    const auto alias = node->types.find(Type::cname);
    if (alias == node->types.end() || alias->second.records.empty()) return chain;
    if (step == cname_steps_max) {
      chain.error = LookupError::server_failure;
      return chain;
    }
    chain.aliases.push_back(alias->second.records.front());
    chain.last = std::get<Name>(chain.aliases.back().data);
  }
}

Zone::Node& Zone::make(const Name& owner) {
  // The names above exist by that, too.
  for (Name name = owner.parent(); nodes_.try_emplace(name).second; name = name.parent()) {
  }
  return nodes_[owner];
}

}  // namespace dns
