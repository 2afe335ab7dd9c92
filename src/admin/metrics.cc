#include "admin/metrics.h"

namespace admin {

void MetricsPage::add(std::string_view name, std::string_view help, std::string_view type,
                      std::uint64_t value) {
  const auto put = [this](auto... pieces) { ((text_ += pieces), ...); };
  put("# HELP ", name, ' ', help, '\n');
  put("# TYPE ", name, ' ', type, '\n');
  put(name, ' ', std::to_string(value), '\n');
}

}  // namespace admin
