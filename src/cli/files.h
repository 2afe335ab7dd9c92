#pragma once

#include <cstddef>
#include <expected>
#include <string>

namespace cli {

/// The whole of a file. The error is for people, with the path; `system_error` gets its errno.
[[nodiscard]] std::expected<std::string, std::string> read_file(const std::string& path,
                                                                std::size_t octets_max,
                                                                int* system_error = nullptr);
/// Until the end of an open file.
[[nodiscard]] std::expected<std::string, std::string> read_all(int descriptor,
                                                               const std::string& name,
                                                               std::size_t octets_max);

}  // namespace cli
