#include "server/queue_control.h"

#include <boost/json.hpp>
#include <utility>

#include "base/ascii.h"
#include "server/queue_filter.h"

namespace server {

namespace json = boost::json;

namespace {

constexpr std::size_t answer_block_octets = 64 * 1024;

std::string error_text(std::string_view what) {
  json::object out;
  out["error"] = what;
  return json::serialize(out);
}

std::optional<base::MessageId> id_of(const json::object& request) {
  const json::value* id = request.if_contains("id");
  if (id == nullptr || !id->is_string()) return std::nullopt;
  return base::parse_message_id(std::string_view(id->as_string()));
}

}  // namespace

admin::Outlook Outlooks::find(std::string_view forward_path) {
  const auto path = grammar::ForwardPath::parse(forward_path);
  if (!path) return {};
  const delivery::Settings& settings = delivery_.settings();
  const route::Decision decision =
      route::decide(*path, nullptr, {settings.domains, settings.routes});
  admin::Outlook out{.via = decision.next_hop};
  const auto known = troubles_.find(decision.next_hop);
  if (known != troubles_.end()) {
    out.trouble = &known->second;
    return out;
  }
  const queue::NextHop* hop = delivery_.find_hop(decision.next_hop);
  if (hop == nullptr || !hop->backing_off()) return out;
  admin::HopTrouble trouble;
  for (const queue::HopFailure& failure : hop->failures()) trouble.failures.push_back(failure.time);
  trouble.next_probe = delivery_.wall_time(hop->next_probe());
  trouble.reply = hop->failures().back().reply;
  out.trouble = &troubles_.emplace(decision.next_hop, std::move(trouble)).first->second;
  return out;
}

base::Task<> QueueControl::answer(std::string request, admin::ControlWriter write) {
  boost::system::error_code error;
  const json::value parsed = json::parse(request, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  const json::value* command = object ? object->if_contains("command") : nullptr;
  const std::string_view name =
      command != nullptr && command->is_string() ? std::string_view(command->as_string()) : "";
  if (name == "list") {
    co_await list(write);
  } else if (name == "retry") {
    co_await retry(*object, write);
  } else if (name == "show" || name == "body") {
    const auto id = id_of(*object);
    if (!id) {
      (void)co_await write(error_text("no such id"));
    } else if (name == "show") {
      co_await show(*id, write);
    } else {
      co_await body(*id, write);
    }
  } else {
    (void)co_await write(error_text("no such command"));
  }
}

base::Task<> QueueControl::list(const admin::ControlWriter& write) {
  std::string out = "[";
  Outlooks outlooks(parts_.delivery);
  const admin::FindOutlook find = [&](std::string_view path) { return outlooks.find(path); };
  bool first = true;
  const auto next = [&] { return std::exchange(first, false) ? "\n" : ",\n"; };
  for (const base::MessageId id : parts_.spool.ids()) {
    const auto message = parts_.spool.load(id);
    if (!message) continue;  // Gone meanwhile.
    out += next() + json::serialize(admin::describe(*message, find, false));
    if (out.size() < answer_block_octets) continue;
    if (!co_await write(out)) co_return;
    out.clear();
  }
  for (const spool::Damage& damage : parts_.spool.damage()) {
    out += next() + json::serialize(admin::describe_damage(damage));
  }
  out += "\n]\n";
  (void)co_await write(out);
}

base::Task<> QueueControl::show(base::MessageId id, const admin::ControlWriter& write) {
  const auto message = parts_.spool.load(id);
  if (!message) {
    (void)co_await write(error_text("no such id"));
    co_return;
  }
  Outlooks outlooks(parts_.delivery);
  const admin::FindOutlook find = [&](std::string_view path) { return outlooks.find(path); };
  const std::string out = json::serialize(admin::describe(*message, find, true)) + "\n";
  (void)co_await write(out);
}

base::Task<> QueueControl::body(base::MessageId id, const admin::ControlWriter& write) {
  auto reader = parts_.spool.read_content(id);
  if (!reader) co_return;
  std::string block(answer_block_octets, '\0');
  for (;;) {
    const auto octets = reader->read(block);
    if (!octets || *octets == 0) co_return;
    if (!co_await write(std::string_view(block).substr(0, *octets))) co_return;
  }
}

base::Task<> QueueControl::retry(const json::object& request, const admin::ControlWriter& write) {
  const auto filter = QueueFilter::parse(request);
  if (!filter) {
    const std::string out = error_text(filter.error());
    (void)co_await write(out);
    co_return;
  }
  std::map<base::MessageId, std::vector<std::uint32_t>> chosen;
  json::array shown;
  for (const base::MessageId id : parts_.spool.ids()) {
    if (filter->is_everything() && !filter->dry_run) break;
    if (!filter->may_match(id)) continue;
    const auto message = parts_.spool.load(id);
    if (!message) continue;
    std::vector<std::uint32_t> matches = filter->matches(*message);
    if (matches.empty()) continue;
    for (const std::uint32_t recipient : matches) {
      json::object entry;
      entry["id"] = base::to_string(id);
      entry["to"] = delivery::address_of_path(message->envelope.recipients[recipient].forward_path);
      shown.push_back(std::move(entry));
    }
    chosen.emplace(id, std::move(matches));
  }
  if (!filter->dry_run) {
    using Recipients = std::optional<std::vector<std::uint32_t>>;
    parts_.delivery.retry([&](base::MessageId id) -> Recipients {
      if (filter->is_everything()) return std::nullopt;
      const auto found = chosen.find(id);
      return found == chosen.end() ? std::vector<std::uint32_t>() : found->second;
    });
  }
  json::object out;
  const bool unlisted = filter->is_everything() && !filter->dry_run;
  out["matched"] = unlisted ? parts_.spool.ids().size() : chosen.size();
  out["recipients"] = std::move(shown);
  const std::string text = json::serialize(out) + "\n";
  (void)co_await write(text);
}

}  // namespace server
