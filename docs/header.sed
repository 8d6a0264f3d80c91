# Turns bolt.h into what Doxygen reads. The header is written to be read as it is; here its plain comments
# become Doxygen's: the first one the front page, each section a group with a page of its own.

1s,^/\* bolt\.h - \(.*\),/** @mainpage bbolt's storage engine for C\
 * @copydetails bolt.h\
 */\
/** @file bolt.h\
 * @brief The C API of libbolt.\
 *\
 * \1,
/^ \*     bolt_db \*db;/i\
 * @code{.c}
/^ \*     bolt_close(db);$/a\
 * @endcode
s,^ \* CONVENTIONS$, * @section conventions Conventions,
s,^ \* \([A-Z][a-z]*\)\. \([A-Z]\), * **\1.** \2,

# The version's macros have one comment, Doxygen wants one for each.
s,^/\* \(The version of this header\);.*,/** @addtogroup libbolt_version Version\
 * @{\
 */,
s,^#define BOLT_VERSION_\([A-Z]*\) ,/** The version of this header. */\
&,
s,^#define BOLT_ABI_NUMBER ,/** The ABI of this header: the number in the shared library's name. */\
&,
s,^/\* \(Whether the library that runs fits\),/** \1,

# A section begins where the one before it ends. What stands before the first one ends with the extern "C"
# around the sections, as does the last one.
/^\/\* ---- /{
s,^/\* ---- \(.*[a-z]\) -*-\{1\} \*/$,\1,
h
y/ ABCDEFGHIJKLMNOPQRSTUVWXYZ/_abcdefghijklmnopqrstuvwxyz/
G
s,\(.*\)\n\(.*\),/** @} */\
/** @addtogroup libbolt_\1 \2\
 * @{\
 */,
s,^/\*\* @} \*/\n\(.* libbolt_version \),\1,
}
s,^#ifdef __cplusplus$,/** @} */\
&,
