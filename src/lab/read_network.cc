#include <fmt/format.h>

#include <charconv>

#include "base/ascii.h"
#include "config/values.h"
#include "lab/reading.h"

namespace lab {

using config::Section;
using config::Text;
using namespace std::chrono_literals;

namespace {

constexpr base::Duration latency_max = 10min;

/// `20ms`, or as other durations.
std::optional<base::Duration> parse_latency(std::string_view text) {
  constexpr std::string_view unit = "ms";
  if (!text.ends_with(unit)) return config::parse_duration(text);
  text.remove_suffix(unit.size());
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (text.empty() || read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return std::chrono::milliseconds(number);
}

void read_latency(Section& section, std::string_view key, base::Duration& out) {
  const auto text = section.filled_text(key);
  if (!text) return;
  const auto latency = parse_latency(text->value);
  if (latency && *latency <= latency_max) {
    out = *latency;
    return;
  }
  section.fail(*text, fmt::format("expected a time such as \"20ms\" or \"2s\", at most \"10m\", "
                                  "found \"{}\"",
                                  text->value));
}

void read_link(Section& section, Reading& reading) {
  LinkPlan plan;
  const std::vector<Text> between = section.texts("between");
  std::vector<std::string> names;
  for (const Text& text : between) {
    if (auto name = to_machine(section, text, reading)) names.push_back(std::move(*name));
  }
  if (section.has("between") && between.size() != 2)
    section.fail_at("between", "expected two names; without them the link is that of all others");
  base::Duration latency = 20ms;
  base::Duration jitter = 0ms;
  read_latency(section, "latency", latency);
  read_latency(section, "jitter", jitter);
  plan.link.latency_min = latency;
  plan.link.latency_max = latency + jitter;
  section.size("bandwidth", {.min = 1, .max = std::uint64_t{1} << 40}, plan.link.octets_per_second);
  read_rate(section, "loss_per_mille", plan.link.loss_per_mille);
  read_rate(section, "resets_per_mille", plan.link.reset_per_mille);
  read_rate(section, "refused_per_mille", plan.link.refuse_per_mille);
  read_rate(section, "unanswered_per_mille", plan.link.time_out_per_mille);
  section.finish();
  if (names.size() == 2 && names[0] == names[1]) {
    section.fail_at("between", "expected two machines");
  } else if (names.size() == 2) {
    plan.a = names[0];
    plan.b = names[1];
  }
  if (names.size() == between.size()) reading.out.links.push_back(std::move(plan));
}

/// What fails: exactly one of three keys says so.
void read_victim(Section& section, Outage& outage, const Reading& reading) {
  int given = 0;
  if (const auto server = section.filled_text("server")) {
    ++given;
    outage.kind = Outage::Kind::server;
    if (auto name = to_machine(section, *server, reading)) outage.names = {std::move(*name)};
  }
  if (const auto dns = section.filled_text("dns")) {
    ++given;
    outage.kind = Outage::Kind::dns;
    if (dns->value == "*") {
      outage.names = {dns->value};
    } else if (auto name = to_name(section, *dns)) {
      outage.names = {std::move(*name)};
    }
  }
  if (section.has("partition")) {
    ++given;
    outage.kind = Outage::Kind::partition;
    outage.names.clear();
  }
  for (const Text& text : section.texts("partition")) {
    if (auto name = to_machine(section, text, reading)) outage.names.push_back(std::move(*name));
  }
  if (given != 1) section.fail("expected one of server, dns and partition");
}

constexpr config::Choice<Outage::How> hows[] = {
    {"power-cut", Outage::How::power_cut},
    {"kill", Outage::How::kill},
    {"stop", Outage::How::stop},
};
constexpr config::Choice<std::string_view> answers[] = {
    {"SERVFAIL", "SERVFAIL"},
    {"TIMEOUT", "TIMEOUT"},
    {"REFUSED", "REFUSED"},
    {"NXDOMAIN", "NXDOMAIN"},
};

void read_outage(Section& section, Reading& reading) {
  Outage outage;
  read_victim(section, outage, reading);
  if (outage.kind == Outage::Kind::server) section.choice("how", hows, outage.how);
  std::string_view answer = "SERVFAIL";
  if (outage.kind == Outage::Kind::dns) section.choice("answer", answers, answer);
  outage.answer = answer;
  constexpr config::Bounds<base::Duration> bounds{.min = 0s, .max = duration_max};
  section.duration("from", bounds, outage.from);
  section.duration("to", bounds, outage.to);
  section.finish();
  if (outage.to <= outage.from) section.fail_at("to", "expected a time behind `from`");
  if (!outage.names.empty()) reading.out.outages.push_back(std::move(outage));
}

}  // namespace

void read_network(Section& root, Reading& reading) {
  for (Section& section : root.tables("link")) read_link(section, reading);
  for (Section& section : root.tables("outage")) read_outage(section, reading);
}

}  // namespace lab
