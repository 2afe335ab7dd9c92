#include "route/mx_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "base/assert.h"

namespace route {
namespace {

/// SplitMix64: turns one random number into a row of them.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15u;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
  return mixed ^ (mixed >> 31);
}

template <class T>
void shuffle(std::vector<T>& items, std::uint64_t& random) {
  for (std::size_t left = items.size(); left > 1; --left) {
    std::swap(items[left - 1], items[next_random(random) % left]);
  }
}

/// Of the names in an MX record only those that hosts have are of use, and safe to show.
bool is_host_name(const dns::Name& name) {
  return !name.is_root() && std::ranges::all_of(name.text(), [](char c) {
    return base::is_alnum(c) || c == '-' || c == '_' || c == '.';
  });
}

/// Whether who connects to `address` may reach `listener`, as far as the address says.
bool hears(const base::Endpoint& listener, const base::IpAddress& address) {
  const base::IpAddress any_v4 = base::IpAddress::v4({0, 0, 0, 0});
  const base::IpAddress any_v6;
  if (listener.address == address) return true;
  const bool is_here = address.is_loopback() || address == any_v4 || address == any_v6;
  // A socket of `::` hears IPv4, too.
  return is_here && (listener.address == any_v6 || (listener.address == any_v4 && address.is_v4()));
}

std::string list_of(const std::vector<base::IpAddress>& addresses) {
  std::string text;
  for (const base::IpAddress& address : addresses) {
    if (!text.empty()) text += ", ";
    text += address.to_string();
  }
  return text;
}

}  // namespace

struct MxLookup::Sieve {
  std::vector<Host> hosts;
  bool failed = false;   ///< A look-up, of a host that has no other address.
  bool refused = false;  ///< An address in refuse_networks.
  bool other_family = false;
  std::string failure;  ///< Of the look-up.
};

std::string_view status_of(NoHost why) {
  switch (why) {
    case NoHost::no_such_domain: return "5.1.2";
    case NoHost::null_mx: return "5.1.10";
    case NoHost::no_address:
    case NoHost::refused_network:
    case NoHost::other_family: return "5.4.4";
    case NoHost::ourselves: return "5.4.6";
    case NoHost::dns_failed: return "4.4.3";
    case NoHost::next_hop_unknown: return "4.4.4";
  }
  PH_ASSERT(false);
}

std::string NoHostError::reply() const {
  const int code = is_temporary() ? 451 : why == NoHost::null_mx ? 556 : 550;
  return fmt::format("{} {} {}", code, status_of(why), text);
}

MxLookup::MxLookup(const grammar::Domain& domain, std::uint16_t port, const LookupOptions& options,
                   std::uint64_t random, Steps steps)
    : domain_(domain), port_(port), options_(options), random_(random), steps_(steps) {}

MxLookup MxLookup::by_mx(const grammar::Domain& domain, const LookupOptions& options,
                         std::uint64_t random, Steps steps) {
  MxLookup search(domain, options.port, options, random, steps);
  if (const auto address = domain.address()) {
    search.way_ = Way::literal;
    auto& candidate = search.candidates_.emplace_back(0, domain.canonical());
    (address->is_v4() ? candidate.v4 : candidate.v6).push_back(*address);
    search.conclude();
    return search;
  }
  const auto name = dns::Name::parse(domain.canonical());
  if (!name) {
    search.fail(NoHost::no_such_domain, "no such domain: its name is too long for the DNS");
    return search;
  }
  search.to_ask_.push_back({*name, dns::Type::mx});
  return search;
}

MxLookup MxLookup::by_address(const grammar::Domain& host, std::uint16_t port,
                              const LookupOptions& options, std::uint64_t random, Steps steps) {
  MxLookup search(host, port, options, random, steps);
  search.way_ = Way::via;
  auto& candidate = search.candidates_.emplace_back(0, host.canonical());
  if (const auto address = host.address()) {
    (address->is_v4() ? candidate.v4 : candidate.v6).push_back(*address);
    search.conclude();
  } else {
    search.ask_addresses();
  }
  return search;
}

std::vector<dns::Question> MxLookup::next_questions() {
  outstanding_.insert(outstanding_.end(), to_ask_.begin(), to_ask_.end());
  return std::exchange(to_ask_, {});
}

void MxLookup::answer(const dns::Question& question, const dns::LookupResult& result) {
  if (finished() || std::erase(outstanding_, question) == 0) return;
  if (result) ttl_ = std::min(ttl_, result->ttl);
  if (question.type == dns::Type::mx) {
    take_mx(result);
  } else {
    take_addresses(question, result);
  }
  if (!finished() && to_ask_.empty() && outstanding_.empty()) conclude();
}

void MxLookup::take_mx(const dns::LookupResult& result) {
  const std::string& name = domain_.canonical();
  if (!result) {
    // Never "no MX": the mail would go where its domain does not want it [RFC5321 5.1].
    fail(NoHost::dns_failed,
         fmt::format("looking for the MX records of {}: {}", name, dns::to_string(result.error())));
    return;
  }
  if (result->canonical.text() != name) {
    note("CNAME", fmt::format("{} stands for {}", name, result->canonical.text()));
  }
  if (result->rcode == dns::Rcode::name_error) {
    fail(NoHost::no_such_domain, fmt::format("there is no domain {}", name));
    return;
  }
  if (result->records.empty()) {
    note("MX", fmt::format("{} has no MX record: its own addresses count [RFC5321 5.1]", name));
    way_ = Way::implicit_mx;
    candidates_.push_back({.preference = 0, .name = name});
  } else {
    take_mx_records(result->records, result->ttl);
  }
  if (finished()) return;
  for (const Candidate& candidate : candidates_) {
    if (candidate.name == options_.hostname.canonical()) {
      drop_from(candidate.preference);
      break;
    }
  }
  ask_addresses();
}

void MxLookup::take_mx_records(const std::vector<dns::Record>& records, std::chrono::seconds ttl) {
  // A root beside other hosts means nothing [RFC7505 3].
  bool null_mx = true;
  for (const dns::Record& record : records) {
    const auto* mx = std::get_if<dns::Mx>(&record.data);
    if (mx == nullptr) continue;
    null_mx = null_mx && mx->exchange.is_root();
    if (is_host_name(mx->exchange)) candidates_.push_back({mx->preference, mx->exchange.text()});
  }
  if (null_mx) {
    fail(NoHost::null_mx, fmt::format("{} takes no mail: it has a null MX", domain_.canonical()));
    return;
  }
  shuffle(candidates_, random_);
  std::ranges::sort(candidates_, {}, &Candidate::preference);
  std::vector<Candidate> distinct;
  for (Candidate& candidate : candidates_) {
    const bool known =
        std::ranges::find(distinct, candidate.name, &Candidate::name) != distinct.end();
    if (!known && distinct.size() < mx_hosts_max) distinct.push_back(std::move(candidate));
  }
  candidates_ = std::move(distinct);
  if (steps_ == nullptr) return;
  std::string list;
  for (const Candidate& candidate : candidates_) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", candidate.preference, candidate.name);
  }
  note("MX", fmt::format("{}: {} (TTL {} s)", domain_.canonical(),
                         list.empty() ? "no usable name" : list, ttl.count()));
}

void MxLookup::ask_addresses() {
  for (Candidate& candidate : candidates_) {
    const auto name = dns::Name::parse(candidate.name);
    if (!name) continue;
    to_ask_.push_back({*name, dns::Type::aaaa});
    to_ask_.push_back({*name, dns::Type::a});
  }
  if (to_ask_.empty()) conclude();
}

void MxLookup::take_addresses(const dns::Question& question, const dns::LookupResult& result) {
  const auto candidate = std::ranges::find(candidates_, question.name.text(), &Candidate::name);
  PH_ASSERT(candidate != candidates_.end());
  if (!result) {
    (question.type == dns::Type::a ? candidate->v4_error : candidate->v6_error) = result.error();
    return;
  }
  if (!result->records.empty()) {
    candidate->ttl = std::min(candidate->ttl.value_or(result->ttl), result->ttl);
  }
  // An MX record should not name a CNAME [RFC2181 10.3], but some do.
  if (result->canonical.text() == options_.hostname.canonical()) candidate->is_ourselves = true;
  for (const dns::Record& record : result->records) {
    if (const auto* address = std::get_if<base::IpAddress>(&record.data)) {
      // A AAAA record may hold an IPv4-mapped address.
      (address->is_v4() ? candidate->v4 : candidate->v6).push_back(*address);
    }
  }
}

void MxLookup::conclude() {
  for (const Candidate& candidate : candidates_) {
    if (!is_ourselves(candidate)) continue;
    drop_from(candidate.preference);
    break;
  }
  Sieve sieve;
  for (const Candidate& candidate : candidates_) sift(candidate, sieve);

  const std::string& name = domain_.canonical();
  if (!sieve.hosts.empty()) {
    result_ = std::move(sieve.hosts);
  } else if (sieve.failed) {
    fail(NoHost::dns_failed, sieve.failure);
  } else if (dropped_ourselves_) {
    fail(NoHost::ourselves, fmt::format("mail for {} leads back to this host", name));
  } else if (way_ == Way::via) {
    fail(NoHost::next_hop_unknown, fmt::format("the next hop {} has no address{}", name,
                                               sieve.other_family ? " that we can dial" : ""));
  } else if (sieve.refused) {
    fail(NoHost::refused_network,
         fmt::format("{} leads only to addresses where we do not deliver", name));
  } else if (sieve.other_family) {
    fail(NoHost::other_family, fmt::format("{} leads only to addresses that we cannot dial", name));
  } else if (way_ == Way::implicit_mx) {
    fail(NoHost::no_address, fmt::format("{} has neither MX nor address", name));
  } else {
    fail(NoHost::no_address, fmt::format("no MX of {} leads to an address", name));
  }
}

void MxLookup::sift(const Candidate& candidate, Sieve& sieve) {
  std::vector<base::IpAddress> v4 = candidate.v4;
  std::vector<base::IpAddress> v6 = candidate.v6;
  const auto refused = [this](const base::IpAddress& address) { return is_refused(address); };
  const bool had_refused = std::erase_if(v4, refused) + std::erase_if(v6, refused) > 0;
  const bool cannot_dial = (!options_.dial_v4 && !v4.empty()) || (!options_.dial_v6 && !v6.empty());
  if (!options_.dial_v4) v4.clear();
  if (!options_.dial_v6) v6.clear();

  std::vector<base::IpAddress> addresses = in_order(std::move(v6), std::move(v4));
  if (!addresses.empty()) {
    if (steps_ != nullptr) {
      const std::string ttl =
          candidate.ttl ? fmt::format(" (TTL {} s)", candidate.ttl->count()) : "";
      note("addresses", fmt::format("{}: {}{}", candidate.name, list_of(addresses), ttl));
    }
    sieve.hosts.push_back({candidate.preference, candidate.name, std::move(addresses), port_});
    return;
  }
  const auto error = options_.dial_v4 && candidate.v4_error ? candidate.v4_error
                     : options_.dial_v6                     ? candidate.v6_error
                                                            : std::nullopt;
  const char* why = "none";
  if (error) {
    sieve.failed = true;
    sieve.failure =
        fmt::format("looking for the addresses of {}: {}", candidate.name, dns::to_string(*error));
    why = "the look-up failed";
  } else if (had_refused) {
    sieve.refused = true;
    why = "only such as refuse_networks excludes";
  } else if (cannot_dial) {
    sieve.other_family = true;
    why = "only of a family for which there is no source address";
  }
  if (steps_ != nullptr) note("addresses", fmt::format("{}: {}", candidate.name, why));
}

std::vector<base::IpAddress> MxLookup::in_order(std::vector<base::IpAddress> v6,
                                                std::vector<base::IpAddress> v4) {
  const auto distinct = [this](std::vector<base::IpAddress>& addresses) {
    std::ranges::sort(addresses);
    const auto doubled = std::ranges::unique(addresses);
    addresses.erase(doubled.begin(), doubled.end());
    shuffle(addresses, random_);
  };
  distinct(v6);
  distinct(v4);
  // By turns, IPv6 first, so that one broken family costs one attempt only.
  std::vector<base::IpAddress> addresses;
  for (std::size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
    if (i < v6.size()) addresses.push_back(v6[i]);
    if (i < v4.size()) addresses.push_back(v4[i]);
  }
  if (addresses.size() > host_addresses_max) addresses.resize(host_addresses_max);
  return addresses;
}

bool MxLookup::is_ourselves(const Candidate& candidate) const {
  // By name `via` may lead to another port of this host.
  if (candidate.is_ourselves && way_ != Way::via) return true;
  const auto is_listener = [&](const base::IpAddress& address) {
    return std::ranges::any_of(options_.listeners, [&](const base::Endpoint& listener) {
      return listener.port == port_ && hears(listener, address);
    });
  };
  return std::ranges::any_of(candidate.v4, is_listener) ||
         std::ranges::any_of(candidate.v6, is_listener);
}

bool MxLookup::is_refused(const base::IpAddress& address) const {
  if (way_ == Way::via) return false;
  return std::ranges::any_of(options_.refuse_networks, [&](const base::Network& network) {
    return network.contains(address);
  });
}

void MxLookup::drop_from(std::uint16_t preference) {
  dropped_ourselves_ = true;
  // The hosts behind us hand on to us, or are no nearer than we are [RFC5321 5.1].
  std::erase_if(candidates_, [&](const Candidate& candidate) {
    if (candidate.preference < preference) return false;
    if (steps_ != nullptr) {
      note("ourselves",
           fmt::format("{} {} is not before this host", candidate.preference, candidate.name));
    }
    return true;
  });
}

void MxLookup::fail(NoHost why, std::string text) {
  note("no host", fmt::format("{}: {}", status_of(why), text));
  result_ = std::unexpected(NoHostError{why, std::move(text)});
}

void MxLookup::note(const char* what, std::string why) {
  if (steps_ != nullptr) steps_->push_back({what, std::move(why)});
}

}  // namespace route
