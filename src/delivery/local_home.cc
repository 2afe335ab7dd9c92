#include "delivery/home_arguments.h"
#include "delivery/home_outcome.h"
#include "delivery/local_kind.h"
#include "delivery/local_target.h"
#include "delivery/mbox_text.h"
#include "delivery/pipe_input.h"
#include "grammar/path.h"

// Mailboxes in the homes of system users: each message by a process of that user.
namespace delivery {

using base::Io;

namespace {

/// Then the process is killed, and it is tried again later: a home may be on a file system that
/// does not answer.
constexpr base::Duration delivery_time_max = std::chrono::minutes(2);

/// A letter in blocks, whose end cannot be mistaken.
class BlockInput final : public sys::ProgramInput {
 public:
  explicit BlockInput(sys::ProgramInput& whole) : whole_(whole) {}

  [[nodiscard]] Io<std::string_view> next() override {
    if (ended_) return std::string_view();
    const Io<std::string_view> octets = whole_.next();
    if (!octets) return octets;
    ended_ = octets->empty();
    block_ = home_block(*octets);
    return block_;
  }

 private:
  sys::ProgramInput& whole_;
  std::string block_;
  bool ended_ = false;
};

class HomeKind final : public LocalKind {
 public:
  HomeKind(const DeliveryWorld& world, std::shared_ptr<const Settings> settings)
      : world_(world), settings_(std::move(settings)) {}

  base::Task<> deliver(std::list<Parcel>& batch) override {
    for (Parcel& parcel : batch) {
      for (const LocalTarget& target : parcel.targets) co_await run(parcel, target);
    }
  }

 private:
  [[nodiscard]] sys::Program program_for(const Parcel& parcel, const LocalTarget& target) const;
  [[nodiscard]] base::Task<> run(Parcel& parcel, const LocalTarget& target);

  const DeliveryWorld& world_;
  std::shared_ptr<const Settings> settings_;
};

sys::Program HomeKind::program_for(const Parcel& parcel, const LocalTarget& target) const {
  const spool::Envelope& envelope = *parcel.letter.envelope;
  return {
      .arguments = home_arguments(
          {.target = target.where.print(),
           .name = base::to_string(parcel.letter.id) + "." + std::to_string(target.recipient) +
                   "." + settings_->hostname,
           .separator = mbox_separator(address_of_path(envelope.reverse_path), envelope.received),
           .repeated = parcel.may_be_repeated(target)}),
      .time_max = delivery_time_max,
      .output_octets_max = pipe_output_octets_max,
      .run_as = target.system_user,
      .into_home = true};
}

base::Task<> HomeKind::run(Parcel& parcel, const LocalTarget& target) {
  if (target.system_user.empty() || !target.where.is_in_home()) {
    parcel.conclude(target, dsn::Outcome::deferred, "no system user has this mailbox", "4.3.5");
    co_return;
  }
  // A message may be doubled in an mbox (P4).
  const std::vector<std::uint32_t> recipients{target.recipient};
  if (const Io<> begun = co_await world_.spool.attempt_begun(parcel.letter.id, recipients);
      !begun) {
    parcel.conclude(target, dsn::Outcome::deferred, base::describe(begun.error()));
    co_return;
  }
  const sys::Program program = program_for(parcel, target);
  PipeInput whole(world_.spool, parcel.letter, final_fields(parcel, target));
  BlockInput input(whole);
  const Io<sys::ProgramEnd> end = co_await sys::run(world_.programs, program, input);
  if (whole.failed()) {
    parcel.conclude(target, dsn::Outcome::deferred, "the content cannot be read", "4.3.0");
    co_return;
  }
  PipeOutcome outcome = home_outcome(end);
  parcel.conclude(target, outcome.outcome, std::move(outcome.reply), std::move(outcome.status));
}

}  // namespace

std::unique_ptr<LocalKind> make_home_kind(const DeliveryWorld& world,
                                          std::shared_ptr<const Settings> settings) {
  return std::make_unique<HomeKind>(world, std::move(settings));
}

}  // namespace delivery
