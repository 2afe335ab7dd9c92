#include "crypto/secret.h"

#include <openssl/crypto.h>

#include <cstring>
#include <utility>

namespace crypto {

void wipe(char* octets, std::size_t size) noexcept {
  if (octets != nullptr) OPENSSL_cleanse(octets, size);
}

void wipe(std::string& octets) noexcept {
  // What was erased from its end is still there: grown to its capacity the string allocates
  // nothing.
  octets.resize(octets.capacity());
  wipe(octets.data(), octets.size());
  octets.clear();
}

Secret::Secret(std::string_view octets) : size_(octets.size()) {
  if (octets.empty()) return;
  octets_ = std::make_unique_for_overwrite<char[]>(octets.size());
  std::memcpy(octets_.get(), octets.data(), octets.size());
}

Secret::Secret(Secret&& other) noexcept
    : octets_(std::move(other.octets_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  clear();
  octets_ = std::move(other.octets_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Secret::~Secret() { clear(); }

void Secret::clear() noexcept {
  wipe(octets_.get(), size_);
  octets_.reset();
  size_ = 0;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace crypto
