// The check: faults are planted in a sound file, one at a time, and each must be found.

package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// damaged is a file of 1024-byte pages held in memory, with the places where faults are planted.
type damaged struct {
	data     []byte
	meta     rawMeta
	root     uint64
	branch   uint64
	leaf     uint64
	run      uint64
	freelist uint64
}

const faultPageSize = 1024

var little = binary.LittleEndian

// page answers the bytes from a page on.
func (d *damaged) page(id uint64) []byte { return d.data[id*faultPageSize:] }

// element answers the header of an element of a page.
func (d *damaged) element(id uint64, index int) []byte {
	return d.page(id)[pageHeaderLen+index*elementLen:]
}

// key answers the first byte of the key of an element, in a leaf or a branch.
func (d *damaged) key(id uint64, index int) []byte {
	element, at := d.element(id, index), 0
	if little.Uint16(d.page(id)[8:]) == leafFlag {
		at = 4
	}
	return element[little.Uint32(element[at:]):]
}

func (d *damaged) count(id uint64) int { return int(little.Uint16(d.page(id)[10:])) }

func (d *damaged) setCount(id uint64, count int) { little.PutUint16(d.page(id)[10:], uint16(count)) }

// loadDamaged finds the places in a sound file.
func loadDamaged(t *testing.T, path string) *damaged {
	t.Helper()
	raw, err := openRaw(path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.close()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	value, err := raw.find(raw.meta.root, "large")
	if err != nil {
		t.Fatal(err)
	}
	d := &damaged{data: data, meta: raw.meta, root: raw.meta.root, branch: little.Uint64(value)}
	d.freelist = raw.meta.freelist
	for d.leaf = d.branch; little.Uint16(d.page(d.leaf)[8:]) == branchFlag; {
		d.branch = d.leaf
		d.leaf = little.Uint64(d.element(d.leaf, 0)[8:])
	}
	for id := uint64(2); id < raw.meta.highWater; id++ {
		if p, err := raw.run(id); err == nil && p.id == id && p.flags == leafFlag && p.overflow > 3 {
			d.run = id
			break
		}
	}
	if d.leaf == d.branch || d.run == 0 {
		t.Fatal("the file has no branch or no overflow")
	}
	return d
}

// faults are what the structure check must find, each with a part of the sentence it says.
var faults = []struct {
	name  string
	plant func(d *damaged)
	want  string
}{
	{"two keys change places", func(d *damaged) { d.key(d.leaf, 1)[9] += 5 }, "does not ascend"},
	{"a separator is shortened", func(d *damaged) { d.key(d.branch, 1)[9]-- }, "but its parent says"},
	{"a leaf below a branch is empty", func(d *damaged) { d.setCount(d.leaf, 0) }, "an empty leaf below"},
	{"a branch has one child", func(d *damaged) { d.setCount(d.branch, 1) }, "a branch with one child"},
	{"a branch has no child", func(d *damaged) { d.setCount(d.branch, 0) }, "a branch without children"},
	{"a key passes the next separator", func(d *damaged) { d.key(d.leaf, d.count(d.leaf)-1)[4] = '9' },
		"is not below the next separator"},
	{"a key is empty", func(d *damaged) { little.PutUint32(d.element(d.leaf, 0)[8:], 0) }, "key 0 is empty"},
	{"a free page is forgotten", func(d *damaged) { d.setCount(d.freelist, d.count(d.freelist)-1) },
		"neither used nor free"},
	{"an overflow page is free", func(d *damaged) { little.PutUint64(d.page(d.freelist)[16:], d.run+1) },
		"used by a free page and by a tree"},
	{"a free id stands twice", func(d *damaged) {
		copy(d.page(d.freelist)[24:32], d.page(d.freelist)[16:24])
	}, "does not ascend"},
	{"a free id is past the high water", func(d *damaged) {
		little.PutUint64(d.page(d.freelist)[16:], d.meta.highWater)
	}, "freelist: id"},
	{"the freelist is another page", func(d *damaged) { d.page(d.freelist)[8] = leafFlag }, "its header says"},
	{"the freelist is longer than its run", func(d *damaged) { d.setCount(d.freelist, 0xFFFE) }, "free ids in"},
	{"a branch leads to itself", func(d *damaged) { little.PutUint64(d.element(d.branch, 1)[8:], d.branch) },
		"used by a tree and by a tree"},
	{"a branch leads to the root", func(d *damaged) { little.PutUint64(d.element(d.branch, 1)[8:], d.root) },
		"used by a tree and by a tree"},
	{"a child is past the high water", func(d *damaged) {
		little.PutUint64(d.element(d.branch, 1)[8:], d.meta.highWater)
	}, "outside of"},
	{"a child is far away", func(d *damaged) { little.PutUint64(d.element(d.branch, 1)[8:], 1<<60) },
		"outside of"},
	{"a page has another id", func(d *damaged) { d.page(d.leaf)[0]++ }, "its header says id"},
	{"a page has two types", func(d *damaged) { d.page(d.leaf)[8] = branchFlag | leafFlag }, "its header says"},
	{"a run is longer than the file", func(d *damaged) { little.PutUint32(d.page(d.leaf)[12:], 1<<30) },
		"reaches past"},
	{"an element lies outside", func(d *damaged) { little.PutUint32(d.element(d.leaf, 0)[4:], 1<<20) },
		"lie outside of"},
	{"an element has unknown flags", func(d *damaged) { d.element(d.leaf, 0)[0] = 8 }, "has flags 0x8"},
	{"a value becomes a bucket", func(d *damaged) { d.element(d.leaf, 1)[0] = bucketElement }, "bucket 1"},
	{"a meta page has another id", func(d *damaged) { d.page(1)[0] = 7 }, "meta 1: its page header says id 7"},
	{"a checksum is zero", func(d *damaged) { little.PutUint64(d.page(0)[72:], 0) }, "stored checksum is 0"},
	{"both metas are damaged", func(d *damaged) { d.page(0)[60] ^= 1; d.page(1)[60] ^= 1 }, "open: "},
	{"the file is cut", func(d *damaged) { d.data = d.data[:20*faultPageSize] }, "the file holds 20 pages"},
}

// TestTheCheckFindsEveryPlantedFault also asks for a dump: no damage may end the process.
func TestTheCheckFindsEveryPlantedFault(t *testing.T) {
	sound := made(t, "pagesize-1024")
	for _, fault := range faults {
		d := loadDamaged(t, sound)
		fault.plant(d)
		path := filepath.Join(t.TempDir(), "damaged.db")
		if err := os.WriteFile(path, d.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if problems := strings.Join(check(path), "\n"); !strings.Contains(problems, fault.want) {
			t.Errorf("%s: not found in %q", fault.name, problems)
		}
		if _, err := dump(path); (err != nil) != (requireReadable(path) != nil) {
			t.Errorf("%s: the dump says %v", fault.name, err)
		}
	}
}

// TestADeathOfTxCheckIsAProblem uses a freelist page of another type: bbolt panics in a goroutine of its own.
func TestADeathOfTxCheckIsAProblem(t *testing.T) {
	d := loadDamaged(t, made(t, "pagesize-1024"))
	d.page(d.freelist)[8] = leafFlag
	path := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(path, d.data, 0o600); err != nil {
		t.Fatal(err)
	}
	if problems := strings.Join(check(path), "\n"); !strings.Contains(problems, "Tx.Check: died: panic: ") {
		t.Errorf("not found in %q", problems)
	}
}

// TestBboltPanicsOverABranchWithOneChild is why such a branch is a problem, though bbolt reads it; and a
// panic in a commit must let the file go.
func TestBboltPanicsOverABranchWithOneChild(t *testing.T) {
	d := loadDamaged(t, made(t, "pagesize-1024"))
	d.setCount(d.branch, 1)
	script := []string{"open nosync=1", "begin"}
	for i := 1; i < d.count(d.leaf); i++ {
		key := d.key(d.leaf, i)[:little.Uint32(d.element(d.leaf, i)[8:])]
		script = append(script, "del "+formatBytes([]byte("large"))+" "+formatBytes(key))
	}
	path := filepath.Join(t.TempDir(), "damaged.db")
	if err := os.WriteFile(path, d.data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := apply(path, joinLines(append(script, "commit")), "")
	if err == nil || !strings.Contains(err.Error(), "parent must have at least 2 children") {
		t.Errorf("the commit says %v", err)
	}
	if _, err := apply(path, "open nosync=1\n", ""); err != nil {
		t.Errorf("after the panic: %v", err)
	}
}
