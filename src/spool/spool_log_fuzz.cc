#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sim/disk.h"
#include "spool/spool.h"

// Recovery of a segment and a journal made of any octets: it may find nothing, but it must end
// well.

namespace {

class Touch final : public spool::RecoverySink {
 public:
  void message(const spool::RecoveredMessage& message) override { sum += message.statuses.size(); }
  void hop(std::string_view key, std::string_view blob) override {
    sum += key.size() + blob.size();
  }
  std::size_t sum = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = octets.size() * static_cast<unsigned char>(octets[0]) / 256;
  sim::SimDisk disk(1);
  disk.put("/q/lock", "");
  disk.put("/q/content/0000000000000001", "x");
  disk.put("/q/log.00000001", octets.substr(cut));
  disk.put("/q/log.00000002", octets.substr(1));
  disk.put("/q/attempts.00000001", octets.substr(0, cut));
  spool::ReadOnlySpool spool(disk, "/q");
  Touch touch;
  (void)spool.open(touch);
  return 0;
}
