#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "base/rate.h"
#include "base/recent.h"

namespace policy {

/// What somebody may do only so often. Token buckets, each for one client or one user. Memory is
/// bounded: of each kind the last names_max names are remembered; whoever can come by more names
/// than that is not held up by a limit for each. Not synchronised.
class RateLimits {
 public:
  enum class What : std::uint8_t {
    messages_of_client,
    messages_of_user,
    recipients_of_user,
    etrn_of_client,
  };
  static constexpr std::size_t names_max = 20'000;

  struct Options {
    base::Rate messages_per_client;
    base::Rate messages_per_user;
    base::Rate recipients_per_user;
    base::Rate etrn_per_client;
  };
  RateLimits() = default;
  explicit RateLimits(const Options& options) : options_(options) {}
  /// After a reload. What was counted stays.
  void set_options(const Options& options) { options_ = options; }

  /// Counts one. How long to wait, if it is one too many; it does not count then.
  [[nodiscard]] std::optional<base::Duration> count(What what, std::string_view name,
                                                    base::Instant now);
  /// The same, without counting.
  [[nodiscard]] std::optional<base::Duration> wait(What what, std::string_view name,
                                                   base::Instant now);
  /// A client's name: its site, as in SessionLimits.
  [[nodiscard]] std::optional<base::Duration> count(What what, const base::IpAddress& client,
                                                    base::Instant now);

 private:
  struct Kind {
    const base::Rate& rate;
    base::Recent<base::Bucket>& buckets;
  };
  [[nodiscard]] Kind kind_of(What what);

  Options options_;
  base::Recent<base::Bucket> messages_of_client_{names_max};
  base::Recent<base::Bucket> messages_of_user_{names_max};
  base::Recent<base::Bucket> recipients_of_user_{names_max};
  base::Recent<base::Bucket> etrn_of_client_{names_max};
};

/// The key of the configuration that says how much.
[[nodiscard]] std::string_view key_of(RateLimits::What what);

}  // namespace policy
