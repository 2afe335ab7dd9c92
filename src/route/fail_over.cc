#include "route/fail_over.h"

#include <utility>

#include "base/assert.h"

namespace route {

bool FailOver::add(const MxLookup::Result& result) {
  const std::uint16_t place = place_++;
  if (result) {
    for (Host host : *result) {
      host.preference = place;
      hosts_.push_back(std::move(host));
    }
    return true;
  }
  const NoHostError& error = result.error();
  if (!error_ || (error.is_temporary() && !error_->is_temporary())) error_ = error;
  return error.why != NoHost::ourselves;
}

MxLookup::Result FailOver::take() {
  if (!hosts_.empty()) return std::move(hosts_);
  PH_ASSERT(error_.has_value());
  return std::unexpected(*std::move(error_));
}

}  // namespace route
