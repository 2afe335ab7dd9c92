#include "lab/zone_keeper.h"

#include <utility>

#include "base/assert.h"

namespace lab {
namespace {

bool is_in(std::string_view name, std::string_view domain) {
  if (domain == "*" || name == domain) return true;
  return name.size() > domain.size() && name.ends_with(domain) &&
         name[name.size() - domain.size() - 1] == '.';
}

}  // namespace

ZoneKeeper::ZoneKeeper(dns::Zone& zone, std::vector<RecordPlan> records)
    : zone_(zone), records_(std::move(records)) {
  for (const RecordPlan& record : records_) add(record);
}

void ZoneKeeper::add(const RecordPlan& record) {
  const auto added = zone_.add_text(record.owner, record.type, record.data);
  PH_ASSERT(added.has_value());
}

void ZoneKeeper::fail_name(const std::string& name, std::string_view answer) {
  const auto set = zone_.set_fault_text(name, "ANY", answer);
  PH_ASSERT(set.has_value());
  failing_.push_back(name);
}

void ZoneKeeper::fail(const std::string& domain, std::string_view answer) {
  if (domain != "*") fail_name(domain, answer);
  for (const RecordPlan& record : records_) {
    if (is_in(record.owner, domain)) fail_name(record.owner, answer);
  }
}

void ZoneKeeper::restore() {
  const std::vector<std::string> failing = std::exchange(failing_, {});
  if (failing.empty()) return;
  for (const std::string& owner : failing) {
    const auto name = dns::Name::parse(owner);
    PH_ASSERT(name.has_value());
    zone_.remove(*name);
  }
  for (const RecordPlan& record : records_) {
    for (const std::string& owner : failing) {
      if (record.owner != owner) continue;
      add(record);
      break;
    }
  }
}

}  // namespace lab
