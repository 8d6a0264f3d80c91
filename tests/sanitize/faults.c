/* Programs that are wrong, each in a way that one of the sanitizers finds: the checks' own check.
 *
 * For "stale" and "race" it is libbolt's code that touches the memory, so they are found only where libbolt
 * itself was instrumented.
 */
#include "bolt.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *volatile lost;
static volatile int largest = 0x7fffffff;

static int leak(void) {
    lost = malloc(100);
    lost = NULL;
    return 0;
}

static int overflow(void) {
    return largest + 1 == 0;
}

static int stale(void) {
    bolt_error_info *volatile info = calloc(1, sizeof *info);
    bolt_error_info *volatile same = info;
    if (bolt_last_error(NULL) != BOLT_NOTFOUND || bolt_options_init(NULL, 0) != BOLT_ARGUMENT)
        return 3;
    info->struct_size = sizeof *info;
    free(info);
    return bolt_last_error(same) != BOLT_OK;
}

static bolt_options shared;

static void *set(void *argument) {
    (void)argument;
    if (bolt_options_set(&shared, BOLT_OPT_MAX_LEN, 4096) != BOLT_OK)
        exit(4);
    return NULL;
}

static int race(void) {
    pthread_t threads[2];
    int i;
    if (bolt_options_init(&shared, sizeof shared) != BOLT_OK)
        return 3;
    for (i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, set, NULL) != 0)
            return 3;
    for (i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(void);
    } faults[] = { { "leak", leak }, { "overflow", overflow }, { "stale", stale }, { "race", race } };
    size_t i;
    for (i = 0; argc == 2 && i < sizeof faults / sizeof *faults; i++)
        if (strcmp(argv[1], faults[i].name) == 0)
            return faults[i].run();
    return 2;
}
