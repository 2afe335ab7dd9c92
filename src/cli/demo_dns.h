#pragma once

#include <expected>
#include <memory>
#include <string>
#include <thread>

#include "base/address.h"
#include "dns/zone.h"
#include "sys/linux/descriptor.h"

namespace cli {

/// An authoritative DNS server over UDP at a free port of 127.0.0.1, on a thread of its own.
class DemoDns {
 public:
  /// The error is for people.
  [[nodiscard]] static std::expected<std::unique_ptr<DemoDns>, std::string> start(dns::Zone zone);
  ~DemoDns();
  DemoDns(const DemoDns&) = delete;
  DemoDns& operator=(const DemoDns&) = delete;

  [[nodiscard]] const base::Endpoint& address() const { return address_; }

 private:
  explicit DemoDns(dns::Zone zone) : zone_(std::move(zone)) {}

  void serve() const;
  void answer_one() const;

  dns::Zone zone_;
  sys::real::Descriptor socket_;
  sys::real::Descriptor stop_;  ///< Readable when it is time to end.
  base::Endpoint address_;
  std::thread thread_;
};

}  // namespace cli
