#include "cli/demo_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/escape.h"

namespace cli {
namespace {

namespace json = boost::json;

constexpr std::size_t column_octets = 48;
using Lines = std::vector<std::string>;

double seconds(base::Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// "31,204"
std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3;) {
    at -= 3;
    out.insert(at, ",");
  }
  return out;
}

std::string cut(std::string text) {
  if (text.size() > column_octets) text.resize(column_octets);
  return text;
}

/// "[127.8.9.2]:2525" of `127.8.9.2:2525`.
std::string bracketed(const std::string& address) {
  const std::size_t port = std::min(address.rfind(':'), address.size());
  return fmt::format("[{}]{}", address.substr(0, port), address.substr(port));
}

Lines steps_of(const DemoJourney& journey) {
  Lines out{"  0.000 s  client  submits, RCPT TO:", "  " + journey.forward_path};
  for (const DemoVisit& visit : journey.visits) {
    out.push_back(fmt::format("  {:.3f} s  {}  250: it is responsible now",
                              seconds(visit.received - journey.begin), visit.server));
    if (visit.host.empty()) {
      out.push_back(fmt::format("  {:.3f} s  {}  it is in the mailbox",
                                seconds(visit.done - journey.begin), visit.server));
    } else {
      out.push_back(fmt::format("           to {} {}{}", visit.host, bracketed(visit.address),
                                visit.tls.empty() ? ", plain" : ""));
    }
  }
  return out;
}

Lines chain_of(const DemoJourney& journey) {
  Lines out;
  for (const DemoTraceField& field : journey.received) {
    out.push_back(fmt::format("  Received: by {} from {}", field.by, field.from));
  }
  return out;
}

void append(const Lines& left, const Lines& right, std::string& out) {
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const std::string a = i < left.size() ? cut(base::escaped(left[i])) : "";
    const std::string b = i < right.size() ? cut(base::escaped(right[i])) : "";
    std::string line = fmt::format("{:<{}} | {}", a, column_octets, b);
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
}

void append_row(std::string_view name, const std::string& left, const std::string& right,
                std::string& out) {
  std::string line = fmt::format("  {:<26}{:<47}{}", name, left, right);
  line.erase(line.find_last_not_of(' ') + 1);
  out += line + '\n';
}

void append_table(const DemoJourney& a, const DemoJourney& b, std::string& out) {
  append_row("", "by source route", "directly, by MX", out);
  append_row("servers on the way", std::to_string(a.visits.size()), std::to_string(b.visits.size()),
             out);
  append_row("connections", std::to_string(a.connections), std::to_string(b.connections), out);
  append_row("octets on the network", grouped(a.octets), grouped(b.octets), out);
  append_row("Received fields", std::to_string(a.received.size()),
             std::to_string(b.received.size()), out);
  append_row("from client to mailbox", fmt::format("{:.3f} s", seconds(a.delay())),
             fmt::format("{:.3f} s", seconds(b.delay())), out);
  append_row("way back (Return-Path)", base::escaped(a.return_path), base::escaped(b.return_path),
             out);
  append_row("who had to know the way", "the sender", "nobody: the DNS said it", out);
  append_row("who had to trust whom", "each server the one before it", "nobody", out);
}

json::object as_json(const DemoJourney& journey) {
  json::array hops;
  for (const DemoVisit& visit : journey.visits) {
    json::object hop{{"server", visit.server},
                     {"received", seconds(visit.received - journey.begin)},
                     {"done", seconds(visit.done - journey.begin)}};
    const auto text = [&](std::string_view key, const std::string& value) {
      hop[key] = value.empty() ? json::value(nullptr) : json::value(value);
    };
    text("host", visit.host);
    text("address", visit.address);
    text("tls", visit.tls);
    hops.push_back(std::move(hop));
  }
  json::array received;
  for (const DemoTraceField& field : journey.received) {
    received.push_back(json::object{{"from", field.from}, {"by", field.by}});
  }
  return {{"forward_path", journey.forward_path},
          {"return_path", journey.return_path},
          {"hops", std::move(hops)},
          {"received", std::move(received)},
          {"connections", journey.connections},
          {"octets", journey.octets},
          {"delay", seconds(journey.delay())}};
}

}  // namespace

std::string demo_text(const DemoTale& tale) {
  std::string out =
      "Two letters from alice@a.test to bob@z.test, through an internet of five mail servers and a "
      "DNS\non this machine: one by the way that its sender has written on it, one by what the DNS "
      "says.\n\n";
  const auto heading = [](const DemoJourney& journey) { return Lines{journey.title, ""}; };
  append(heading(tale.routed), heading(tale.direct), out);
  append(steps_of(tale.routed), steps_of(tale.direct), out);
  append({"", "  as it arrived, the newest field first:"},
         {"", "  as it arrived, the newest field first:"}, out);
  append(chain_of(tale.routed), chain_of(tale.direct), out);
  out += '\n';
  append_table(tale.routed, tale.direct, out);
  out += fmt::format(
      "\nOn the long way every server must be up, must let the one before it relay, and adds a "
      "delay,\nand the sender must know them all. The DNS names the last one, and that is why it "
      "took over.\n\nIt took {:.3f} s. Nothing is left behind.\n",
      seconds(tale.elapsed));
  return out;
}

std::string demo_json(const DemoTale& tale) {
  const json::object out{{"routed", as_json(tale.routed)},
                         {"direct", as_json(tale.direct)},
                         {"seconds", seconds(tale.elapsed)}};
  return json::serialize(out) + '\n';
}

}  // namespace cli
