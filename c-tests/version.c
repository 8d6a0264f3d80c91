/* Headers that are older or newer than the library: what is told, and that nothing else happens. */
#include "test.h"

/* What this thread's last failure says; good until the next call of it. */
static const char *told(void) {
    static bolt_error_info info;
    info.struct_size = sizeof info;
    OK(bolt_last_error(&info));
    CHECK(info.code == BOLT_MISMATCH);
    return info.text;
}

static void the_library_fits_its_own_header(void) {
    char text[32];
    OK(BOLT_VERSION_CHECK());
    CHECK(bolt_version() == BOLT_VERSION_NUMBER);
    CHECK(strcmp(bolt_version_string(), BOLT_VERSION_STRING) == 0);
    snprintf(text, sizeof text, "%d.%d.%d", BOLT_VERSION_MAJOR, BOLT_VERSION_MINOR, BOLT_VERSION_PATCH);
    CHECK(strcmp(text, BOLT_VERSION_STRING) == 0);
}

static const uint32_t own_abi_number = BOLT_ABI_NUMBER;

/* From here to the end of the next test, bolt.h is of a release to come. */
#undef BOLT_VERSION_PATCH
#define BOLT_VERSION_PATCH 255

static void a_newer_header_is_told_to_install_its_library(void) {
    char advice[64];
    CODE(BOLT_MISMATCH, BOLT_VERSION_CHECK());
    snprintf(advice, sizeof advice, "install libbolt %d.%d.255 or newer", BOLT_VERSION_MAJOR,
             BOLT_VERSION_MINOR);
    CHECK(strstr(told(), advice) != NULL);
    CHECK(strstr(told(), bolt_version_string()) != NULL);
}

#undef BOLT_VERSION_PATCH
#define BOLT_VERSION_PATCH 0
#undef BOLT_ABI_NUMBER
#define BOLT_ABI_NUMBER 4000000000u

static void a_header_of_another_abi_is_told_to_compile_anew(void) {
    CODE(BOLT_MISMATCH, BOLT_VERSION_CHECK());
    CHECK(strstr(told(), "ABI 4000000000") != NULL);
    CHECK(strstr(told(), "compile it anew") != NULL);
    CHECK(strstr(told(), "libbolt.so.4000000000") != NULL);
}

static void an_older_header_of_the_same_abi_fits(void) {
    const uint32_t abi_number = own_abi_number;
    OK(bolt_version_check(abi_number, 0));
    OK(bolt_version_check(abi_number, bolt_version()));
    OK(bolt_version_check(abi_number, bolt_version() - 1));
    CODE(BOLT_MISMATCH, bolt_version_check(abi_number, bolt_version() + 1));
    CODE(BOLT_MISMATCH, bolt_version_check(abi_number + 1, 0));
    CODE(BOLT_MISMATCH, bolt_version_check(abi_number, UINT32_MAX));
    CODE(BOLT_MISMATCH, bolt_version_check(UINT32_MAX, UINT32_MAX));
}

/* The options as a header to come may have them. */
struct newer_options {
    bolt_options known;
    uint64_t added;
};

static void options_of_a_newer_header_open_where_they_ask_for_nothing_new(void) {
    struct newer_options options;
    const char *path = fresh_path();
    bolt_db *db = NULL;
    struct stat status;
    memset(&options, 0x55, sizeof options);
    OK(bolt_options_init(&options.known, sizeof options));
    CHECK(options.known.struct_size == sizeof options && options.added == 0);
    options.added = 1;
    CODE(BOLT_MISMATCH, bolt_open(path, &options.known, &db));
    CHECK(strstr(told(), "does not know: install the libbolt of the program's bolt.h") != NULL);
    CHECK(db == NULL && stat(path, &status) != 0);
    options.added = 0;
    OK(bolt_open(path, &options.known, &db));
    OK(bolt_close(db));
}

static void a_flag_of_a_newer_header_is_told_so(void) {
    bolt_options options;
    bolt_db *db = NULL;
    OK(bolt_options_init(&options, sizeof options));
    options.flags = (uint32_t)1 << 31;
    CODE(BOLT_ARGUMENT, bolt_open(fresh_path(), &options, &db));
    CHECK(last_error_says("one of a newer bolt.h needs a newer libbolt"));
    CHECK(db == NULL);
}

static void results_that_the_library_does_not_know_are_zero(void) {
    struct {
        bolt_db_info known;
        uint64_t added[2];
    } info;
    bolt_db *db = fresh_db();
    memset(&info, 0x55, sizeof info);
    info.known.struct_size = sizeof info;
    OK(bolt_info(db, &info.known));
    CHECK(info.known.struct_size == sizeof info && info.added[0] == 0 && info.added[1] == 0);
    OK(bolt_close(db));
}

int main(int argc, char **argv) {
    static const struct test tests[] = {
        TEST(the_library_fits_its_own_header),
        TEST(a_newer_header_is_told_to_install_its_library),
        TEST(a_header_of_another_abi_is_told_to_compile_anew),
        TEST(an_older_header_of_the_same_abi_fits),
        TEST(options_of_a_newer_header_open_where_they_ask_for_nothing_new),
        TEST(a_flag_of_a_newer_header_is_told_so),
        TEST(results_that_the_library_does_not_know_are_zero),
    };
    return RUN_TESTS(tests, argc, argv);
}
