/* etcd's storage, version 3: every change to a key is an entry of its own in the bucket "key", named by its
 * revision (two big-endian numbers with '_' between, and a 't' behind where the key was deleted), with a
 * protobuf message as its value. What etcd answers today is the last change of each key. */
#include "etcd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Protocol buffers: a message is a row of fields, each a number and either an integer or bytes ---- */

struct field {
    uint64_t number;
    uint64_t integer;
    struct bytes bytes; /* data is NULL where the field is an integer */
};

static int skip(struct bytes *message, uint64_t len) {
    if (len > message->len)
        return 0;
    message->data += len;
    message->len -= (size_t)len;
    return 1;
}

/* Seven bits a byte, the lowest first; the top bit says that more follow. */
static int next_varint(struct bytes *message, uint64_t *number) {
    unsigned shift;
    *number = 0;
    for (shift = 0; shift < 64 && message->len > 0; shift += 7) {
        unsigned char byte = *message->data;
        skip(message, 1);
        *number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 1;
    }
    return 0;
}

/* Takes the next field off a message. 0 at its end, and where it is damaged. */
static int next_field(struct bytes *message, struct field *field) {
    uint64_t tag;
    if (!next_varint(message, &tag))
        return 0;
    field->number = tag >> 3;
    field->integer = 0;
    field->bytes.data = NULL;
    switch (tag & 7) {
    case 0:
        return next_varint(message, &field->integer);
    case 1:
        return skip(message, 8);
    case 2:
        if (!next_varint(message, &field->integer))
            return 0;
        field->bytes.data = message->data;
        field->bytes.len = (size_t)field->integer;
        return skip(message, field->integer);
    case 5:
        return skip(message, 4);
    default:
        return 0;
    }
}

/* ---- etcd's keys ---- */

static uint64_t big_endian(const unsigned char *data) {
    uint64_t number = 0;
    int i;
    for (i = 0; i < 8; i++)
        number = number << 8 | data[i];
    return number;
}

static int decode_revision(struct bytes key, struct revision *revision) {
    int is_tombstone = key.len == 18 && key.data[17] == 't';
    if ((key.len != 17 && !is_tombstone) || key.data[8] != '_')
        return 0;
    revision->main = big_endian(key.data);
    revision->sub = big_endian(key.data + 9);
    revision->is_tombstone = is_tombstone;
    return 1;
}

int etcd_key_value(struct bytes key, struct bytes value, struct key_value *out) {
    struct field field;
    memset(out, 0, sizeof *out);
    if (!decode_revision(key, &out->revision))
        return 0;
    while (value.len > 0) {
        if (!next_field(&value, &field))
            return 0;
        switch (field.number) {
        case 1: out->key = field.bytes; break;
        case 2: out->created = field.integer; break;
        case 4: out->version = field.integer; break;
        case 5: out->value = field.bytes; break;
        case 6: out->lease = field.integer; break;
        default: break;
        }
    }
    return out->key.data != NULL;
}

static int compare_bytes(struct bytes a, struct bytes b) {
    int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* By key, then by revision. */
static int compare_changes(const void *left, const void *right) {
    const struct key_value *a = left, *b = right;
    int order = compare_bytes(a->key, b->key);
    if (order == 0)
        order = (a->revision.main > b->revision.main) - (a->revision.main < b->revision.main);
    if (order == 0)
        order = (a->revision.sub > b->revision.sub) - (a->revision.sub < b->revision.sub);
    return order;
}

size_t etcd_latest(struct key_value *list, size_t count) {
    size_t i, kept = 0;
    if (count > 0)
        qsort(list, count, sizeof *list, compare_changes);
    for (i = 0; i < count; i++) {
        int is_last = i + 1 == count || compare_bytes(list[i].key, list[i + 1].key) != 0;
        if (is_last && !list[i].revision.is_tombstone)
            list[kept++] = list[i];
    }
    return kept;
}

/* ---- As people read it ---- */

void bytes_text(struct bytes bytes, char *text, size_t text_len) {
    size_t i, used = 0;
    int is_text = 1;
    for (i = 0; i < bytes.len; i++)
        is_text &= bytes.data[i] >= ' ' && bytes.data[i] <= '~';
    if (!is_text)
        used = (size_t)snprintf(text, text_len, "0x");
    for (i = 0; i < bytes.len && used + 3 < text_len; i++)
        used += (size_t)snprintf(text + used, text_len - used, is_text ? "%c" : "%02x", bytes.data[i]);
    text[used] = '\0';
    if (i < bytes.len && used > 3)
        memcpy(text + used - 3, "...", 3);
}

static void describe_change(struct bytes key, struct bytes value, char *key_text, char *value_text,
                            size_t text_len) {
    struct key_value change;
    char name[80];
    if (!etcd_key_value(key, value, &change))
        return;
    bytes_text(change.key, name, sizeof name);
    snprintf(key_text, text_len, "%" PRIu64 "_%" PRIu64, change.revision.main, change.revision.sub);
    if (change.revision.is_tombstone)
        snprintf(value_text, text_len, "delete %s", name);
    else
        snprintf(value_text, text_len, "put    %s (version %" PRIu64 ", %lu bytes)", name, change.version,
                 (unsigned long)change.value.len);
}

static void describe_lease(struct bytes key, struct bytes value, char *key_text, char *value_text,
                           size_t text_len) {
    struct field field;
    if (key.len == 8)
        snprintf(key_text, text_len, "%" PRIu64, big_endian(key.data));
    while (next_field(&value, &field))
        if (field.number == 2)
            snprintf(value_text, text_len, "lives %" PRIu64 " s unless it is kept alive", field.integer);
}

/* A role has permissions (field 2), a user roles (field 3) and a password, which is nobody's business. */
static void describe_auth(const char *kind, uint64_t counted, struct bytes value, char *text,
                          size_t text_len) {
    struct field field;
    unsigned count = 0;
    while (next_field(&value, &field))
        count += field.number == counted;
    snprintf(text, text_len, "%s: %u", kind, count);
}

void etcd_describe(const char *bucket, struct bytes key, struct bytes value, char *key_text,
                   char *value_text, size_t text_len) {
    bytes_text(key, key_text, text_len);
    bytes_text(value, value_text, text_len);
    if (strcmp(bucket, "key") == 0)
        describe_change(key, value, key_text, value_text, text_len);
    else if (strcmp(bucket, "lease") == 0)
        describe_lease(key, value, key_text, value_text, text_len);
    else if (strcmp(bucket, "authRoles") == 0)
        describe_auth("permissions", 2, value, value_text, text_len);
    else if (strcmp(bucket, "authUsers") == 0)
        describe_auth("roles", 3, value, value_text, text_len);
    else if (value.len == 8 && (strcmp(bucket, "meta") == 0 || strcmp(bucket, "auth") == 0))
        snprintf(value_text, text_len, "%" PRIu64, big_endian(value.data));
}
