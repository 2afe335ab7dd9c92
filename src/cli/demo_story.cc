#include "cli/demo_story.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/output.h"

namespace cli {

void DemoStory::tell(std::string_view who, std::string_view what) {
  const std::scoped_lock lock(mutex_);
  print(fmt::format("{:7.3f} s  {:<7} {}\n", elapsed().count(), who, base::escaped(what)));
}

void DemoStory::add(std::string_view what) {
  const std::scoped_lock lock(mutex_);
  print(fmt::format("{:19}{}\n", "", base::escaped(what)));
}

}  // namespace cli
