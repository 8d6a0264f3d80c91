// The feature files: each kind is a file that bbolt writes and that shows one feature of the format.

package main

import (
	"fmt"
	"os"
	"sort"

	bolt "go.etcd.io/bbolt"
)

// kinds are the makers of feature files by name.
var kinds = map[string]func(path string, seed uint64) error{
	"empty":           makeEmpty,
	"empty-buckets":   makeEmptyBuckets,
	"root-keys":       makeRootKeys,
	"nested":          makeNested,
	"nested-200":      makeNested200,
	"sequences":       makeSequences,
	"long-names":      makeLongNames,
	"overflow-values": makeOverflowValues,
	"overflow-keys":   makeOverflowKeys,
	"tall-tree":       makeTallTree,
	"almost-empty":    makeAlmostEmpty,
	"freelist-short":  makeFreelistShort,
	"freelist-pages":  makeFreelistPages,
	"nofreelistsync":  makeNoFreelistSync,
	"mixed":           makeMixed,
	"meta0-damaged":   makeMeta0Damaged,
	"meta1-damaged":   makeMeta1Damaged,
	"metas-swapped":   makeMetasSwapped,
}

// The kinds of which there is one for each of some numbers.
func init() {
	for _, size := range []int{1024, 2048, 3000, 4096, 8192, 16384, 32768, 65536} {
		size := size
		kinds[fmt.Sprintf("pagesize-%d", size)] = func(path string, seed uint64) error {
			return makePageSize(path, seed, size)
		}
		if size != 3000 {
			kinds[fmt.Sprintf("inline-limit-%d", size)] = func(path string, seed uint64) error {
				return makeInlineLimit(path, seed, size)
			}
		}
	}
	for _, count := range []int{65534, 65535, 65536, 65544} {
		count := count
		kinds[fmt.Sprintf("freelist-%d", count)] = func(path string, _ uint64) error {
			return makeFreelistCount(path, count)
		}
	}
}

func kindNames() []string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// makeFile writes a feature file, in place of a file that was there.
func makeFile(kind, path string, seed uint64) error {
	make, known := kinds[kind]
	if !known {
		return fmt.Errorf("%w: unknown kind %q", errUsage, kind)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return make(path, seed)
}

// options are those of most feature files.
func options(pageSize int) *bolt.Options {
	return &bolt.Options{Timeout: lockTimeout, PageSize: pageSize, NoSync: true, NoGrowSync: true,
		FreelistType: bolt.FreelistArrayType}
}

// write opens a file and runs each step in a transaction of its own.
func write(path string, options *bolt.Options, steps ...func(tx *bolt.Tx) error) error {
	db, err := bolt.Open(path, 0o644, options)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := db.Update(step); err != nil {
			closeDB(db)
			return err
		}
	}
	return db.Close()
}

// ensurePath opens the bucket at a path and creates what is missing.
func ensurePath(tx *bolt.Tx, names ...string) (*bolt.Bucket, error) {
	b := tx.Cursor().Bucket()
	for _, name := range names {
		var err error
		if b, err = b.CreateBucketIfNotExists([]byte(name)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// fillBucket puts count pairs: numbered keys, values of some length up to the longest.
func fillBucket(b *bolt.Bucket, r *rng, count, longest int) error {
	for i := 0; i < count; i++ {
		if err := b.Put(numberedKey(i), r.bytes(r.between(0, longest))); err != nil {
			return err
		}
	}
	return nil
}

func numberedKey(i int) []byte { return []byte(fmt.Sprintf("key-%06d", i)) }

// deleteKeys deletes the numbered keys in [0, count) that are chosen.
func deleteKeys(b *bolt.Bucket, count int, chosen func(i int) bool) error {
	for i := 0; i < count; i++ {
		if chosen(i) {
			if err := b.Delete(numberedKey(i)); err != nil {
				return err
			}
		}
	}
	return nil
}
