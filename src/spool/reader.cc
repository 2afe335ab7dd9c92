#include <algorithm>

#include "base/crc32c.h"
#include "spool/reader_state.h"
#include "spool/spool.h"

namespace spool {

using base::Io;
using base::IoErrorCode;

Spool::Reader::Reader(std::unique_ptr<State> state)
    : state_(std::move(state)), size_(state_->prefix.size() + state_->octets) {}
Spool::Reader::Reader(Reader&&) noexcept = default;
Spool::Reader::~Reader() = default;

Io<std::size_t> Spool::Reader::read(std::span<char> into) {
  State& state = *state_;
  if (state.prefix_done < state.prefix.size()) {
    const std::size_t octets = std::min(into.size(), state.prefix.size() - state.prefix_done);
    std::copy_n(state.prefix.data() + state.prefix_done, octets, into.data());
    state.prefix_done += octets;
    return octets;
  }
  if (state.done == state.octets) {
    if (state.crc == state.want_crc) return std::size_t{0};
    state.report_damage();
    return base::io_error(IoErrorCode::failed);
  }
  const std::size_t some = std::min<std::uint64_t>(into.size(), state.octets - state.done);
  const Io<std::size_t> got = state.file->read(state.offset + state.done, into.first(some));
  if (!got) return got;
  if (*got < some) {
    state.report_damage();
    return base::io_error(IoErrorCode::failed);
  }
  state.crc = base::crc32c(std::string_view(into.data(), some), state.crc);
  state.done += some;
  // Told with the last octets, so that whoever counts octets cannot miss it.
  if (state.done == state.octets && state.crc != state.want_crc) {
    state.report_damage();
    return base::io_error(IoErrorCode::failed);
  }
  return some;
}

void Spool::Reader::State::report_damage() {
  if (!store->on_damage) return;
  store->on_damage(id, {.id = id,
                        .epoch = epoch,
                        .offset = offset,
                        .length = octets,
                        .content_file = content_file,
                        .what = "content"});
}

Io<std::unique_ptr<Spool::Reader::State>> open_reader(Store& store, base::MessageId id) {
  const auto loaded = store.load(id);
  if (!loaded) return std::unexpected(loaded.error());
  const Entry& entry = *store.find(id);
  auto state = std::make_unique<Spool::Reader::State>();
  state->store = &store;
  state->id = id;
  state->prefix = loaded->accepted.prefix;
  state->octets = loaded->accepted.content_octets;
  state->want_crc = loaded->accepted.content_crc;
  state->content_file = entry.content_file;
  if (state->octets == 0) return state;
  if (entry.content_file == 0) {
    state->epoch = entry.accepted.epoch;
    state->offset = entry.content_offset;
  }
  auto file = entry.content_file != 0 ? store.content_file(entry.content_file)
                                      : store.segment(entry.accepted.epoch);
  if (!file) {
    // A content's file that is gone is damage; anything else may pass.
    if (file.error().code == IoErrorCode::not_found) state->report_damage();
    return std::unexpected(file.error());
  }
  state->file = std::move(*file);
  return state;
}

}  // namespace spool
