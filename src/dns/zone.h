#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/message.h"

namespace dns {

/// In seconds, where nothing else is said.
inline constexpr std::chrono::seconds zone_ttl_default{300};

/// Authoritative data, of one zone or of a whole internet: owner, type, records. For simulated
/// resolvers, filters and small servers of our own; no wildcards, no delegations.
///
/// A name exists when it has records, or when a name below it has (an empty non-terminal
/// [RFC4592 2.2.2]); every other name is NXDOMAIN.
class Zone {
 public:
  /// What a question gets instead of records.
  enum class Fault : std::uint8_t { server_failure, refused, timed_out, name_error };

  /// `record.data` must be what `record.type` asks for.
  void add(Record record);
  /// Data in the manner of a master file [RFC1035 5.1]: "10 mx.example.", "192.0.2.1"; names are
  /// absolute with and without the last dot; the data of a TXT are taken as they are. The error is
  /// for people.
  [[nodiscard]] std::expected<void, std::string> add_text(
      std::string_view owner, std::string_view type, std::string_view data,
      std::chrono::seconds ttl = zone_ttl_default);

  /// Replaces the records of one type, or of the whole name (`type` nullopt), by a fault.
  void set_fault(const Name& owner, std::optional<Type> type, Fault fault);
  /// `word`: SERVFAIL, REFUSED, TIMEOUT or NXDOMAIN; `type` may be ANY: all types.
  [[nodiscard]] std::expected<void, std::string> set_fault_text(std::string_view owner,
                                                                std::string_view type,
                                                                std::string_view word);

  /// Forgets the records and faults of a name, or of one type of it.
  void remove(const Name& owner, std::optional<Type> type = std::nullopt);

  /// What a recursive resolver would find: CNAMEs followed (at most cname_steps_max; more, or a
  /// loop: server_failure). A negative answer takes its TTL from the nearest SOA above
  /// [RFC2308 5], or zone_ttl_default.
  [[nodiscard]] LookupResult lookup(const Question& question) const;

  /// What an authoritative server says [RFC1034 4.3.2]: zones are the names with a SOA and all
  /// below them; REFUSED elsewhere. A negative answer carries the SOA. The fault timed_out, which
  /// cannot be said, is SERVFAIL here: see is_silent().
  [[nodiscard]] Message respond(const Message& query) const;

  /// Whether a server that plays this zone should let `question` time out.
  [[nodiscard]] bool is_silent(const Question& question) const;

 private:
  struct Data {
    std::vector<Record> records;
    std::optional<Fault> fault;
  };
  struct Node {
    std::map<Type, Data> types;
    std::optional<Fault> fault;  ///< Of all types.
  };
  /// How far CNAMEs led.
  struct Chain;

  [[nodiscard]] const Node* find(const Name& name) const;
  /// The SOA of the nearest name above that has one.
  [[nodiscard]] const Record* find_soa(const Name& name) const;
  [[nodiscard]] std::optional<Fault> find_fault(const Question& question) const;
  /// `only_ours`: stops where there is no SOA above.
  [[nodiscard]] Chain follow(const Question& question, bool only_ours) const;
  Node& make(const Name& owner);

  std::map<Name, Node> nodes_;  ///< Of empty non-terminals, too.
};

}  // namespace dns
