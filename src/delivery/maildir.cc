#include "delivery/maildir.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/assert.h"
#include "delivery/maildir_content.h"
#include "delivery/maildir_folders.h"
#include "sys/disk.h"

// The life of one file. "w": written, "s": synced, "-": absent.
//
//   state       octets  name in tmp  name in new
//   S1 writing    w         w            -        A crash leaves it in tmp; the next attempt
//   removes it. S2 whole      s         w            - S3 shown      s         -            w A
//   power cut leaves it in new, in tmp, or nowhere. S4 delivered  s         -            s Only now
//   the outcome is reported.
//
// An attempt that fails in S1 to S3 is repeated, and replaces whatever it finds under its name: in
// S3 that is the same message, which may have been read meanwhile, but not have been lost.
//
// The syncs of one group of files follow all its writes, and each folder is synced once for the
// whole batch, so that the journal is written once for many messages.
namespace delivery {

using base::Io;
using base::IoErrorCode;

namespace {

/// Files open at once, if we may have so many.
constexpr std::size_t open_files_max = 128;

class Batch {
 public:
  Batch(sys::Disk& disk, std::vector<MaildirItem> items)
      : disk_(disk), items_(std::move(items)), results_(items_.size()), folders_(disk) {}

  [[nodiscard]] base::Task<> run();
  [[nodiscard]] std::vector<Io<>> take_results() { return std::move(results_); }

 private:
  struct Written {
    std::size_t item;
    std::unique_ptr<sys::File> file;
  };

  [[nodiscard]] std::string path(std::size_t item, std::string_view folder) const {
    return items_[item].directory + std::string(folder) + items_[item].unique_name;
  }
  void refuse_doubles();
  [[nodiscard]] base::Task<> write(std::size_t item);
  [[nodiscard]] base::Task<Io<std::unique_ptr<sys::File>>> create(std::size_t item);
  [[nodiscard]] Io<std::unique_ptr<sys::File>> open_new(const std::string& path);
  [[nodiscard]] base::Task<Io<>> write_content(sys::File& file, std::size_t item);
  [[nodiscard]] base::Task<> show_written();
  [[nodiscard]] base::Task<> show(Written written, std::optional<Io<>> synced);
  [[nodiscard]] base::Task<Io<>> move_to_new(std::size_t item);
  [[nodiscard]] base::Task<> sync_folders();
  void give_up(std::size_t item, base::IoError error);

  sys::Disk& disk_;
  std::vector<MaildirItem> items_;
  std::vector<Io<>> results_;
  MailboxFolders folders_;
  std::vector<Written> written_;  ///< At most open_files_max.
  std::string block_;
};

base::Task<> Batch::run() {
  refuse_doubles();
  for (std::size_t item = 0; item < items_.size(); ++item) {
    if (results_[item]) co_await write(item);
    if (written_.size() < open_files_max && item + 1 < items_.size()) continue;
    co_await show_written();
  }
  co_await sync_folders();
}

/// Two items with one name would write into each other's file. The later ones have to wait.
void Batch::refuse_doubles() {
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (std::size_t item = 0; item < items_.size(); ++item) {
    const auto& [directory, unique_name, pieces] = items_[item];
    PH_ASSERT(!unique_name.empty() && unique_name[0] != '.' && !unique_name.contains('/'));
    if (!names.emplace(directory, unique_name).second) {
      results_[item] = base::io_error(IoErrorCode::busy);
    }
  }
}

base::Task<> Batch::write(std::size_t item) {
  auto file = co_await create(item);
  if (!file) {
    results_[item] = std::unexpected(file.error());
    co_return;
  }
  if (const Io<> written = co_await write_content(**file, item); !written) {
    file->reset();
    give_up(item, written.error());
    co_return;
  }
  written_.push_back({item, std::move(*file)});
}

base::Task<Io<std::unique_ptr<sys::File>>> Batch::create(std::size_t item) {
  auto file = open_new(path(item, "/tmp/"));
  if (!file && file.error().code == IoErrorCode::no_descriptors && !written_.empty()) {
    co_await show_written();  // Closes them.
    file = open_new(path(item, "/tmp/"));
  }
  if (file || file.error().code != IoErrorCode::not_found) co_return file;
  if (const Io<> made = co_await folders_.make(items_[item].directory); !made) {
    co_return std::unexpected(made.error());
  }
  co_return open_new(path(item, "/tmp/"));
}

/// What stands there was left by an attempt that a crash ended.
Io<std::unique_ptr<sys::File>> Batch::open_new(const std::string& path) {
  auto file = disk_.open(path, sys::OpenMode::create);
  if (file || file.error().code != IoErrorCode::exists) return file;
  if (const Io<> gone = disk_.unlink(path); !gone) return std::unexpected(gone.error());
  return disk_.open(path, sys::OpenMode::create);
}

base::Task<Io<>> Batch::write_content(sys::File& file, std::size_t item) {
  std::uint64_t octets = 0;
  LfContent content(items_[item].pieces);
  while (content.next(block_)) {
    const std::string_view piece = block_;
    if (const Io<> done = co_await sys::write(file, octets, {&piece, 1}); !done) co_return done;
    file.start_writing_out(octets, piece.size());
    octets += piece.size();
  }
  co_return Io<>{};
}

base::Task<> Batch::show_written() {
  std::vector<Written> written = std::exchange(written_, {});
  std::vector<sys::File*> files;
  for (const Written& one : written) files.push_back(one.file.get());
  const std::optional<Io<>> synced = disk_.sync_together(files);
  for (Written& one : written) co_await show(std::move(one), synced);
}

base::Task<> Batch::show(Written written, std::optional<Io<>> synced) {
  const std::size_t item = written.item;
  Io<> done = synced ? *synced : co_await sys::sync(*written.file);
  written.file.reset();
  if (done) done = co_await move_to_new(item);
  if (!done) give_up(item, done.error());
}

base::Task<Io<>> Batch::move_to_new(std::size_t item) {
  const std::string from = path(item, "/tmp/");
  const std::string to = path(item, "/new/");
  const Io<> moved = disk_.rename(from, to);
  if (moved || moved.error().code != IoErrorCode::not_found) co_return moved;
  // Somebody took `new` away.
  if (const Io<> made = co_await folders_.make(items_[item].directory); !made) co_return made;
  co_return disk_.rename(from, to);
}

base::Task<> Batch::sync_folders() {
  std::map<std::string_view, Io<>> synced;
  for (std::size_t item = 0; item < items_.size(); ++item) {
    if (!results_[item]) continue;
    const std::string& directory = items_[item].directory;
    auto known = synced.find(directory);
    if (known == synced.end()) {
      const std::string shown = directory + "/new";
      const Io<> result = co_await sys::sync_directory(disk_, shown);
      known = synced.emplace(directory, result).first;
    }
    results_[item] = known->second;
  }
}

/// The attempt has failed already: if the file can't be removed, the next attempt will.
void Batch::give_up(std::size_t item, base::IoError error) {
  results_[item] = std::unexpected(error);
  (void)disk_.unlink(path(item, "/tmp/"));
}

}  // namespace

base::Task<std::vector<Io<>>> deliver_batch(sys::Disk& disk, std::vector<MaildirItem> items) {
  Batch batch(disk, std::move(items));
  co_await batch.run();
  co_return batch.take_results();
}

}  // namespace delivery
