#include <optional>

#include "spool/parts.h"
#include "spool/reader_state.h"
#include "spool/tell.h"

namespace spool {

using base::Io;
using base::IoErrorCode;

struct ReadOnlySpool::Parts {
  Parts(sys::Disk& disk, std::string directory) : store(disk, std::move(directory)) {}

  Store store;
  std::unique_ptr<sys::File> lock;
};

ReadOnlySpool::ReadOnlySpool(sys::Disk& disk, std::string directory)
    : parts_(std::make_unique<Parts>(disk, std::move(directory))) {}
ReadOnlySpool::~ReadOnlySpool() = default;

Io<Recovered> ReadOnlySpool::open(RecoverySink& sink) {
  Store& store = parts_->store;
  auto lock = store.disk().open(store.directory() + "/lock", sys::OpenMode::read);
  if (!lock) return std::unexpected(lock.error());
  const Io<bool> locked = (*lock)->try_lock();
  if (!locked) return std::unexpected(locked.error());
  if (!*locked) return base::io_error(IoErrorCode::busy);
  parts_->lock = std::move(*lock);

  Io<Recovery> recovery = recover(store.disk(), store);
  if (!recovery) return std::unexpected(recovery.error());
  Recovered out;
  out.segments = recovery->segments.size();
  out.forgotten = recovery->forgotten;
  const auto report = [&out](const DamageBody& found) {
    out.damage.push_back({found.id,
                          found.epoch != 0 ? segment_name(found.epoch)
                                           : "content/" + content_name(found.content_file),
                          found.offset, found.length, found.what});
  };
  for (const KnownDamage& known : recovery->damage) report(known.body);
  for (const Recovery::LateChange& late : recovery->late)
    if (late.done) store.erase(late.id);
  if (const Io<> told = tell(store, sink, unknown_of(*recovery), out, report); !told)
    return std::unexpected(told.error());
  for (const auto& [key, hop] : recovery->hops) sink.hop(key, hop.blob);
  return out;
}

Io<LoadedMessage> ReadOnlySpool::load(base::MessageId id) {
  auto loaded = parts_->store.load(id);
  if (!loaded) return std::unexpected(loaded.error());
  LoadedMessage out;
  out.id = id;
  out.envelope = std::move(loaded->accepted.envelope);
  out.size = parts_->store.find(id)->size;
  for (StatusItem& item : loaded->items) out.statuses.push_back(std::move(item.status));
  return out;
}

Io<Spool::Reader> ReadOnlySpool::read_content(base::MessageId id) {
  auto state = open_reader(parts_->store, id);
  if (!state) return std::unexpected(state.error());
  return Spool::Reader(std::move(*state));
}

}  // namespace spool
