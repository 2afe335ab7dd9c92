#include "spool/content.h"

#include <algorithm>

#include "base/crc32c.h"
#include "spool/content_body.h"
#include "spool/format.h"

namespace spool {
namespace {

/// In octets. Chunks are not moved when the content grows beyond them.
constexpr std::size_t first_chunk_octets = 4'096;
constexpr std::size_t chunk_octets = 64u << 10;
/// In octets. So much of a file is written before the disk is told to begin.
constexpr std::uint64_t write_out_octets = 1u << 20;

std::size_t next_chunk_octets(const ContentBody& body, std::size_t wanted) {
  const std::size_t usual = body.chunks.empty() ? first_chunk_octets : chunk_octets;
  return std::max(usual, wanted);
}

}  // namespace

ContentBody::ContentBody(std::string octets) : size(octets.size()), crc(base::crc32c(octets)) {
  chunks.push_back(std::move(octets));
}

ContentBody::~ContentBody() {
  if (budget != nullptr) budget->used -= counted;
}

base::Io<ContentFolder::Made> ContentFolder::make() {
  const std::uint64_t number = ++last_;
  auto file = disk_.open(path(number), sys::OpenMode::create);
  if (!file) return std::unexpected(file.error());
  return Made{number, std::move(*file)};
}

void ContentFolder::remove(std::uint64_t number) {
  // A file that stays behind is an orphan, which the next recovery removes.
  static_cast<void>(disk_.unlink(path(number)));
}

std::string ContentFolder::path(std::uint64_t number) const {
  return path_ + "/" + content_name(number);
}

Content::Content(ContentBudget& budget, ContentFolder& folder)
    : budget_(&budget), folder_(&folder), body_(std::make_shared<ContentBody>(budget)) {}

Content::Content(Content&& other) noexcept = default;

Content& Content::operator=(Content&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(folder_, other.folder_);
  std::swap(body_, other.body_);
  return *this;
}

Content::~Content() { discard(); }

void Content::discard() {
  if (body_ == nullptr || body_->file_number == 0) return;
  body_->file.reset();
  folder_->remove(body_->file_number);
}

std::uint64_t Content::size() const { return body_->size; }

bool Content::in_memory() const { return body_->file_number == 0; }

bool Content::append_in_memory(std::string_view octets) {
  ContentBody& body = *body_;
  if (body.file_number != 0 || body.size + octets.size() > budget_->each_max) return false;
  std::size_t room = 0;
  if (!body.chunks.empty()) room = body.chunks.back().capacity() - body.chunks.back().size();
  const std::size_t into_last = std::min(room, octets.size());
  const std::size_t more = octets.size() - into_last;
  if (more > 0) {
    const std::size_t chunk = next_chunk_octets(body, more);
    if (budget_->used + chunk > budget_->octets_max) return false;
    budget_->used += chunk;
    body.counted += chunk;
  }
  body.crc = base::crc32c(octets, body.crc);
  body.size += octets.size();
  if (into_last > 0) body.chunks.back().append(octets.substr(0, into_last));
  if (more > 0) {
    std::string next;
    next.reserve(next_chunk_octets(body, more));
    next.append(octets.substr(into_last));
    body.chunks.push_back(std::move(next));
  }
  return true;
}

base::Task<base::Io<>> Content::append(std::string_view octets) {
  if (append_in_memory(octets)) co_return base::Io<>{};
  if (in_memory()) {
    if (const base::Io<> spilled = co_await spill(); !spilled) co_return spilled;
  }
  co_return co_await write_to_file(octets);
}

base::Task<base::Io<>> Content::spill() {
  auto made = folder_->make();
  if (!made) co_return std::unexpected(made.error());
  ContentBody& body = *body_;
  body.file_number = made->number;
  body.file = std::move(made->file);
  const std::vector<std::string_view> pieces(body.chunks.begin(), body.chunks.end());
  const base::Io<> written = co_await sys::write(*body.file, 0, pieces);
  body.chunks.clear();
  budget_->used -= body.counted;
  body.counted = 0;
  co_return written;
}

base::Task<base::Io<>> Content::write_to_file(std::string_view octets) {
  ContentBody& body = *body_;
  const std::string_view pieces[] = {octets};
  const base::Io<> written = co_await sys::write(*body.file, body.size, pieces);
  if (!written) co_return written;
  const std::uint64_t before = body.size / write_out_octets;
  body.crc = base::crc32c(octets, body.crc);
  body.size += octets.size();
  if (body.size / write_out_octets != before)
    body.file->start_writing_out(before * write_out_octets, write_out_octets);
  co_return base::Io<>{};
}

std::shared_ptr<ContentBody> Content::take() { return std::move(body_); }

}  // namespace spool
