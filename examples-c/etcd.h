/* What etcd stores in a bbolt database, decoded. See etcd.c.
 *
 * Nothing is copied: every pointer leads into the bytes that were given, so it is good for as long as they
 * are, which for libbolt's bytes is until their transaction ends. */
#ifndef ETCD_H
#define ETCD_H

#include <stddef.h>
#include <stdint.h>

/* Some bytes of a database. */
struct bytes {
    const unsigned char *data;
    size_t len;
};

/* When a change happened: etcd counts its transactions, and the changes within each. */
struct revision {
    uint64_t main;
    uint64_t sub;
    int is_tombstone; /* the change deleted its key */
};

/* A key as one change left it; only `key` after a deletion. */
struct key_value {
    struct revision revision;
    struct bytes key;
    struct bytes value;
    uint64_t created; /* the main revision that made the key */
    uint64_t version; /* how many changes it has seen since */
    uint64_t lease;   /* with whose end it goes; 0: it stays */
};

/* Decodes an entry of etcd's bucket "key". 0 where it is none. */
int etcd_key_value(struct bytes key, struct bytes value, struct key_value *out);

/* Of all changes in `list`, keeps the last of each key, drops the deleted keys, and sorts the rest by key.
 * The number of those that are left. */
size_t etcd_latest(struct key_value *list, size_t count);

/* Writes an entry of one of etcd's buckets as people read it: what its key and its value say. */
void etcd_describe(const char *bucket, struct bytes key, struct bytes value, char *key_text,
                   char *value_text, size_t text_len);

/* Writes bytes as a text: as they are where all can be printed, otherwise in hexadecimal; what does not fit
 * is cut off. */
void bytes_text(struct bytes bytes, char *text, size_t text_len);

#endif
