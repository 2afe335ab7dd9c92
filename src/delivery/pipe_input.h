#pragma once

#include <string>
#include <string_view>

#include "delivery/letter.h"
#include "delivery/maildir_content.h"
#include "sys/programs.h"

namespace delivery {

/// A letter as a program reads it: the fields of final delivery, then the content without earlier
/// Return-Path fields, with LF line ends. Read from the spool only as the program takes it.
class PipeInput final : public sys::ProgramInput {
 public:
  /// `fields` with CRLF. Spool and letter must outlive it.
  PipeInput(spool::Spool& spool, const Letter& letter, std::string fields);

  [[nodiscard]] base::Io<std::string_view> next() override;
  /// The content could not be read: that ended the program.
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  /// In octets. In a longer header section earlier Return-Path fields beyond it stay.
  static constexpr std::size_t header_octets_max = std::size_t{1} << 20;

  [[nodiscard]] base::Io<> add_header_section();
  [[nodiscard]] base::Io<> add_block(std::string& to);

  LetterContent content_;
  std::string fields_;
  bool begun_ = false;
  bool ended_ = false;
  bool failed_ = false;
  LfStream stream_;
  std::string raw_;
  std::string block_;
};

}  // namespace delivery
