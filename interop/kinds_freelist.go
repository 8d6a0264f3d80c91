// Feature files about the freelist: of one page, of several, at the lengths where its count changes form, and
// none at all.

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	bolt "go.etcd.io/bbolt"
)

func joinLines(lines []string) string { return strings.Join(lines, "\n") + "\n" }

// scatteredFree writes a tree and deletes every other group of its keys, so that the free ids have gaps.
func scatteredFree(path string, seed uint64, options *bolt.Options, keys int) error {
	r := newRng(seed)
	return write(path, options, func(tx *bolt.Tx) error {
		b, err := ensurePath(tx, "scattered")
		if err != nil {
			return err
		}
		return fillBucket(b, r, keys, 200)
	}, func(tx *bolt.Tx) error {
		return deleteKeys(tx.Bucket([]byte("scattered")), keys, func(i int) bool { return i/32%2 == 0 })
	})
}

func makeFreelistShort(path string, seed uint64) error {
	return scatteredFree(path, seed, options(0), 600)
}

func makeFreelistPages(path string, seed uint64) error {
	return scatteredFree(path, seed, options(1024), 12000)
}

func makeNoFreelistSync(path string, seed uint64) error {
	o := options(0)
	o.NoFreelistSync = true
	return scatteredFree(path, seed, o, 2000)
}

// makeFreelistCount writes a file whose list on disk holds exactly so many ids: a long value is dropped, and
// its length corrected by what the first trial leaves.
func makeFreelistCount(path string, count int) error {
	const pageSize = 1024
	for trial, pages := 0, count-100; trial < 4; trial++ {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := dropLongValue(path, pageSize, pages); err != nil {
			return err
		}
		found, err := punchFreePages(path)
		if err != nil || found == count {
			return err
		}
		pages += count - found
	}
	return fmt.Errorf("no file with %d free ids", count)
}

func dropLongValue(path string, pageSize, pages int) error {
	return write(path, options(pageSize), func(tx *bolt.Tx) error {
		b, err := ensurePath(tx, "long")
		if err != nil {
			return err
		}
		return b.Put([]byte("long"), make([]byte, pages*pageSize))
	}, func(tx *bolt.Tx) error {
		if _, err := ensurePath(tx, "kept"); err != nil {
			return err
		}
		return tx.DeleteBucket([]byte("long"))
	})
}

// punchFreePages takes the free pages' room on the disk back, where the file system can, and answers how
// many there are. bbolt never reads them.
func punchFreePages(path string) (int, error) {
	raw, err := openRaw(path)
	if err != nil {
		return 0, err
	}
	defer raw.close()
	p, err := raw.run(raw.meta.freelist)
	if err != nil {
		return 0, err
	}
	ids, err := p.freeIDs()
	if err != nil {
		return 0, err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	const punchHole, keepSize = 0x02, 0x01
	for first := 0; first < len(ids); {
		end := first + 1
		for end < len(ids) && ids[end] == ids[end-1]+1 {
			end++
		}
		offset, length := int64(ids[first]*raw.pageSize), int64(uint64(end-first)*raw.pageSize)
		if err := syscall.Fallocate(int(file.Fd()), punchHole|keepSize, offset, length); err != nil {
			return len(ids), nil
		}
		first = end
	}
	return len(ids), nil
}
