/* Carries a sequence of requests out with this machine's memalign and free, on a heap that holds nothing else.
   Input: numbers on stdin, a size or minus the number of the request to give back. Output: peak and end in bytes. */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char text[64 << 20];
static void *blocks[4 << 20];

static size_t held(void) {
  struct mallinfo2 info = mallinfo2();
  return info.arena + info.hblkhd;
}

int main(void) {
  size_t filled = 0, peak = 0, born = 0;
  ssize_t got;
  while (filled < sizeof text - 1 && (got = read(0, text + filled, sizeof text - 1 - filled)) > 0) filled += got;
  void *volatile first = malloc(16); /* sets the thread's cache up, as any process has done long before */
  free(first);
  for (char *at = text, *next;; at = next) {
    long number = strtol(at, &next, 10);
    if (next == at) break;
    if (number < 0) free(blocks[-number]);
    else blocks[++born] = number ? memalign(64, number) : NULL;
    size_t now = held();
    if (now > peak) peak = now;
  }
  size_t end = held();
  printf("%zu %zu\n", peak, end);
  return 0;
}
