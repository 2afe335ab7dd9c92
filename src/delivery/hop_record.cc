#include "delivery/hop_record.h"

#include "base/codec.h"

namespace delivery {

namespace {

base::WallTime wall_of(std::int64_t milliseconds) {
  return base::WallTime(std::chrono::milliseconds(milliseconds));
}

}  // namespace

std::string encode_hop(const HopRecord& record) {
  std::string out;
  base::Encoder encoder(out);
  encoder.number(std::uint8_t{1});  // Version.
  encoder.number(record.next_probe.time_since_epoch().count());
  encoder.number(static_cast<std::uint32_t>(record.failures.size()));
  for (const queue::HopFailure& failure : record.failures) {
    encoder.number(failure.time.time_since_epoch().count());
  }
  encoder.text(record.failures.empty() ? "" : record.failures.back().reply);
  return out;
}

std::optional<HopRecord> decode_hop(std::string_view blob) {
  base::Decoder decoder(blob);
  HopRecord out;
  if (decoder.number<std::uint8_t>() != 1) return std::nullopt;
  out.next_probe = wall_of(decoder.number<std::int64_t>());
  const auto count = decoder.number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && decoder.ok(); ++i) {
    out.failures.push_back({wall_of(decoder.number<std::int64_t>()), {}});
  }
  const std::string_view reply = decoder.text();
  if (!decoder.ok()) return std::nullopt;
  if (!out.failures.empty()) out.failures.back().reply = reply;
  return out;
}

}  // namespace delivery
