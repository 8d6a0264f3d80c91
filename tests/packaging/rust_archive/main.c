/* Two static archives of Rust's in one program: libbolt, and one as rustc makes it. */
#include <bolt.h>

#include <stdio.h>

uint32_t other_catches(uint32_t number);

int main(int argc, char **argv) {
    bolt_db *db;
    if (argc != 2)
        return 2;
    if (bolt_open(argv[1], NULL, &db) != BOLT_OK)
        return 3;
    if (other_catches(12345) != 5 || other_catches(7) != 0)
        return 4;
    if (bolt_close(db) != BOLT_OK)
        return 5;
    puts("both work");
    return 0;
}
