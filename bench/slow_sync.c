// Preloaded (LD_PRELOAD): every fsync and fdatasync takes SLOW_SYNC_MS longer, like a disk that needs
// that long to answer a flush. The real call is made too.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int slowly(const char* name, int fd) {
  const char* milliseconds = getenv("SLOW_SYNC_MS");
  struct timespec pause = {0, (milliseconds ? atol(milliseconds) : 5) * 1000000L};
  nanosleep(&pause, NULL);
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  return real(fd);
}

int fsync(int fd) { return slowly("fsync", fd); }
int fdatasync(int fd) { return slowly("fdatasync", fd); }
