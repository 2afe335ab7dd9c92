#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "sys/disk.h"

namespace spool {

struct ContentBody;

/// How much memory the contents of all sessions take together. Outlives every Content.
struct ContentBudget {
  std::size_t octets_max = 256u << 20;
  std::size_t each_max = 1u << 20;
  std::size_t used = 0;
};

/// Where contents go that are too large for memory: files of their own.
class ContentFolder {
 public:
  ContentFolder(sys::Disk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  struct Made {
    std::uint64_t number;
    std::unique_ptr<sys::File> file;
  };
  /// A new file, under the next free number.
  [[nodiscard]] base::Io<Made> make();
  void remove(std::uint64_t number);
  [[nodiscard]] std::string path(std::uint64_t number) const;
  [[nodiscard]] const std::string& directory() const { return path_; }
  [[nodiscard]] sys::Disk& disk() { return disk_; }
  /// Numbers up to this one are taken.
  void set_last(std::uint64_t number) { last_ = number; }

 private:
  sys::Disk& disk_;
  std::string path_;
  std::uint64_t last_ = 0;
};

/// The octets of a content while they arrive, as they will be stored. In memory up to the bounds of
/// the budget, beyond that in a file. Destroying it discards everything.
class Content {
 public:
  Content(ContentBudget& budget, ContentFolder& folder);
  Content(Content&&) noexcept;
  Content& operator=(Content&&) noexcept;
  ~Content();

  /// `octets` must stay until it has ended. After an error the content is good for nothing.
  [[nodiscard]] base::Task<base::Io<>> append(std::string_view octets);
  /// The quick way: false when append() must be used, and then nothing has been taken.
  [[nodiscard]] bool append_in_memory(std::string_view octets);

  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] bool in_memory() const;

  /// The octets and their checksum; for the spool. A file is then its taker's.
  [[nodiscard]] std::shared_ptr<ContentBody> take();

 private:
  [[nodiscard]] base::Task<base::Io<>> write_to_file(std::string_view octets);
  [[nodiscard]] base::Task<base::Io<>> spill();
  void discard();

  ContentBudget* budget_;
  ContentFolder* folder_;
  std::shared_ptr<ContentBody> body_;
};

}  // namespace spool
