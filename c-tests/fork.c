/* Children of fork(2), and programs started by exec(3), of a process that has databases open: what they do,
 * and that they end, changes neither the file nor the lock, and the parent goes on as if they had not been.
 */
#include "test.h"

#include <fcntl.h>
#include <signal.h>

/* Whether another process, a child, is told that somebody has the file. */
static void find_it_locked(void *path) {
    bolt_options options;
    bolt_db *db = NULL;
    OK(bolt_options_init(&options, sizeof options));
    options.lock_timeout_ms = 0;
    CODE(BOLT_BUSY, bolt_open(path, &options, &db));
    CHECK(db == NULL);
}

/* The content of a file, and its length. */
static unsigned char *content(const char *path, size_t *len) {
    struct stat stat;
    unsigned char *bytes;
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && fstat(fd, &stat) == 0);
    *len = (size_t)stat.st_size;
    bytes = malloc(*len + 1);
    CHECK(bytes != NULL && read(fd, bytes, *len) == (ssize_t)*len);
    close(fd);
    return bytes;
}

/* A process with a database, a reader of its first state and a writer that has begun a second. */
struct parent {
    const char *path;
    bolt_db *db;
    bolt_txn *reader, *writer;
    bolt_bucket *seen, *changed;
    bolt_cursor *cursor;
    bolt_batch *batch;
};

static void set_up(struct parent *parent, uint32_t flags) {
    bolt_options options;
    bolt_txn *txn;
    void *value = NULL;
    memset(parent, 0, sizeof *parent);
    parent->path = fresh_path();
    OK(bolt_options_init(&options, sizeof options));
    options.flags = flags;
    OK(bolt_open(parent->path, &options, &parent->db));
    txn = begin(parent->db, BOLT_WRITE);
    put(ensure(txn, "b"), "k", "first");
    OK(bolt_commit(txn));
    parent->reader = begin(parent->db, BOLT_READ);
    parent->seen = bucket_of(parent->reader, "b");
    OK(bolt_cursor_open(parent->seen, &parent->cursor));
    OK(bolt_cursor_first(parent->cursor, NULL));
    parent->writer = begin(parent->db, BOLT_WRITE);
    parent->changed = bucket_of(parent->writer, "b");
    put(parent->changed, "k", "second");
    OK(bolt_put_reserve(parent->changed, "large", 5, 50000, &value));
    memset(value, 'x', 50000);
    OK(bolt_batch_create(&parent->batch));
}

/* What was open goes on, and is there when the file is opened again. */
static void go_on(struct parent *parent) {
    uint64_t findings = 1;
    bolt_txn *txn;
    CHECK(holds(parent->seen, "k", "first"));
    OK(bolt_cursor_first(parent->cursor, NULL));
    put(parent->changed, "k", "third");
    OK(bolt_commit(parent->writer));
    CHECK(holds(parent->seen, "k", "first"));
    OK(bolt_cursor_close(parent->cursor));
    OK(bolt_rollback(parent->reader));
    OK(bolt_batch_free(parent->batch));
    CHECK(holds_in_a_child(find_it_locked, (void *)parent->path));
    OK(bolt_close(parent->db));
    parent->db = open_db(parent->path);
    txn = begin(parent->db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", "third"));
    OK(bolt_check(txn, 0, 0, NULL, NULL, &findings));
    CHECK(findings == 0);
    OK(bolt_rollback(txn));
    OK(bolt_close(parent->db));
}

static void end_everything(void *argument) {
    struct parent *parent = argument;
    CODE(BOLT_FORKED, bolt_cursor_close(parent->cursor));
    CODE(BOLT_FORKED, bolt_rollback(parent->reader));
    CODE(BOLT_FORKED, bolt_commit(parent->writer));
    CODE(BOLT_FORKED, bolt_rollback(parent->writer));
    CODE(BOLT_FORKED, bolt_batch_free(parent->batch));
    CODE(BOLT_FORKED, bolt_sync(parent->db));
    CODE(BOLT_FORKED, bolt_set(parent->db, BOLT_OPT_FREELIST_MODE, BOLT_FREELIST_NEVER));
    CODE(BOLT_FORKED, bolt_close(parent->db));
    CHECK(holds(parent->seen, "k", "first") == 0);
}

/* As main would: what was registered with atexit(3) runs, which _exit(2) leaves out. */
static void end_everything_and_exit(void *argument) {
    end_everything(argument);
    fflush(stdout);
    exit(0);
}

static void do_nothing_and_exit(void *argument) {
    (void)argument;
    exit(0);
}

static void be_killed(void *argument) {
    end_everything(argument);
    kill(getpid(), SIGKILL);
}

static void a_childs_calls_and_its_end_leave_the_file_and_its_lock_alone(void) {
    void (*const children[])(void *) = { end_everything, end_everything_and_exit, do_nothing_and_exit,
                                         be_killed };
    const size_t count = sizeof children / sizeof *children;
    size_t i;
    for (i = 0; i < 2 * count; i++) {
        void (*child)(void *) = children[i % count];
        struct parent parent;
        size_t len_before, len_after;
        /* Static, for tools that look for leaks in the children, too. */
        static unsigned char *before, *after;
        set_up(&parent, i < count ? 0 : BOLT_OPEN_NOMAP);
        before = content(parent.path, &len_before);
        CHECK(holds_in_a_child(child, &parent) == (child != be_killed));
        after = content(parent.path, &len_after);
        CHECK(len_before == len_after && memcmp(before, after, len_before) == 0);
        free(before);
        free(after);
        CHECK(holds_in_a_child(find_it_locked, (void *)parent.path));
        go_on(&parent);
    }
}

/* A child that lives on has the parent's open file, and with it the lock would live on, too: closing must give
 * the lock back, and not only its descriptor. */
static void a_parent_gives_its_lock_back_while_a_child_lives(void) {
    struct parent parent;
    int ends[2];
    char byte;
    int status;
    pid_t child;
    set_up(&parent, 0);
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ends[0]);
    go_on(&parent);
    close(ends[1]);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Runs a program which fails if one of its descriptors is the file. */
static void look_for_the_file(void *path) {
    setenv("FILE_TO_FIND", path, 1);
    execl("/bin/sh", "sh", "-c",
          "for fd in /proc/self/fd/*; do [ \"$(readlink \"$fd\")\" = \"$FILE_TO_FIND\" ] && exit 1; done; exit 0",
          (char *)NULL);
    CHECK(!"there is no /bin/sh");
}

static void a_program_started_by_exec_inherits_no_descriptor_of_the_file(void) {
    struct parent parent;
    char *real;
    int fd;
    set_up(&parent, 0);
    real = realpath(parent.path, NULL);
    CHECK(real != NULL);
    CHECK(holds_in_a_child(look_for_the_file, real));
    /* It would be found if it were there. */
    fd = open(real, O_RDONLY);
    CHECK(fd >= 0 && !holds_in_a_child(look_for_the_file, real));
    close(fd);
    free(real);
    go_on(&parent);
}

/* With the standard three closed, a file would become one of them, and what the program prints be written into
 * the database. */
static void use_a_database_without_standard_descriptors(void *path) {
    bolt_db *db;
    bolt_txn *txn;
    int fd;
    for (fd = 0; fd < 3; fd++)
        close(fd);
    db = open_db(path);
    for (fd = 0; fd < 3; fd++)
        CHECK(fcntl(fd, F_GETFD) == -1);
    CHECK(write(1, "garbage", 7) == -1 && write(2, "garbage", 7) == -1);
    txn = begin(db, BOLT_WRITE);
    put(ensure(txn, "b"), "k", "v");
    OK(bolt_commit(txn));
    OK(bolt_close(db));
}

static void a_database_never_has_one_of_the_standard_descriptors(void) {
    const char *path = fresh_path();
    bolt_db *db;
    bolt_txn *txn;
    int round;
    for (round = 0; round < 2; round++)
        CHECK(holds_in_a_child(use_a_database_without_standard_descriptors, (void *)path));
    db = open_db(path);
    txn = begin(db, BOLT_READ);
    CHECK(holds(bucket_of(txn, "b"), "k", "v"));
    OK(bolt_rollback(txn));
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(a_childs_calls_and_its_end_leave_the_file_and_its_lock_alone),
        TEST(a_parent_gives_its_lock_back_while_a_child_lives),
        TEST(a_program_started_by_exec_inherits_no_descriptor_of_the_file),
        TEST(a_database_never_has_one_of_the_standard_descriptors),
    };
    return RUN_TESTS(tests, argc, argv);
}
