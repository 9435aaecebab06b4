// A disk that is slow to sync, for whoever is run with LD_PRELOAD: each fsync and
// fdatasync takes as many milliseconds longer as the file SLOW_DISK says.
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wait_for_disk(void) {
  const char *name = getenv("SLOW_DISK");
  FILE *file = name ? fopen(name, "r") : NULL;
  unsigned milliseconds = 0;
  if (!file) return;
  if (fscanf(file, "%u", &milliseconds) != 1) milliseconds = 0;
  fclose(file);
  if (milliseconds) usleep(milliseconds * 1000);
}

int fsync(int fd) {
  wait_for_disk();
  return syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  wait_for_disk();
  return syscall(SYS_fdatasync, fd);
}
