// Feature files about pages: every page size, overflow, tall trees, what deletes leave, damaged metas.

package main

import (
	"fmt"
	"os"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

// makePageSize writes mixed content with some page size: a tree of a few levels, overflow, inline and nested
// buckets, an empty one, deleted and overwritten keys.
func makePageSize(path string, seed uint64, pageSize int) error {
	r := newRng(seed)
	return write(path, options(pageSize), func(tx *bolt.Tx) error {
		large, err := ensurePath(tx, "large")
		if err != nil {
			return err
		}
		if err := fillBucket(large, r, 2000, pageSize/20); err != nil {
			return err
		}
		inline, err := ensurePath(tx, "large", "inline")
		if err != nil {
			return err
		}
		if err := fillBucket(inline, r, 3, 20); err != nil {
			return err
		}
		nested, err := ensurePath(tx, "outer", "middle", "inner")
		if err != nil {
			return err
		}
		if _, err := ensurePath(tx, "void"); err != nil {
			return err
		}
		return fillBucket(nested, r, 200, pageSize/10)
	}, func(tx *bolt.Tx) error {
		large := tx.Bucket([]byte("large"))
		if err := deleteKeys(large, 2000, func(i int) bool { return i%7 == 0 || i/100 == 5 }); err != nil {
			return err
		}
		if err := large.SetSequence(uint64(pageSize)); err != nil {
			return err
		}
		for i := 1; i <= 5; i++ {
			if err := large.Put([]byte(fmt.Sprintf("overflow-%d", i)), r.bytes(i*pageSize)); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeOverflowValues writes leaves of one pair that fill whole pages exactly, or by a byte less or more, and
// long values among short ones.
func makeOverflowValues(path string, seed uint64) error {
	const pageSize = 4096
	r := newRng(seed)
	return write(path, options(pageSize), func(tx *bolt.Tx) error {
		for _, pages := range []int{1, 2, 3, 16, 17} {
			for more := -1; more <= 1; more++ {
				b, err := ensurePath(tx, fmt.Sprintf("pages-%d%+d", pages, more))
				if err != nil {
					return err
				}
				if err := fillExactly(b, r, 1, pages*pageSize+more); err != nil {
					return err
				}
			}
		}
		b, err := ensurePath(tx, "long")
		if err != nil {
			return err
		}
		for i := 0; i < 60; i++ {
			if err := b.Put(numberedKey(i), r.bytes(i%4*i*200)); err != nil {
				return err
			}
		}
		return b.Put([]byte("megabyte"), r.bytes(1<<20))
	})
}

// makeOverflowKeys writes keys up to the longest that bbolt takes, so many that branches overflow too.
func makeOverflowKeys(path string, seed uint64) error {
	r := newRng(seed)
	return write(path, options(4096), func(tx *bolt.Tx) error {
		b, err := ensurePath(tx, "keys")
		if err != nil {
			return err
		}
		for _, length := range []int{1, 2000, 4096, 5000, 32767, 32768} {
			for i := 0; i < 14; i++ {
				key := r.text(length)
				if err := b.Put(key, []byte(strconv.Itoa(length))); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// makeTallTree writes a tree of many levels: long keys on small pages.
func makeTallTree(path string, seed uint64) error {
	r := newRng(seed)
	return write(path, options(1024), func(tx *bolt.Tx) error {
		b, err := ensurePath(tx, "tall")
		if err != nil {
			return err
		}
		for i := 0; i < 1500; i++ {
			if err := b.Put(r.text(250), r.bytes(r.between(0, 30))); err != nil {
				return err
			}
		}
		return nil
	})
}

// makeAlmostEmpty fills a bucket and deletes all but three keys over several transactions.
func makeAlmostEmpty(path string, seed uint64) error {
	r := newRng(seed)
	steps := []func(tx *bolt.Tx) error{func(tx *bolt.Tx) error {
		b, err := ensurePath(tx, "almost")
		if err != nil {
			return err
		}
		return fillBucket(b, r, 5000, 100)
	}}
	for step := 0; step < 8; step++ {
		step := step
		steps = append(steps, func(tx *bolt.Tx) error {
			return deleteKeys(tx.Bucket([]byte("almost")), 5000, func(i int) bool {
				return i%8 == step && i != 17 && i != 2500 && i != 4999
			})
		})
	}
	return write(path, options(0), steps...)
}

// makeMixed writes what a random mixed workload leaves.
func makeMixed(path string, seed uint64) error {
	lines, err := workload(seed, 1500, "mixed", nil)
	if err != nil {
		return err
	}
	_, err = apply(path, joinLines(lines), "")
	return err
}

// makeMetaFile writes a file whose newest meta is the one asked for: a new file ends with transaction 1, and
// each step is one more.
func makeMetaFile(path string, seed uint64, newest int) error {
	r := newRng(seed)
	step := func(tx *bolt.Tx) error {
		b, err := ensurePath(tx, "transaction-"+strconv.Itoa(tx.ID()))
		if err != nil {
			return err
		}
		return fillBucket(b, r, 100, 40)
	}
	steps := []func(tx *bolt.Tx) error{step, step}
	if newest == 0 {
		steps = append(steps, step)
	}
	return write(path, options(8192), steps...)
}

// makeMeta0Damaged writes a file whose newest meta is the first, and damages it: the one before is valid.
func makeMeta0Damaged(path string, seed uint64) error {
	if err := makeMetaFile(path, seed, 0); err != nil {
		return err
	}
	return damageMeta(path, 0)
}

// makeMeta1Damaged does the same with the second.
func makeMeta1Damaged(path string, seed uint64) error {
	if err := makeMetaFile(path, seed, 1); err != nil {
		return err
	}
	return damageMeta(path, 1)
}

func damageMeta(path string, index int64) error {
	return editMetas(path, func(metas *[2][metaLen]byte) { metas[index][20] ^= 0x40 })
}

// makeMetasSwapped puts the metas into each other's page: the transaction ids do not fit the page ids.
func makeMetasSwapped(path string, seed uint64) error {
	if err := makeMetaFile(path, seed, 1); err != nil {
		return err
	}
	return editMetas(path, func(metas *[2][metaLen]byte) { metas[0], metas[1] = metas[1], metas[0] })
}

// editMetas changes the metas of a file, but not the headers of their pages.
func editMetas(path string, edit func(metas *[2][metaLen]byte)) error {
	pageSize := pageSizeOf(path)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	var metas [2][metaLen]byte
	for i := range metas {
		if _, err := file.ReadAt(metas[i][:], int64(i*pageSize+pageHeaderLen)); err != nil {
			return err
		}
	}
	edit(&metas)
	for i := range metas {
		if _, err := file.WriteAt(metas[i][:], int64(i*pageSize+pageHeaderLen)); err != nil {
			return err
		}
	}
	return nil
}
