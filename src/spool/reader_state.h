#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "spool/spool.h"
#include "spool/store.h"

namespace spool {

struct Spool::Reader::State {
  Store* store = nullptr;
  base::MessageId id;
  std::string prefix;
  std::size_t prefix_done = 0;
  std::shared_ptr<sys::File> file;
  std::uint32_t epoch = 0;
  std::uint64_t offset = 0;  ///< Of the content in the file.
  std::uint64_t octets = 0;  ///< Of the content.
  std::uint64_t done = 0;
  std::uint32_t crc = 0;
  std::uint32_t want_crc = 0;
  std::uint64_t content_file = 0;

  void report_damage();
};

[[nodiscard]] base::Io<std::unique_ptr<Spool::Reader::State>> open_reader(Store& store,
                                                                          base::MessageId id);

}  // namespace spool
