#include "delivery/local_kind.h"
#include "delivery/local_target.h"
#include "delivery/pipe_command.h"
#include "delivery/pipe_input.h"
#include "delivery/pipe_outcome.h"
#include "grammar/path.h"

namespace delivery {

using base::Io;

namespace {

/// Then the program and all its children are killed, and it is tried again later.
constexpr base::Duration program_time_max = std::chrono::minutes(5);

/// One run of the program for each recipient.
class PipeKind final : public LocalKind {
 public:
  explicit PipeKind(const DeliveryWorld& world) : world_(world) {}

  base::Task<> deliver(std::list<Parcel>& batch) override {
    for (Parcel& parcel : batch) {
      for (const LocalTarget& target : parcel.targets) co_await run(parcel, target);
    }
  }

 private:
  [[nodiscard]] base::Task<> run(Parcel& parcel, const LocalTarget& target);

  const DeliveryWorld& world_;
};

sys::Program program_for(const Parcel& parcel, const LocalTarget& target) {
  const spool::Envelope& envelope = *parcel.letter.envelope;
  const std::string sender = address_of_path(reverse_path_of(envelope, target.recipient));
  const std::string recipient =
      target.rewritten ? target.mailbox.print()
                       : address_of_path(envelope.recipients[target.recipient].forward_path);
  const std::string id = base::to_string(parcel.letter.id);
  const PipeValues values{.local = target.mailbox.local.value(),
                          .domain = target.mailbox.domain.text(),
                          .sender = sender,
                          .recipient = recipient,
                          .extension = target.detail,
                          .id = id};
  return {.arguments = pipe_arguments(target.where.argument, values),
          .environment = pipe_environment(values),
          .time_max = program_time_max,
          .output_octets_max = pipe_output_octets_max,
          .run_as = target.where.run_as};
}

base::Task<> PipeKind::run(Parcel& parcel, const LocalTarget& target) {
  const sys::Program program = program_for(parcel, target);
  if (program.arguments.empty()) {
    parcel.conclude(target, dsn::Outcome::deferred, "no program is named", "4.3.5");
    co_return;
  }
  // It may act on what it reads before it ends (P4).
  const std::vector<std::uint32_t> recipients{target.recipient};
  if (const Io<> begun = co_await world_.spool.attempt_begun(parcel.letter.id, recipients);
      !begun) {
    parcel.conclude(target, dsn::Outcome::deferred, base::describe(begun.error()));
    co_return;
  }
  PipeInput input(world_.spool, parcel.letter, final_fields(parcel, target));
  const Io<sys::ProgramEnd> end = co_await sys::run(world_.programs, program, input);
  if (input.failed()) {
    parcel.conclude(target, dsn::Outcome::deferred, "the content cannot be read", "4.3.0");
    co_return;
  }
  PipeOutcome outcome = pipe_outcome(program.arguments.front(), end);
  parcel.conclude(target, outcome.outcome, std::move(outcome.reply), std::move(outcome.status));
}

}  // namespace

std::unique_ptr<LocalKind> make_pipe_kind(const DeliveryWorld& world,
                                          std::shared_ptr<const Settings> /*settings*/) {
  return std::make_unique<PipeKind>(world);
}

}  // namespace delivery
