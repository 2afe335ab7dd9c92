#pragma once

#include <string>

#include "dsn/report.h"

namespace dsn {

/// What of the original comes with the report.
enum class Returned : std::uint8_t { nothing, header_section, content };

/// The part of the report for people: UTF-8, CRLF line ends.
[[nodiscard]] std::string human_text(const ReportInput& input, Returned returned);

/// What the Subject field says.
[[nodiscard]] std::string_view subject(const ReportInput& input);

}  // namespace dsn
