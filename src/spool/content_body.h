#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "spool/content.h"

namespace spool {

/// The octets of a content, or the file that holds them. In memory it counts against its budget.
struct ContentBody {
  explicit ContentBody(ContentBudget& its_budget) : budget(&its_budget) {}
  /// One that was read back and counts for nothing.
  explicit ContentBody(std::string octets);
  ContentBody(const ContentBody&) = delete;
  ContentBody& operator=(const ContentBody&) = delete;
  ~ContentBody();

  ContentBudget* budget = nullptr;
  std::vector<std::string> chunks;
  std::size_t counted = 0;  ///< Of the budget.
  std::uint64_t size = 0;
  std::uint32_t crc = 0;
  std::uint64_t file_number = 0;  ///< 0: in memory.
  std::unique_ptr<sys::File> file;
};

}  // namespace spool
