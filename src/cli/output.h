#pragma once

#include <string_view>

// What the commands say. Written at once and whole, so that lines of several threads never mix.
namespace cli {

/// A line on stderr; the line end is added.
void complain(std::string_view line);
/// Octets on stdout, as they are. False: nobody reads any more, or the disk is full.
bool print(std::string_view octets);
/// All of it to a descriptor, waiting as long as it takes. False after an error.
bool write_all(int descriptor, std::string_view octets);

}  // namespace cli
