#include "policy/session_limits.h"

#include "base/assert.h"

namespace policy {
namespace {

/// In octets, of the part of an IPv6 address that tells one site from another.
constexpr std::size_t site_octets = 8;

}  // namespace

base::IpAddress site_of(const base::IpAddress& client) {
  if (client.is_v4()) return client;
  auto octets = client.octets();
  for (std::size_t i = site_octets; i < octets.size(); ++i) octets[i] = 0;
  return base::IpAddress::v6(octets);
}

Admission SessionLimits::admit(const base::IpAddress& client) {
  if (sessions_ >= options_.sessions) return Admission::too_many_sessions;
  const base::IpAddress site = site_of(client);
  const auto found = by_client_.find(site);
  const std::size_t open = found == by_client_.end() ? 0 : found->second;
  if (open >= options_.sessions_per_client) return Admission::too_many_of_client;
  by_client_[site] = open + 1;
  ++sessions_;
  return Admission::admitted;
}

void SessionLimits::release(const base::IpAddress& client) {
  const auto found = by_client_.find(site_of(client));
  PH_ASSERT(found != by_client_.end() && sessions_ > 0);
  --sessions_;
  if (--found->second == 0) by_client_.erase(found);
}

}  // namespace policy
