#include "server/queue_control.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "delivery/routing.h"
#include "delivery/waiting.h"
#include "route/target.h"

namespace server {

namespace json = boost::json;
using delivery::QueueAction;

namespace {

constexpr std::size_t answer_block_octets = 64 * 1024;
/// Messages that are read from the disk before mail has its turn again.
constexpr std::size_t loads_at_once = 64;

std::string error_text(std::string_view what) {
  json::object out;
  out["error"] = what;
  return json::serialize(out) + '\n';
}

std::string_view text_of(const json::object& request, std::string_view key) {
  const json::value* value = request.if_contains(key);
  return value != nullptr && value->is_string() ? std::string_view(value->as_string()) : "";
}

bool flag_of(const json::object& request, std::string_view key) {
  const json::value* value = request.if_contains(key);
  return value != nullptr && value->is_bool() && value->as_bool();
}

/// Whether the action changes a recipient that is still owed. `waits`: for ETRN.
bool touches(QueueAction action, spool::RecipientState state, bool waits) {
  const bool held = state == spool::RecipientState::held;
  switch (action) {
    case QueueAction::retry: return !held && !waits;
    case QueueAction::hold: return !held;
    case QueueAction::release: return held || waits;
    case QueueAction::bounce:
    case QueueAction::drop:
    case QueueAction::reroute: break;
  }
  return true;
}

std::string touched_text(std::size_t messages, json::array recipients) {
  json::object out;
  out["matched"] = messages;
  out["recipients"] = std::move(recipients);
  return json::serialize(out) + '\n';
}

}  // namespace

std::optional<QueueAction> queue_action(std::string_view name) {
  static constexpr std::pair<std::string_view, QueueAction> actions[] = {
      {"retry", QueueAction::retry},     {"hold", QueueAction::hold},
      {"release", QueueAction::release}, {"bounce", QueueAction::bounce},
      {"drop", QueueAction::drop},       {"reroute", QueueAction::reroute},
  };
  for (const auto& [known, action] : actions) {
    if (known == name) return action;
  }
  return std::nullopt;
}

admin::Outlook Outlooks::find(const spool::LoadedMessage& message, std::uint32_t recipient) {
  const delivery::Routing routing(*settings_, message.envelope);
  const auto decision = routing.decide(recipient, message.statuses[recipient]);
  if (!decision) return {};
  admin::Outlook out{.via = decision->next_hop};
  if (delivery::waits_for_etrn(*settings_, *decision, message.envelope,
                               message.statuses[recipient])) {
    out.waiting = {admin::WaitsFor::etrn, decision->domain.text()};
    return out;
  }
  const auto known = troubles_.find(decision->next_hop);
  if (known != troubles_.end()) {
    out.trouble = &known->second;
    return out;
  }
  const queue::NextHop* hop = delivery_.find_hop(decision->next_hop);
  if (hop == nullptr) return out;
  if (const auto until = delivery_.rate_holds(*hop, message.statuses[recipient])) {
    const base::Rate& rate = settings_->queue.messages;
    const auto per = std::chrono::duration_cast<std::chrono::seconds>(rate.per).count();
    out.waiting = {admin::WaitsFor::rate,
                   fmt::format("next hop {}, {} in {} s", hop->key(), rate.count, per)};
    out.not_before = *until;
  }
  if (!hop->backing_off()) return out;
  admin::HopTrouble trouble;
  for (const queue::HopFailure& failure : hop->failures()) trouble.failures.push_back(failure.time);
  trouble.next_probe = delivery_.wall_time(hop->next_probe());
  trouble.reply = hop->failures().back().reply;
  out.trouble = &troubles_.emplace(decision->next_hop, std::move(trouble)).first->second;
  return out;
}

base::Task<> QueueControl::answer(std::string request, admin::ControlWriter write) {
  boost::system::error_code error;
  const json::value parsed = json::parse(request, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  const std::string_view name = object != nullptr ? text_of(*object, "command") : "";
  std::string out;
  if (name == "list") {
    co_await list(write);
  } else if (name == "show" || name == "body") {
    const auto id = base::parse_message_id(text_of(*object, "id"));
    if (!id) {
      out = error_text("no such id");
    } else if (name == "show") {
      co_await show(*id, write);
    } else {
      co_await body(*id, write);
    }
  } else if (name == "reload") {
    const auto done = parts_.reload();
    out = done ? "{\"reloaded\":true}\n" : error_text(done.error());
  } else if (const auto action = queue_action(name)) {
    out = co_await act(*action, *object);
  } else {
    out = error_text("no such command");
  }
  if (!out.empty()) (void)co_await write(out);
}

base::Task<> QueueControl::list(const admin::ControlWriter& write) {
  std::string out = "[";
  Outlooks outlooks(parts_.delivery);
  const admin::FindOutlook find = [&](const spool::LoadedMessage& message, std::uint32_t index) {
    return outlooks.find(message, index);
  };
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
  std::string out = error_text("no such id");
  if (message) {
    Outlooks outlooks(parts_.delivery);
    const admin::FindOutlook find = [&](const spool::LoadedMessage& of, std::uint32_t index) {
      return outlooks.find(of, index);
    };
    out = json::serialize(admin::describe(*message, find, true)) + "\n";
  } else if (const spool::Damage* damage = admin::find_damage(parts_.spool.damage(), id)) {
    out = json::serialize(admin::describe_damage(*damage)) + "\n";
  }
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

base::Task<std::string> QueueControl::act(QueueAction action, const json::object& request) {
  const auto filter = QueueFilter::parse(request);
  if (!filter) co_return error_text(filter.error());
  std::string via;
  if (action == QueueAction::reroute) {
    via = text_of(request, "via");
    const auto target = route::parse_via(via);
    if (!target) co_return error_text("via: " + target.error().message);
  }
  if (filter->id && !parts_.spool.contains(*filter->id)) co_return error_text("no such id");
  const bool everything = filter->is_everything() && !filter->dry_run;
  if (action == QueueAction::retry && everything && parts_.delivers && !flag_of(request, "list")) {
    co_return retry_everything();
  }
  Touched touched = co_await find(action, *filter);
  json::array recipients;
  auto address = touched.addresses.begin();
  for (const delivery::Choice& choice : touched.chosen) {
    for (std::size_t i = 0; i < choice.recipients.size(); ++i) {
      recipients.push_back({{"id", base::to_string(choice.id)}, {"to", *address++}});
    }
  }
  const std::size_t messages = touched.chosen.size();
  if (!filter->dry_run && messages != 0) {
    (void)co_await parts_.delivery.act(action, std::move(touched.chosen), std::move(via));
  }
  co_return touched_text(messages, std::move(recipients));
}

base::Task<QueueControl::Touched> QueueControl::find(QueueAction action,
                                                     const QueueFilter& filter) {
  Touched out;
  std::size_t loads = 0;
  const std::vector<base::MessageId> ids = filter.id ? std::vector{*filter.id} : parts_.spool.ids();
  for (const base::MessageId id : ids) {
    if (++loads % loads_at_once == 0) co_await sys::Yield(parts_.loop);
    const auto message = parts_.spool.load(id);
    if (!message) continue;  // Gone meanwhile.
    delivery::Choice choice{.id = id, .recipients = {}};
    for (const std::uint32_t index : filter.matches(*message)) {
      const spool::RecipientStatus& status = message->statuses[index];
      const bool waits =
          delivery::waits_for_etrn(parts_.delivery.settings(), message->envelope, index, status);
      if (!touches(action, status.state, waits)) continue;
      choice.recipients.push_back(index);
      out.addresses.push_back(
          delivery::address_of_path(message->envelope.recipients[index].forward_path));
    }
    if (!choice.recipients.empty()) out.chosen.push_back(std::move(choice));
  }
  co_return out;
}

std::string QueueControl::retry_everything() {
  const std::size_t messages = parts_.spool.ids().size();
  (void)parts_.delivery.retry(
      [](base::MessageId) -> std::optional<std::vector<std::uint32_t>> { return std::nullopt; });
  return touched_text(messages, {});
}

}  // namespace server
