/*
 * Preloaded into btvirt, so that it runs beside others and on any kernel.
 *
 * btvirt wants the kernel's cipher sockets (AF_ALG) for pairing and random addresses, and turns every client away
 * where the kernel has none. Nothing here is encrypted, so an inert socket stands in for them.
 * Its server sockets have fixed names in /tmp; they are made in the folder BTVIRT_DIR instead.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIXED "/tmp/bt-server"

/* Fills `moved` with the path in BTVIRT_DIR and answers 1 when `path` is one of btvirt's own. */
static int moved_path(const char *path, char *moved, size_t size)
{
  const char *dir = getenv("BTVIRT_DIR");

  if (dir == NULL || strncmp(path, FIXED, strlen(FIXED)) != 0)
    return 0;
  return snprintf(moved, size, "%s/bt-server%s", dir, path + strlen(FIXED)) < (int) size;
}

int socket(int domain, int type, int protocol)
{
  int (*next)(int, int, int) = dlsym(RTLD_NEXT, "socket");

  return domain == AF_ALG ? next(AF_UNIX, SOCK_DGRAM, 0) : next(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
  int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  struct sockaddr_un moved = { .sun_family = AF_UNIX };

  if (address->sa_family == AF_ALG)
    return 0;
  if (address->sa_family == AF_UNIX &&
      moved_path(((const struct sockaddr_un *) address)->sun_path, moved.sun_path, sizeof(moved.sun_path)))
    return next(fd, (const struct sockaddr *) &moved, sizeof(moved));
  return next(fd, address, length);
}

int unlink(const char *path)
{
  int (*next)(const char *) = dlsym(RTLD_NEXT, "unlink");
  char moved[sizeof(((struct sockaddr_un *) 0)->sun_path)];

  return next(moved_path(path, moved, sizeof(moved)) ? moved : path);
}
