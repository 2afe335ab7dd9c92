#include <cdb.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tables/forms.h"
#include "tables/row_check.h"

namespace tables {
namespace {

/// Octets that the library can map, since it takes files alone.
class Memory {
 public:
  explicit Memory(std::string_view content)
      : descriptor_(::memfd_create("posthaste-table", MFD_CLOEXEC)) {
    while (descriptor_ >= 0 && !content.empty()) {
      const ssize_t octets = ::write(descriptor_, content.data(), content.size());
      if (octets <= 0) return;
      content.remove_prefix(static_cast<std::size_t>(octets));
    }
    complete_ = descriptor_ >= 0;
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] bool is_complete() const { return complete_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
  bool complete_ = false;
};

struct Database {
  explicit Database(int descriptor) : opened(cdb_init(&library, descriptor) == 0) {}
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() {
    if (opened) cdb_free(&library);
  }

  cdb library{};
  bool opened;
};

/// Some tools count the NUL of a C string as a part of it.
std::string text_of(const void* octets, unsigned size) {
  std::string out(static_cast<const char*>(octets), size);
  if (out.ends_with('\0')) out.pop_back();
  return out;
}

}  // namespace

Read read_cdb(const std::string& content, const std::string& name) {
  RowCheck rows(name);
  const Memory memory(content);
  if (!memory.is_complete()) return rows.fail("there is no memory to read it");
  Database database(memory.descriptor());
  if (!database.opened) return rows.fail("this is no CDB file");
  unsigned place = 0;
  cdb_seqinit(&place, &database.library);
  for (std::size_t number = 1;; ++number) {
    const int found = cdb_seqnext(&place, &database.library);
    if (found == 0) return rows.release();
    // The getters check that both lie within the file.
    const void* key = found < 0 ? nullptr : cdb_getkey(&database.library);
    const void* value = key == nullptr ? nullptr : cdb_getdata(&database.library);
    if (value == nullptr) return rows.fail(number, "the CDB file is damaged here");
    auto added = rows.add(text_of(key, cdb_keylen(&database.library)),
                          text_of(value, cdb_datalen(&database.library)), number);
    if (!added) return std::unexpected(added.error());
  }
}

}  // namespace tables
