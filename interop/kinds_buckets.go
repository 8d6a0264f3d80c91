// Feature files about buckets: empty, nested, inline at the limit, with sequences, with long names.

package main

import (
	"fmt"
	"math"
	"strings"

	bolt "go.etcd.io/bbolt"
)

func makeEmpty(path string, _ uint64) error { return write(path, options(0)) }

// makeEmptyBuckets writes buckets without keys: at the top, nested, beside keys, and emptied ones.
func makeEmptyBuckets(path string, seed uint64) error {
	r := newRng(seed)
	return write(path, options(0), func(tx *bolt.Tx) error {
		for i := 0; i < 50; i++ {
			if _, err := ensurePath(tx, fmt.Sprintf("empty-%02d", i)); err != nil {
				return err
			}
		}
		for _, names := range []string{"outer/inner", "beside/inner", "beside/second/third"} {
			if _, err := ensurePath(tx, strings.Split(names, "/")...); err != nil {
				return err
			}
		}
		b, err := ensurePath(tx, "emptied")
		if err != nil {
			return err
		}
		return fillBucket(b, r, 500, 60)
	}, func(tx *bolt.Tx) error {
		b, err := ensurePath(tx, "beside")
		if err != nil {
			return err
		}
		if err := fillBucket(b, r, 20, 60); err != nil {
			return err
		}
		return deleteKeys(tx.Bucket([]byte("emptied")), 500, func(int) bool { return true })
	})
}

// makeRootKeys writes plain keys into the root bucket, which bbolt's API reaches only by a detour.
func makeRootKeys(path string, seed uint64) error {
	r := newRng(seed)
	return write(path, options(0), func(tx *bolt.Tx) error {
		root := tx.Cursor().Bucket()
		if err := fillBucket(root, r, 300, 40); err != nil {
			return err
		}
		b, err := ensurePath(tx, "key-000100-bucket")
		if err != nil {
			return err
		}
		if err := root.Put([]byte("empty"), []byte{}); err != nil {
			return err
		}
		return fillBucket(b, r, 10, 40)
	})
}

// makeNested writes buckets nested one to six deep, with keys and siblings at each level.
func makeNested(path string, seed uint64) error {
	r := newRng(seed)
	return write(path, options(0), func(tx *bolt.Tx) error {
		for depth := 1; depth <= 6; depth++ {
			var names []string
			for level := 1; level <= depth; level++ {
				names = append(names, fmt.Sprintf("depth-%d-level-%d", depth, level))
				if err := fillLevel(tx, r, names); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// fillLevel gives a bucket keys on both sides of its children, and one small sibling.
func fillLevel(tx *bolt.Tx, r *rng, names []string) error {
	b, err := ensurePath(tx, names...)
	if err != nil {
		return err
	}
	if err := fillBucket(b, r, r.between(1, 120), 40); err != nil {
		return err
	}
	for _, key := range []string{"a", "zzz"} {
		if err := b.Put([]byte(key), r.bytes(8)); err != nil {
			return err
		}
	}
	sibling, err := b.CreateBucketIfNotExists([]byte("depth-sibling"))
	if err != nil {
		return err
	}
	return fillBucket(sibling, r, r.between(0, 5), 20)
}

// makeNested200 writes one chain of 200 buckets.
func makeNested200(path string, _ uint64) error {
	return write(path, options(1024), func(tx *bolt.Tx) error {
		b := tx.Cursor().Bucket()
		for level := 1; level <= 200; level++ {
			var err error
			if b, err = b.CreateBucket([]byte(fmt.Sprintf("level-%03d", level))); err != nil {
				return err
			}
			if err := b.Put([]byte("depth"), []byte(fmt.Sprint(level))); err != nil {
				return err
			}
		}
		return b.SetSequence(200)
	})
}

// makeSequences writes buckets with sequences: empty ones, inline ones and ones with pages.
func makeSequences(path string, seed uint64) error {
	r := newRng(seed)
	numbers := []uint64{0, 1, 255, 256, math.MaxUint32, 1 << 32, math.MaxInt64, 1 << 63, math.MaxUint64}
	return write(path, options(0), func(tx *bolt.Tx) error {
		for _, number := range numbers {
			for _, count := range []int{0, 5, 300} {
				b, err := ensurePath(tx, fmt.Sprintf("sequence-%d-keys-%d", number, count))
				if err != nil {
					return err
				}
				if err := fillBucket(b, r, count, 40); err != nil {
					return err
				}
				if err := b.SetSequence(number); err != nil {
					return err
				}
			}
		}
		b, err := ensurePath(tx, "next")
		if err != nil {
			return err
		}
		for i := 0; i < 7; i++ {
			if _, err := b.NextSequence(); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeLongNames writes buckets whose names are longer than a key may be: bbolt does not look at the length
// of a bucket's name.
func makeLongNames(path string, seed uint64) error {
	r := newRng(seed)
	name := func(first byte) string {
		return string(first) + strings.Repeat("n", 39999)
	}
	return write(path, options(0), func(tx *bolt.Tx) error {
		for _, first := range []byte("abcdefgh") {
			b, err := ensurePath(tx, name(first))
			if err != nil {
				return err
			}
			if err := fillBucket(b, r, int(first-'a')*20, 40); err != nil {
				return err
			}
		}
		b, err := ensurePath(tx, name('b'), name('x'), "short")
		if err != nil {
			return err
		}
		return fillBucket(b, r, 3, 10)
	})
}

// makeInlineLimit writes buckets that take exactly a quarter of a page, which are inline, and buckets of one
// byte more, which are not.
func makeInlineLimit(path string, seed uint64, pageSize int) error {
	r := newRng(seed)
	return write(path, options(pageSize), func(tx *bolt.Tx) error {
		for _, keys := range []int{1, 2, 7} {
			for _, more := range []int{-1, 0, 1} {
				b, err := ensurePath(tx, fmt.Sprintf("keys-%d-%s", keys, map[int]string{
					-1: "below", 0: "limit", 1: "above"}[more]))
				if err != nil {
					return err
				}
				if err := fillExactly(b, r, keys, pageSize/4+more); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// fillExactly puts pairs that make a leaf of some size.
func fillExactly(b *bolt.Bucket, r *rng, keys, size int) error {
	left := size - pageHeaderLen
	for i := 0; i < keys; i++ {
		key := []byte(fmt.Sprintf("k%d", i))
		valueLen := left/(keys-i) - elementLen - len(key)
		if i == keys-1 {
			valueLen = left - elementLen - len(key)
		}
		if err := b.Put(key, r.bytes(valueLen)); err != nil {
			return err
		}
		left -= elementLen + len(key) + valueLen
	}
	return nil
}
