#include "spool/crash_model.h"

#include <algorithm>

namespace spool {

using base::MessageId;

std::string Model::check_message(Rig& rig, MessageId id, const Message& message,
                                 bool power_cut) const {
  const auto at = rig.found().find(id);
  const bool all_maybe_final = std::ranges::all_of(message.recipients, &Recipient::maybe_final);
  const bool all_surely_final = std::ranges::all_of(message.recipients, &Recipient::surely_final);
  const bool all_reported = std::ranges::all_of(message.recipients, [](const Recipient& r) {
    return r.surely_final || (r.has_report && is_final(r.reported.state) && !r.busy);
  });
  if (at == rig.found().end()) {
    if (message.told == Told::stored && !all_maybe_final) return "an acknowledged message is lost";
    return {};
  }
  if (message.told == Told::refused && !message.found_before) return "a refused message is there";
  if (all_reported && !power_cut) return "a message that is done is there after a kill";
  if (all_surely_final && !message.recipients.empty() && !power_cut)
    return "a done message is there";
  const Found& found = at->second;
  if (!found.content) return "a content cannot be read";
  if (*found.content != std::string(Rig::prefix) + message.content) return "a content is wrong";
  if (found.envelope != test_envelope(message.recipients.size())) return "an envelope is wrong";
  for (std::uint32_t i = 0; i < message.recipients.size(); ++i) {
    const Recipient& recipient = message.recipients[i];
    const RecipientStatus& status = found.statuses[i];
    if (is_final(status.state) && !recipient.maybe_final) return "a state comes from nowhere";
    if (recipient.surely_final && !is_final(status.state)) return "a committed failure is lost";
    if (power_cut || recipient.busy) continue;
    if (recipient.has_report && !recipient.begun && status != recipient.reported)
      return "an outcome is lost in a kill";
    const bool unknown = std::ranges::find(found.newly_unknown, i) != found.newly_unknown.end();
    if (unknown != (recipient.begun && !is_final(status.state)))
      return unknown ? "unknown without reason" : "an attempt without outcome is forgotten";
  }
  return {};
}

std::string Model::check_report(Rig& rig, MessageId id, const Message& report) const {
  const bool has_report = rig.found().contains(id);
  const auto original = rig.found().find(report.report_of);
  const bool is_open =
      original != rig.found().end() && !is_final(original->second.statuses[report.about].state);
  if (has_report && is_open) return "a report without its failure";
  const bool report_may_be_over = std::ranges::all_of(report.recipients, &Recipient::maybe_final);
  const auto known = messages.find(report.report_of);
  // Its failure was only ever written with it.
  const bool failed = original != rig.found().end() && known != messages.end() && !is_open;
  if (!has_report && !report_may_be_over && failed && report.told != Told::refused)
    return "a failure without its report";
  return {};
}

std::string Model::check(Rig& rig, bool power_cut) {
  for (const auto& [id, found] : rig.found()) {
    if (auto back = missing.extract(id); power_cut && !back.empty())
      messages.insert(std::move(back));
  }
  for (const auto& [id, message] : messages) {
    std::string wrong = check_message(rig, id, message, power_cut);
    if (wrong.empty() && message.report_of.value != 0) wrong = check_report(rig, id, message);
    if (!wrong.empty()) return wrong + ": " + base::to_string(id);
  }
  for (const auto& [id, found] : rig.found())
    if (!messages.contains(id)) return "a message comes from nowhere: " + base::to_string(id);
  if (!rig.spool().damage().empty())
    return "damage where there is none: " + rig.spool().damage().front().what;

  for (auto at = messages.begin(); at != messages.end();) {
    const auto found = rig.found().find(at->first);
    if (found == rig.found().end()) {
      // Whatever it was told: its outcomes are in the journal alone.
      Message gone = std::move(at->second);
      gone.told = Told::nothing;
      gone.found_before = true;
      gone.report_of = {};
      for (Recipient& recipient : gone.recipients) recipient = {.maybe_final = true};
      missing.insert_or_assign(at->first, std::move(gone));
      at = messages.erase(at);
      continue;
    }
    Message& message = at->second;
    message.found_before = true;
    message.report_of = {};
    for (std::size_t i = 0; i < message.recipients.size(); ++i) {
      const RecipientStatus& status = found->second.statuses[i];
      message.recipients[i] = {.reported = status,
                               .has_report = true,
                               .maybe_final = is_final(status.state),
                               .surely_final = message.recipients[i].surely_final};
    }
    ++at;
  }
  return {};
}

void Model::settle() {
  missing.clear();
  for (auto& [id, message] : messages)
    if (message.found_before) message.told = Told::stored;
}

}  // namespace spool
