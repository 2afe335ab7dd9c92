#include <fmt/format.h>

#include "config/load.h"

namespace config {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t tebibyte = std::uint64_t{1} << 40;
constexpr std::size_t retries_max = 100;
constexpr base::Duration year = std::chrono::days(365);

constexpr Choice<TlsPolicy> tls_policies[] = {
    {"off", TlsPolicy::off},
    {"opportunistic", TlsPolicy::opportunistic},
    {"require", TlsPolicy::require},
    {"verify", TlsPolicy::verify},
};
constexpr Choice<Durability> durabilities[] = {
    {"fsync", Durability::fsync},
    {"memory", Durability::memory},
};
constexpr Choice<LogFormat> log_formats[] = {
    {"json", LogFormat::json},
    {"text", LogFormat::text},
};

void read_limits(Section& root, Limits& out) {
  Section limits = root.table("limits");
  limits.size("message_size", {.min = 1, .max = tebibyte}, out.message_size);
  limits.count("recipients", {.min = 1, .max = 100'000}, out.recipients);
  limits.count("sessions", {.min = 1, .max = 1'000'000}, out.sessions);
  limits.count("sessions_per_client", {.min = 1, .max = 1'000'000}, out.sessions_per_client);
  read_rate(limits, "messages_per_client", "messages", out.messages_per_client);
  read_rate(limits, "messages_per_user", "messages", out.messages_per_user);
  read_rate(limits, "recipients_per_user", "recipients", out.recipients_per_user);
  limits.duration("idle_timeout", {.min = 1s, .max = std::chrono::days(1)}, out.idle_timeout);
  limits.finish();
}

void read_source_addresses(Section& delivery, Delivery& out) {
  for (const Text& text : delivery.texts("source_addresses")) {
    if (const auto address = base::IpAddress::parse(text.value)) {
      out.source_addresses.push_back(*address);
    } else {
      delivery.fail(text, fmt::format("expected an IP address, found \"{}\"", text.value));
    }
  }
}

void read_refused_networks(Section& delivery, Delivery& out) {
  std::vector<base::Network> networks;
  const std::vector<Text> texts = delivery.texts("refuse_networks");
  for (const Text& text : texts) {
    if (const auto network = base::Network::parse(text.value)) {
      networks.push_back(*network);
    } else {
      delivery.fail(text, fmt::format("expected an address or network such as \"10.0.0.0/8\" (all "
                                      "bits behind the prefix 0), found \"{}\"",
                                      text.value));
    }
  }
  if (delivery.has("refuse_networks")) out.refuse_networks = std::move(networks);
}

void read_delivery(Section& root, Delivery& out) {
  Section delivery = root.table("delivery");
  std::size_t port = out.port;
  delivery.count("port", {.min = 1, .max = 65'535}, port);
  out.port = static_cast<std::uint16_t>(port);
  if (const auto helo = delivery.filled_text("helo")) {
    out.helo = hostname_from(helo->value);
    if (out.helo.empty()) {
      delivery.fail(*helo,
                    fmt::format("expected a host name such as \"mx.example.org\", found \"{}\"",
                                helo->value));
    }
  }
  read_source_addresses(delivery, out);
  read_refused_networks(delivery, out);
  delivery.choice("tls", tls_policies, out.tls);
  delivery.count("connections_per_host", {.min = 1, .max = 10'000}, out.connections_per_host);
  delivery.count("messages_per_connection", {.min = 1, .max = 1'000'000},
                 out.messages_per_connection);
  read_rate(delivery, "messages_per_host", "messages", out.messages_per_host);
  delivery.finish();
}

void read_retry(Section& queue, Queue& out) {
  const std::vector<Text> texts = queue.texts("retry");
  if (!queue.has("retry")) return;
  if (texts.empty() || texts.size() > retries_max) {
    queue.fail_at("retry", fmt::format("expected 1 to {} durations", retries_max));
    return;
  }
  out.retry.clear();
  for (const Text& text : texts) {
    if (const auto wait = queue.to_duration(text, {.min = 1s, .max = year})) {
      out.retry.push_back(*wait);
    }
  }
}

void read_queue(Section& root, const Loading& loading) {
  Queue& out = loading.config.queue;
  Section queue = root.table("queue");
  read_retry(queue, out);
  queue.duration("expire", {.min = 1s, .max = year}, out.expire);
  if (const auto warn_after = queue.text("warn_after")) {
    out.warn_after.reset();
    if (!warn_after->value.empty()) {
      out.warn_after = queue.to_duration(*warn_after, {.min = 1s, .max = year});
    }
  }
  queue.choice("durability", durabilities, out.durability);
  queue.finish();
  if (out.durability == Durability::memory) {
    loading.warn("queue.durability is \"memory\": a crash loses mail that was accepted");
  }
}

void read_trace(Section& root, Trace& out) {
  Section trace = root.table("trace");
  if (const auto keep = trace.text("keep")) {
    out.keep = base::Duration::zero();
    if (!keep->value.empty()) {
      out.keep = trace.to_duration(*keep, {.min = 1s, .max = 100 * year}).value_or(out.keep);
    }
  }
  trace.size("size", {.min = 1024 * 1024, .max = 1024 * tebibyte}, out.size);
  trace.finish();
}

void read_log(Section& root, const Loading& loading) {
  Log& out = loading.config.log;
  Section log = root.table("log");
  log.choice("format", log_formats, out.format);
  if (const auto file = log.filled_text("file")) out.file = loading.resolve(file->value);
  log.finish();
}

}  // namespace

void read_operation(Section& root, const Loading& loading) {
  read_limits(root, loading.config.limits);
  read_delivery(root, loading.config.delivery);
  read_queue(root, loading);
  read_trace(root, loading.config.trace);
  read_log(root, loading);
}

}  // namespace config
