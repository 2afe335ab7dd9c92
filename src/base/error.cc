#include "base/error.h"

#include <cerrno>
#include <system_error>

namespace base {
namespace {

const char* name(IoErrorCode code) {
  switch (code) {
    case IoErrorCode::not_found: return "not found";
    case IoErrorCode::exists: return "exists already";
    case IoErrorCode::denied: return "permission denied";
    case IoErrorCode::no_space: return "no space left";
    case IoErrorCode::no_descriptors: return "out of descriptors or memory";
    case IoErrorCode::refused: return "connection refused";
    case IoErrorCode::unreachable: return "unreachable";
    case IoErrorCode::reset: return "connection lost";
    case IoErrorCode::closed: return "connection closed by the peer";
    case IoErrorCode::timed_out: return "timed out";
    case IoErrorCode::cancelled: return "cancelled";
    case IoErrorCode::busy: return "in use";
    case IoErrorCode::tls: return "TLS failed";
    case IoErrorCode::dns: return "DNS failed";
    case IoErrorCode::failed: return "failed";
  }
  return "failed";
}

}  // namespace

IoError from_errno(int e) noexcept {
  using enum IoErrorCode;
  switch (e) {
    case ENOENT:
    case ENOTDIR: return {not_found, e};
    case EEXIST: return {exists, e};
    case EACCES:
    case EPERM:
    case EROFS: return {denied, e};
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return {no_space, e};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS: return {no_descriptors, e};
    case ECONNREFUSED: return {refused, e};
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT: return {unreachable, e};
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN: return {reset, e};
    case ETIMEDOUT: return {timed_out, e};
    case ECANCELED: return {cancelled, e};
    case EADDRINUSE:
    case EBUSY:
    case EAGAIN: return {busy, e};
    default: return {failed, e};
  }
}

std::string describe(const IoError& error) {
  if (error.code != IoErrorCode::failed || error.system_error == 0) return name(error.code);
  return std::system_category().message(error.system_error);
}

}  // namespace base
