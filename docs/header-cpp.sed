# Turns bolt.hpp into what Doxygen reads: its first comment becomes the page of the file.

1s,^/\* bolt\.hpp - \(.*\),/** @file bolt.hpp\
 * @brief The C++ API of libbolt.\
 *\
 * \1,
/^ \*     bolt::database db("my.db");$/i\
 * @code{.cpp}
/^ \*     });$/a\
 * @endcode
s,^ \* CONVENTIONS$, * @section cpp_conventions Conventions,
1,/^ \*\//s,^ \* \([A-Z][a-z ]*\)\. \([A-Z]\), * **\1.** \2,
