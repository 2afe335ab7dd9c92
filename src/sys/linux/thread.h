#pragma once

#include <pthread.h>
#include <signal.h>

#include <thread>
#include <utility>

namespace sys::real {

/// Starts a thread that takes no signals: they belong to the thread that waits for them. `name`:
/// at most 15 octets.
template <class Body>
[[nodiscard]] std::thread start_thread(const char* name, Body body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

}  // namespace sys::real
