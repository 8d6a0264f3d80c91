/* Uses the downstream library, with the libbolt inside it, beside libbolt's own shared library. */
#include <bolt.h>

#include <stdio.h>

int downstream_count(const char *path, unsigned long long *count);

int main(int argc, char **argv) {
    unsigned long long count = 0;
    bolt_db *db;
    if (argc != 3)
        return 2;
    if (downstream_count(argv[1], &count) != 0 || count != 1)
        return 3;
    if (bolt_open(argv[2], NULL, &db) != BOLT_OK)
        return 4;
    if (downstream_count(argv[1], &count) != 0 || count != 2)
        return 5;
    if (bolt_close(db) != BOLT_OK)
        return 6;
    printf("counted to %llu\n", count);
    return 0;
}
