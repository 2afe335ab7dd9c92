#include "policy/rate_limits.h"

#include "policy/session_limits.h"

namespace policy {

auto RateLimits::kind_of(What what) -> Kind {
  switch (what) {
    case What::messages_of_client: return {options_.messages_per_client, messages_of_client_};
    case What::messages_of_user: return {options_.messages_per_user, messages_of_user_};
    case What::recipients_of_user: return {options_.recipients_per_user, recipients_of_user_};
    case What::etrn_of_client: break;
  }
  return {options_.etrn_per_client, etrn_of_client_};
}

std::optional<base::Duration> RateLimits::wait(What what, std::string_view name,
                                               base::Instant now) {
  const Kind kind = kind_of(what);
  if (!kind.rate.is_limit()) return std::nullopt;
  base::Bucket* const bucket = kind.buckets.find(name);
  const base::Instant next = bucket == nullptr ? now : bucket->next(kind.rate, now);
  return next > now ? std::optional(next - now) : std::nullopt;
}

std::optional<base::Duration> RateLimits::count(What what, std::string_view name,
                                                base::Instant now) {
  const Kind kind = kind_of(what);
  if (!kind.rate.is_limit()) return std::nullopt;
  base::Bucket& bucket = kind.buckets.get(name);
  if (bucket.take(kind.rate, now)) return std::nullopt;
  return bucket.next(kind.rate, now) - now;
}

std::optional<base::Duration> RateLimits::count(What what, const base::IpAddress& client,
                                                base::Instant now) {
  if (!kind_of(what).rate.is_limit()) return std::nullopt;
  return count(what, site_of(client).to_string(), now);
}

std::string_view key_of(RateLimits::What what) {
  switch (what) {
    case RateLimits::What::messages_of_client: return "limits.messages_per_client";
    case RateLimits::What::messages_of_user: return "limits.messages_per_user";
    case RateLimits::What::recipients_of_user: return "limits.recipients_per_user";
    case RateLimits::What::etrn_of_client: break;
  }
  return "etrn.requests_per_client";
}

}  // namespace policy
