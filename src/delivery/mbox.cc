#include "delivery/mbox.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "base/time.h"
#include "delivery/maildir_folders.h"
#include "delivery/mbox_tail.h"
#include "delivery/mbox_text.h"
#include "sys/disk.h"

// The life of one addition to a file. "w": written, "s": synced, "-": absent.
//
//   state         name  octets
//   M1 made        w      -      Only of a new file. Nothing is written before its name and those
//   of
//                                the folders above are durable.
//   M2 writing     s      w      A failure cuts the file back to its old length. A crash leaves any
//                                part of the message: the next attempt looks for it at the end.
//   M3 delivered   s      s      Only now the outcome is reported.
//
// A crash between M3 and the record of the outcome: the next attempt finds the message at the end
// of the file, and does not write it again. When somebody has written behind it, changed it, or
// moved it away meanwhile, it is doubled; so is one of more than mbox_repeat_octets_max.
namespace delivery {

using base::Io;
using base::IoErrorCode;

namespace {

/// How long we wait for whoever has locked a mailbox, and how often we look.
constexpr int lock_tries = 20;
constexpr base::Duration lock_pause = std::chrono::milliseconds(50);

/// So often may a file be moved away while we open it.
constexpr int open_tries = 5;

/// What is gathered before it is written.
constexpr std::size_t write_octets = 256 * 1'024;

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// One file and what is to be added to it.
class Addition {
 public:
  Addition(sys::Disk& disk, MailboxFolders& folders, const std::vector<MboxItem>& items,
           std::vector<std::size_t> chosen)
      : disk_(disk),
        folders_(folders),
        items_(items),
        path_(items[chosen.front()].file),
        chosen_(std::move(chosen)) {}

  /// All items fail together, or none.
  [[nodiscard]] base::Task<Io<>> run();

 private:
  [[nodiscard]] base::Task<Io<>> open_locked();
  [[nodiscard]] base::Task<Io<std::unique_ptr<sys::File>>> open();
  [[nodiscard]] base::Task<Io<>> make_name_durable();
  [[nodiscard]] Io<> look_for_repeated();
  [[nodiscard]] Io<> cut_off_torn(const std::vector<std::string>& texts);
  [[nodiscard]] base::Task<Io<>> append();
  [[nodiscard]] base::Task<Io<>> write(const MboxItem& item);
  [[nodiscard]] base::Task<Io<>> flush(std::size_t octets_least);
  [[nodiscard]] base::Task<> cut_back();

  sys::Disk& disk_;
  MailboxFolders& folders_;
  const std::vector<MboxItem>& items_;
  const std::string& path_;
  std::vector<std::size_t> chosen_;
  std::unique_ptr<sys::File> file_;
  bool made_ = false;        ///< By us, just now.
  std::uint64_t start_ = 0;  ///< Where what we add begins: the length that a failure restores.
  std::uint64_t end_ = 0;
  std::string gathered_;  ///< Goes to `end_`.
};

base::Task<Io<>> Addition::run() {
  if (const Io<> opened = co_await open_locked(); !opened) co_return opened;
  const Io<std::uint64_t> size = file_->size();
  if (!size) co_return std::unexpected(size.error());
  start_ = *size;
  if (start_ == 0) {
    if (const Io<> durable = co_await make_name_durable(); !durable) co_return durable;
  } else if (const Io<> looked = look_for_repeated(); !looked) {
    co_return looked;
  }
  const Io<> added = co_await append();
  if (!added) co_await cut_back();
  co_return added;
}

/// A reader may move the file away, and make another, between our opening and our lock.
base::Task<Io<>> Addition::open_locked() {
  for (int tries = 0; tries < open_tries; ++tries) {
    auto file = co_await open();
    if (!file) co_return std::unexpected(file.error());
    const Io<bool> locked = (*file)->try_lock();
    if (!locked) co_return std::unexpected(locked.error());
    if (!*locked) co_return base::io_error(IoErrorCode::busy);
    const Io<bool> same = (*file)->is_at(path_);
    if (!same) co_return std::unexpected(same.error());
    if (!*same) continue;
    file_ = std::move(*file);
    co_return Io<>{};
  }
  co_return base::io_error(IoErrorCode::busy);
}

base::Task<Io<std::unique_ptr<sys::File>>> Addition::open() {
  auto file = disk_.open(path_, sys::OpenMode::read_write);
  if (file || file.error().code != IoErrorCode::not_found) co_return file;
  if (const Io<> made = co_await folders_.make_path(folder_of(path_)); !made) {
    co_return std::unexpected(made.error());
  }
  file = disk_.open(path_, sys::OpenMode::create);
  made_ = file.has_value();
  if (file || file.error().code != IoErrorCode::exists) co_return file;
  co_return disk_.open(path_, sys::OpenMode::read_write);
}

/// Of an empty file, whoever made it: one who wrote to it before its name was durable was not us.
base::Task<Io<>> Addition::make_name_durable() {
  const std::string folder = folder_of(path_);
  Io<> durable = co_await folders_.make_path(folder);
  if (durable) durable = co_await sys::sync_directory(disk_, folder);
  // After a failed sync the name must be taken as lost: the next attempt gives it anew.
  if (!durable && made_) (void)disk_.unlink(path_);
  co_return durable;
}

/// Takes what stands at the end of the file already out of what is to be written.
Io<> Addition::look_for_repeated() {
  std::vector<std::string> texts;
  std::vector<std::size_t> repeated;
  for (const std::size_t item : chosen_) {
    if (!items_[item].repeated) continue;
    std::string text = mbox_text(items_[item].separator, items_[item].pieces);
    if (text.size() > mbox_repeat_octets_max) continue;
    texts.push_back(std::move(text));
    repeated.push_back(item);
  }
  if (const Io<> cut = cut_off_torn(texts); !cut) return cut;
  std::uint64_t end = start_;
  for (std::size_t i = 0; i < repeated.size();) {
    const Io<bool> there = mbox_ends_with(*file_, end, texts[i]);
    if (!there) return std::unexpected(there.error());
    if (!*there) {
      ++i;
      continue;
    }
    end -= texts[i].size();
    std::erase(chosen_, repeated[i]);
    texts.erase(texts.begin() + static_cast<std::ptrdiff_t>(i));
    repeated.erase(repeated.begin() + static_cast<std::ptrdiff_t>(i));
    i = 0;  // Before it another one may stand.
  }
  return {};
}

Io<> Addition::cut_off_torn(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    const Io<std::optional<std::uint64_t>> torn = mbox_torn_from(*file_, start_, text);
    if (!torn) return std::unexpected(torn.error());
    if (!*torn) continue;
    if (const Io<> cut = file_->truncate(**torn); !cut) return cut;
    start_ = **torn;
    break;
  }
  return {};
}

base::Task<Io<>> Addition::append() {
  end_ = start_;
  const Io<std::string_view> gap = mbox_gap(*file_, start_);
  if (!gap) co_return std::unexpected(gap.error());
  gathered_ = chosen_.empty() ? "" : *gap;
  for (const std::size_t item : chosen_) {
    if (const Io<> written = co_await write(items_[item]); !written) co_return written;
  }
  if (const Io<> flushed = co_await flush(1); !flushed) co_return flushed;
  co_return co_await sys::sync(*file_);
}

base::Task<Io<>> Addition::write(const MboxItem& item) {
  gathered_ += item.separator;
  std::string block;
  MboxContent content(item.pieces);
  while (content.next(block)) {
    gathered_ += block;
    if (const Io<> flushed = co_await flush(write_octets); !flushed) co_return flushed;
  }
  co_return Io<>{};
}

base::Task<Io<>> Addition::flush(std::size_t octets_least) {
  if (gathered_.size() < octets_least) co_return Io<>{};
  const std::string_view piece = gathered_;
  if (const Io<> written = co_await sys::write(*file_, end_, {&piece, 1}); !written) {
    co_return written;
  }
  end_ += gathered_.size();
  gathered_.clear();
  co_return Io<>{};
}

/// As far as the disk lets us: what stays is looked for by the next attempt.
base::Task<> Addition::cut_back() {
  if (file_->truncate(start_)) (void)co_await sys::sync(*file_);
}

/// The items by file.
class Batch {
 public:
  Batch(sys::Disk& disk, sys::Loop& loop, std::vector<MboxItem> items)
      : disk_(disk),
        loop_(loop),
        items_(std::move(items)),
        results_(items_.size()),
        folders_(disk) {
    std::map<std::string_view, std::size_t> place;
    for (std::size_t item = 0; item < items_.size(); ++item) {
      const auto [known, is_new] = place.emplace(items_[item].file, groups_.size());
      if (is_new) groups_.emplace_back();
      groups_[known->second].push_back(item);
    }
  }

  [[nodiscard]] base::Task<> run();
  [[nodiscard]] std::vector<Io<>> take_results() { return std::move(results_); }

 private:
  using Group = std::vector<std::size_t>;

  [[nodiscard]] base::Task<bool> add(const Group& group);
  [[nodiscard]] base::Task<Io<>> add_together(Group group);

  sys::Disk& disk_;
  sys::Loop& loop_;
  std::vector<MboxItem> items_;
  std::vector<Io<>> results_;
  std::vector<Group> groups_;
  MailboxFolders folders_;
};

/// A locked mailbox does not hold up the others.
base::Task<> Batch::run() {
  for (int tries = 1; !groups_.empty(); ++tries) {
    std::vector<Group> locked;
    for (Group& group : groups_) {
      if (!co_await add(group)) locked.push_back(std::move(group));
    }
    groups_ = std::move(locked);
    if (groups_.empty() || tries == lock_tries) co_return;
    const base::Instant again = loop_.now() + lock_pause;
    const Io<> waited =
        co_await base::operation<Io<>>([&](auto& done) { return loop_.sleep_until(again, done); });
    if (!waited) co_return;
  }
}

/// False: the file is locked.
base::Task<bool> Batch::add(const Group& group) {
  const Io<> added = co_await add_together(group);
  for (const std::size_t item : group) results_[item] = added;
  if (added) co_return true;
  if (added.error().code == IoErrorCode::no_space && group.size() > 1) {
    // A large one must not keep the small ones out.
    for (const std::size_t item : group) results_[item] = co_await add_together({item});
  }
  co_return added.error().code != IoErrorCode::busy;
}

base::Task<Io<>> Batch::add_together(Group group) {
  Addition addition(disk_, folders_, items_, std::move(group));
  co_return co_await addition.run();
}

}  // namespace

base::Task<std::vector<Io<>>> deliver_to_mbox(sys::Disk& disk, sys::Loop& loop,
                                              std::vector<MboxItem> items) {
  Batch batch(disk, loop, std::move(items));
  co_await batch.run();
  co_return batch.take_results();
}

}  // namespace delivery
