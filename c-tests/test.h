/* The harness of the C tests: a test is a function whose name is the sentence that it proves.
 *
 * A program is given a directory of its own to put files in. It runs its tests one after the other, says what
 * each proved, and stops at the first that fails. Include this before anything else.
 */
#ifndef TEST_H
#define TEST_H

#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE

#include "bolt.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct test {
    const char *sentence;
    void (*run)(void);
};

#define TEST(function) { #function, function }

/* The directory given to the program, and how many paths fresh_path has made in it. */
static const char *test_directory;
static int test_path_count;

#define CHECK(condition) \
    do { \
        if (!(condition)) \
            test_fail(__FILE__, __LINE__, #condition); \
    } while (0)

/* The call must return this code. */
#define CODE(expected, call) test_code(__FILE__, __LINE__, #call, (expected), (call))
#define OK(call) CODE(BOLT_OK, call)

static inline void test_fail(const char *file, int line, const char *what) {
    printf("FAILED\n  %s:%d: %s\n", file, line, what);
    exit(1);
}

static inline void test_code(const char *file, int line, const char *call, int expected, int code) {
    bolt_error_info info;
    if (code == expected)
        return;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    bolt_last_error(&info);
    printf("FAILED\n  %s:%d: %s\n  gave %s (%d) instead of %s (%d); the last error is: %s\n", file, line,
           call, bolt_error_name(code), code, bolt_error_name(expected), expected, info.text);
    exit(1);
}

/* The path of a file that is not there yet; good until the program ends. */
static inline const char *fresh_path(void) {
    static char paths[200][512];
    char *path;
    CHECK(test_path_count < 200);
    path = paths[test_path_count];
    CHECK(snprintf(path, 512, "%s/%d.db", test_directory, test_path_count) < 512);
    test_path_count++;
    return path;
}

static inline bolt_db *open_db(const char *path) {
    bolt_db *db = NULL;
    OK(bolt_open(path, NULL, &db));
    CHECK(db != NULL);
    return db;
}

/* A new database that does not wait for the disk. */
static inline bolt_db *fresh_db(void) {
    bolt_options options;
    bolt_db *db = NULL;
    OK(bolt_options_init(&options, sizeof options));
    options.flags = BOLT_OPEN_NOSYNC;
    OK(bolt_open(fresh_path(), &options, &db));
    CHECK(db != NULL);
    return db;
}

static inline bolt_txn *begin(bolt_db *db, uint32_t flags) {
    bolt_txn *txn = NULL;
    OK(bolt_txn_begin(db, flags, &txn));
    CHECK(txn != NULL);
    return txn;
}

static inline bolt_bucket *root_of(bolt_txn *txn) {
    bolt_bucket *root = NULL;
    OK(bolt_root(txn, &root));
    CHECK(root != NULL);
    return root;
}

/* A top-level bucket, made if it is not there. */
static inline bolt_bucket *ensure(bolt_txn *txn, const char *name) {
    bolt_bucket *bucket = NULL;
    OK(bolt_bucket_ensure(root_of(txn), name, strlen(name), &bucket));
    CHECK(bucket != NULL);
    return bucket;
}

/* A top-level bucket that is there. */
static inline bolt_bucket *bucket_of(bolt_txn *txn, const char *name) {
    bolt_bucket *bucket = NULL;
    OK(bolt_bucket_open(root_of(txn), name, strlen(name), &bucket));
    CHECK(bucket != NULL);
    return bucket;
}

static inline void put(bolt_bucket *bucket, const char *key, const char *value) {
    OK(bolt_put(bucket, key, strlen(key), value, strlen(value)));
}

/* Whether the key has this value; NULL: whether it is not there. */
static inline int holds(bolt_bucket *bucket, const char *key, const char *value) {
    const void *data = NULL;
    size_t len = 0;
    int code = bolt_get(bucket, key, strlen(key), &data, &len);
    if (value == NULL)
        return code == BOLT_NOTFOUND;
    return code == BOLT_OK && len == strlen(value) && memcmp(data, value, len) == 0;
}

/* Whether the text of this thread's last failure contains a phrase. */
static inline int last_error_says(const char *phrase) {
    bolt_error_info info;
    memset(&info, 0, sizeof info);
    info.struct_size = sizeof info;
    OK(bolt_last_error(&info));
    return strstr(info.text, phrase) != NULL;
}

/* Runs a function in a child process, and whether everything in it held. */
static inline int holds_in_a_child(void (*function)(void *), void *argument) {
    int status = 0;
    pid_t child;
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        function(argument);
        fflush(stdout);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static inline void on_another_thread(void *(*function)(void *), void *argument) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, function, argument) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static inline int run_tests(const struct test *tests, size_t count, int argc, char **argv) {
    size_t i;
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    test_directory = argv[1];
    for (i = 0; i < count; i++) {
        printf("%s ... ", tests[i].sentence);
        fflush(stdout);
        tests[i].run();
        printf("ok\n");
    }
    printf("%lu passed, 0 failed\n", (unsigned long)count);
    return 0;
}

#define RUN_TESTS(tests, argc, argv) run_tests(tests, sizeof tests / sizeof *tests, argc, argv)

#endif
