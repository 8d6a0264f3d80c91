/* The loops whose cost is compared: those of loops.c in C and those of loops.cpp in C++. main.c calls them
 * and makes what they read. Each returns a sum that depends on all that it read. */
#ifndef LOOPS_H
#define LOOPS_H

#include "bolt.h"

enum { KEY_COUNT = 512, KEY_LEN = 8 };

#ifdef __cplusplus
extern "C" {
#endif

uint64_t get_loop(bolt_bucket *bucket, const char *keys, unsigned rounds);
uint64_t scan_loop(bolt_bucket *bucket, unsigned rounds);
uint64_t seek_loop(bolt_bucket *bucket, const char *keys, unsigned rounds);
uint64_t put_loop(bolt_bucket *bucket, const char *keys, unsigned rounds);

#ifdef __cplusplus
}
#endif

#endif
