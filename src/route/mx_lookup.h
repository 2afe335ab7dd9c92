#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "dns/message.h"
#include "grammar/domain.h"
#include "route/step.h"

namespace route {

/// Looked at, of one domain and of one host. What comes behind is not tried: [RFC5321 5.1] asks for
/// at least two.
inline constexpr std::size_t mx_hosts_max = 20;
inline constexpr std::size_t host_addresses_max = 10;

/// One host to try, with its addresses in the order of trial.
struct Host {
  std::uint16_t preference = 0;  ///< Of its MX record, or its place in `via`; 0 without these.
  std::string name;              ///< For SNI, certificates and logs; of a literal, `[192.0.2.1]`.
  std::vector<base::IpAddress> addresses;  ///< At least one.
  std::uint16_t port = 0;                  ///< To dial.
  friend bool operator==(const Host&, const Host&) = default;
};

/// Why there is no host to try.
enum class NoHost : std::uint8_t {
  no_such_domain,    ///< 5.1.2: NXDOMAIN.
  null_mx,           ///< 5.1.10 [RFC7505 4.2]
  no_address,        ///< 5.4.4: neither MX nor address, or no MX that leads to an address.
  refused_network,   ///< 5.4.4: only addresses where the DNS may not lead us.
  other_family,      ///< 5.4.4: only addresses of a family that we do not dial.
  ourselves,         ///< 5.4.6: the best host left would be this one.
  dns_failed,        ///< 4.4.3: SERVFAIL, REFUSED, time-out.
  next_hop_unknown,  ///< 4.4.4: `via` names a host without addresses. Our mistake: we wait.
};

/// "5.1.2". The first digit says whether it is final.
[[nodiscard]] std::string_view status_of(NoHost why);

struct NoHostError {
  NoHost why;
  std::string text;  ///< For people: "mail for example.org: no such domain".
  [[nodiscard]] bool is_temporary() const { return status_of(why).starts_with('4'); }
  /// "550 5.1.2 …"; of a null MX 556 [RFC7505 4.2], of what is temporary 451.
  [[nodiscard]] std::string reply() const;
};

/// What a search needs to know of this server. Must outlive the search.
struct LookupOptions {
  grammar::Domain hostname;
  /// Addresses and ports of our listeners. The unspecified address (`0.0.0.0`, `::`) stands for
  /// itself and all of loopback: who binds to it adds the addresses of the machine.
  std::vector<base::Endpoint> listeners;
  std::vector<base::Network> refuse_networks;
  std::uint16_t port = 25;  ///< That is dialled for MX delivery.
  bool dial_v4 = true, dial_v6 = true;
};

/// The search for the hosts that take a domain's mail [RFC5321 5.1], without any I/O: the driver
/// asks the questions, in any order or at once, and brings the answers.
///
///     while (!search.finished())
///       for (const dns::Question& question : search.next_questions())
///         search.answer(question, co_await …);
///
/// Bounded: 1 + 2 * mx_hosts_max questions.
class MxLookup {
 public:
  using Result = std::expected<std::vector<Host>, NoHostError>;

  /// By MX, or without any by the addresses of the name itself; an address literal asks nothing.
  /// `random` decides the order of equal preferences, and of the addresses of one host.
  [[nodiscard]] static MxLookup by_mx(const grammar::Domain& domain, const LookupOptions& options,
                                      std::uint64_t random, Steps steps = nullptr);
  /// A host named in `via`: by its addresses; refuse_networks do not count.
  [[nodiscard]] static MxLookup by_address(const grammar::Domain& host, std::uint16_t port,
                                           const LookupOptions& options, std::uint64_t random,
                                           Steps steps = nullptr);

  /// What must be asked now; each question is handed out once. Empty while answers are missing.
  [[nodiscard]] std::vector<dns::Question> next_questions();
  /// Answers what was not asked, or was answered already, change nothing.
  void answer(const dns::Question& question, const dns::LookupResult& result);

  [[nodiscard]] bool finished() const { return result_.has_value(); }
  /// Only when finished. In the order of trial: by preference, equals in random order.
  [[nodiscard]] const Result& result() const { return *result_; }
  /// How long the result serves: the least TTL of the answers.
  [[nodiscard]] std::chrono::seconds ttl() const { return ttl_; }

 private:
  enum class Way : std::uint8_t { mx, implicit_mx, literal, via };

  struct Candidate {
    std::uint16_t preference = 0;
    std::string name;
    std::vector<base::IpAddress> v4, v6;  ///< As answered.
    std::optional<dns::LookupError> v4_error, v6_error;
    bool is_ourselves = false;                     ///< By the name that its CNAMEs lead to.
    std::optional<std::chrono::seconds> ttl = {};  ///< Of its addresses; nullopt: it is an address.
  };
  /// What is left of all candidates, and why others are not.
  struct Sieve;

  MxLookup(const grammar::Domain& domain, std::uint16_t port, const LookupOptions& options,
           std::uint64_t random, Steps steps);

  void take_mx(const dns::LookupResult& result);
  void take_mx_records(const std::vector<dns::Record>& records, std::chrono::seconds ttl);
  void take_addresses(const dns::Question& question, const dns::LookupResult& result);
  void ask_addresses();
  /// Ends the search when nothing is outstanding any more.
  void conclude();
  void sift(const Candidate& candidate, Sieve& sieve);
  [[nodiscard]] std::vector<base::IpAddress> in_order(std::vector<base::IpAddress> v6,
                                                      std::vector<base::IpAddress> v4);
  [[nodiscard]] bool is_ourselves(const Candidate& candidate) const;
  [[nodiscard]] bool is_refused(const base::IpAddress& address) const;
  void drop_from(std::uint16_t preference);
  void fail(NoHost why, std::string text);
  void note(const char* what, std::string why);

  grammar::Domain domain_;
  std::uint16_t port_;
  const LookupOptions& options_;
  std::uint64_t random_;
  Steps steps_;
  Way way_ = Way::mx;
  std::vector<dns::Question> to_ask_;
  std::vector<dns::Question> outstanding_;
  std::vector<Candidate> candidates_;  ///< In the order of trial.
  bool dropped_ourselves_ = false;
  std::chrono::seconds ttl_ = std::chrono::hours(24);
  std::optional<Result> result_;
};

}  // namespace route
