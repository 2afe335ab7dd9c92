#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dns/zone.h"
#include "lab/description.h"

namespace lab {

/// The DNS of the world, and its outages: what fails for a while has its records again afterwards.
class ZoneKeeper {
 public:
  /// The records must be ones that dns::Zone::add_text() takes.
  ZoneKeeper(dns::Zone& zone, std::vector<RecordPlan> records);

  /// Questions for `domain`, and for every name below it, get this answer; `*`: for every name that
  /// has records.
  void fail(const std::string& domain, std::string_view answer);
  /// Ends everything that fails.
  void restore();

 private:
  void add(const RecordPlan& record);
  void fail_name(const std::string& name, std::string_view answer);

  dns::Zone& zone_;
  std::vector<RecordPlan> records_;
  std::vector<std::string> failing_;
};

}  // namespace lab
