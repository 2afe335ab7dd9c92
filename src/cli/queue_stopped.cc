#include <boost/json.hpp>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "admin/queue_view.h"
#include "cli/queue_offline.h"
#include "cli/queue_source.h"
#include "delivery/delivery.h"
#include "delivery/routing.h"
#include "server/settings.h"
#include "spool/spool.h"
#include "sys/linux/disk.h"

namespace cli {
namespace {

namespace json = boost::json;
using base::IoErrorCode;

constexpr std::size_t block_octets = 64 * 1024;

/// What recovery finds.
class Finds final : public spool::RecoverySink {
 public:
  void message(const spool::RecoveredMessage& message) override { ids.push_back(message.id); }
  void hop(std::string_view key, std::string_view blob) override {
    const auto record = delivery::decode_hop(blob);
    if (!record || record->failures.empty()) return;
    admin::HopTrouble trouble{
        .failures = {}, .next_probe = record->next_probe, .reply = record->failures.back().reply};
    for (const queue::HopFailure& failure : record->failures) {
      trouble.failures.push_back(failure.time);
    }
    troubles.insert_or_assign(std::string(key), std::move(trouble));
  }

  std::vector<base::MessageId> ids;
  std::map<std::string, admin::HopTrouble, std::less<>> troubles;
};

class StoppedQueue final : public QueueSource {
 public:
  explicit StoppedQueue(std::shared_ptr<const config::Config> config)
      : config_(std::move(config)),
        settings_(server::delivery_settings(*config_)),
        spool_(std::in_place, *disk_, server::spool_directory(config_->data_dir)) {}

  base::Io<> open();

  Result list(const Take& take) override;
  Result show(base::MessageId id, const Take& take) override;
  Result body(base::MessageId id, const Take& take) override;
  Result act(const std::string& request, const Take& take) override;

 private:
  admin::Outlook find_outlook(const spool::LoadedMessage& message, std::uint32_t recipient) const;
  std::string describe(const spool::LoadedMessage& message, bool whole) const {
    const admin::FindOutlook find = [this](const spool::LoadedMessage& of, std::uint32_t index) {
      return find_outlook(of, index);
    };
    return json::serialize(admin::describe(message, find, whole));
  }

  std::shared_ptr<const config::Config> config_;
  std::shared_ptr<const delivery::Settings> settings_;
  std::unique_ptr<sys::Disk> disk_ = sys::real::make_disk();
  std::optional<spool::ReadOnlySpool> spool_;
  Finds finds_;
  std::vector<spool::Damage> damage_;
};

base::Io<> StoppedQueue::open() {
  auto recovered = spool_->open(finds_);
  if (!recovered) return std::unexpected(recovered.error());
  damage_ = std::move(recovered->damage);
  return {};
}

admin::Outlook StoppedQueue::find_outlook(const spool::LoadedMessage& message,
                                          std::uint32_t recipient) const {
  const delivery::Routing routing(*settings_, message.envelope);
  const auto decision = routing.decide(recipient, message.statuses[recipient]);
  if (!decision) return {};
  const auto trouble = finds_.troubles.find(decision->next_hop);
  return {.via = decision->next_hop,
          .trouble = trouble == finds_.troubles.end() ? nullptr : &trouble->second};
}

QueueSource::Result StoppedQueue::list(const Take& take) {
  std::string out = "[";
  std::string_view separator = "\n";
  const auto add = [&](std::string_view object) {
    out += separator;
    out += object;
    separator = ",\n";
    if (out.size() < block_octets) return;
    take(out);
    out.clear();
  };
  for (const base::MessageId id : finds_.ids) {
    if (const auto message = spool_->load(id)) add(describe(*message, false));
  }
  for (const spool::Damage& damage : damage_) {
    add(json::serialize(admin::describe_damage(damage)));
  }
  take(out + "\n]\n");
  return {};
}

QueueSource::Result StoppedQueue::show(base::MessageId id, const Take& take) {
  if (const auto message = spool_->load(id)) {
    take(describe(*message, true) + '\n');
  } else if (const spool::Damage* damage = admin::find_damage(damage_, id)) {
    take(json::serialize(admin::describe_damage(*damage)) + '\n');
  } else {
    take(R"({"error":"no such id"})");
  }
  return {};
}

QueueSource::Result StoppedQueue::body(base::MessageId id, const Take& take) {
  auto reader = spool_->read_content(id);
  if (!reader && reader.error().code == IoErrorCode::not_found) return {};
  if (!reader) return std::unexpected("the content: " + base::describe(reader.error()));
  std::string block(block_octets, '\0');
  for (;;) {
    const auto octets = reader->read(block);
    if (!octets) return std::unexpected("the content is damaged or unreadable");
    if (*octets == 0) return {};
    take(std::string_view(block).substr(0, *octets));
  }
}

QueueSource::Result StoppedQueue::act(const std::string& request, const Take& take) {
  spool_.reset();  // Whoever changes it has it for himself.
  return change_offline(config_, request, take);
}

/// Of a server that has never run.
class EmptyQueue final : public QueueSource {
 public:
  Result list(const Take& take) override { return say("[\n]\n", take); }
  Result show(base::MessageId, const Take& take) override {
    return say(R"({"error":"no such id"})", take);
  }
  Result body(base::MessageId, const Take&) override { return {}; }
  Result act(const std::string& request, const Take& take) override {
    const bool names_one = json::parse(request).as_object().contains("id");
    return say(names_one ? R"({"error":"no such id"})"
                         : R"({"matched":0,"recipients":[]})"
                           "\n",
               take);
  }

 private:
  static Result say(std::string_view text, const Take& take) {
    take(text);
    return {};
  }
};

}  // namespace

OpenedQueue open_stopped_queue(std::shared_ptr<const config::Config> config) {
  const std::string directory = server::spool_directory(config->data_dir);
  auto out = std::make_unique<StoppedQueue>(std::move(config));
  const base::Io<> opened = out->open();
  if (opened) return out;
  const IoErrorCode code = opened.error().code;
  if (code == IoErrorCode::busy) return nullptr;
  if (code == IoErrorCode::not_found) return std::make_unique<EmptyQueue>();
  return std::unexpected(directory + ": " + base::describe(opened.error()));
}

}  // namespace cli
