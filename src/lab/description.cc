#include "lab/description.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "dns/zone.h"
#include "grammar/domain.h"
#include "lab/reading.h"

namespace lab {

using config::Section;
using config::Text;
using namespace std::chrono_literals;

bool Reading::take_address(Section& section, const base::IpAddress& address,
                           const std::string& name) {
  const auto [taken, is_new] = addresses.try_emplace(address, name);
  if (is_new || taken->second == name) return true;
  section.fail(fmt::format("expected an address of its own, {} is that of {}", address.to_string(),
                           taken->second));
  return false;
}

base::IpAddress Reading::free_address(std::uint8_t second, const std::string& name) {
  for (std::uint8_t third = 0;; ++third) {
    for (std::uint8_t fourth = 1; fourth < 255; ++fourth) {
      const auto address = base::IpAddress::v4({10, second, third, fourth});
      if (addresses.try_emplace(address, name).second) return address;
    }
  }
}

std::optional<std::string> to_name(Section& section, const Text& text) {
  const auto domain = grammar::Domain::parse(text.value);
  if (domain && !domain->is_literal()) return base::lower(domain->ascii());
  section.fail(text, fmt::format("expected a domain name such as \"mx.example.org\", found \"{}\"",
                                 text.value));
  return std::nullopt;
}

std::optional<std::string> read_name(Section& section, std::string_view key) {
  const auto text = section.required_text(key, "expected a domain name such as \"mx.example.org\"");
  return text ? to_name(section, *text) : std::nullopt;
}

std::optional<std::string> to_machine(Section& section, const Text& text, const Reading& reading) {
  std::string name = base::lower(text.value);
  if (reading.machines.contains(name)) return name;
  section.fail(text, fmt::format("expected the name of a [[server]] or [[foreign]], found \"{}\"",
                                 text.value));
  return std::nullopt;
}

std::optional<base::IpAddress> read_address(Section& section, std::string_view key) {
  const auto text = section.filled_text(key);
  if (!text) return std::nullopt;
  auto address = base::IpAddress::parse(text->value);
  if (!address || address->is_loopback()) {
    section.fail(*text, fmt::format("expected an IP address such as \"192.0.2.1\", found \"{}\"",
                                    text->value));
    return std::nullopt;
  }
  return address;
}

void read_rate(Section& section, std::string_view key, unsigned& out) {
  std::size_t rate = out;
  section.count(key, {.min = 0, .max = 1'000}, rate);
  out = static_cast<unsigned>(rate);
}

namespace {

/// False: a record of these data cannot be.
bool add_record(Section& section, const Text& text, const RecordPlan& record, Reading& reading) {
  dns::Zone scratch;
  if (const auto added = scratch.add_text(record.owner, record.type, record.data); !added) {
    section.fail(text, added.error());
    return false;
  }
  reading.out.records.push_back(record);
  return true;
}

void read_domain(Section& section, Reading& reading) {
  const auto name = read_name(section, "name");
  constexpr std::pair<std::string_view, std::string_view> types[] = {
      {"mx", "MX"}, {"a", "A"}, {"aaaa", "AAAA"}, {"txt", "TXT"}};
  for (const auto& [key, type] : types) {
    for (const Text& text : section.texts(key)) {
      if (!name) continue;
      std::string data = text.value;
      // A host alone is of the middle preference that examples like.
      if (type == "MX" && data.find(' ') == data.npos) data = "10 " + data;
      if (add_record(section, text, {*name, std::string(type), data}, reading) && key[0] == 'a')
        reading.given_addresses.insert(*name);
    }
  }
  if (const auto alias = section.filled_text("cname"); alias && name) {
    if (add_record(section, *alias, {*name, "CNAME", alias->value}, reading))
      reading.given_addresses.insert(*name);
  }
  section.finish();
  if (name && !reading.given_owners.insert(*name).second)
    section.fail_at("name", fmt::format("expected each domain once, {} is there twice", *name));
}

}  // namespace

void read_domains(Section& root, Reading& reading) {
  for (Section& section : root.tables("domain")) read_domain(section, reading);
}

std::expected<Description, std::vector<config::Mistake>> read_description(
    std::string_view text, const ReadOptions& options) {
  const auto document = config::parse_document(text, options.file_name);
  if (!document) return std::unexpected(std::vector{document.error()});
  Description out;
  config::Problems problems(options.file_name);
  std::vector<config::Mistake> elsewhere;
  Reading reading{.options = options, .out = out, .problems = problems, .elsewhere = elsewhere};
  Section root(&*document, {}, problems);
  root.duration("duration", {.min = 1s, .max = duration_max}, out.duration);
  read_domains(root, reading);
  read_machines(root, reading);
  read_network(root, reading);
  read_traffic(root, reading);
  root.finish();
  if (problems.empty() && elsewhere.empty()) return out;
  std::vector<config::Mistake> mistakes = problems.take();
  std::ranges::move(elsewhere, std::back_inserter(mistakes));
  return std::unexpected(std::move(mistakes));
}

}  // namespace lab
