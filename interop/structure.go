// The structure check: what a file must hold so that bbolt can go on writing it, beyond what Tx.Check of
// 1.3.6 looks at. It reads the file by itself and never fails on content.
//
//  1. Keys ascend strictly within a page and stay below the parent's next separator.
//  2. A branch key is byte-equal to the first key of its child (bbolt finds its nodes by it when it spills).
//  3. No page but a bucket's root leaf is empty, and no branch has fewer than two children: bbolt asserts
//     that a parent has two when it merges one of them.
//  4. Each page below the high water, overflow pages too, is used once: by a tree, as the freelist, or free.
//  5. Page headers tell their own id and one type; elements, inline pages and free ids are in bounds.
//
// The cause unreadable is set where a tree cannot be followed safely: bbolt's recursion over it may not end.

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	maxTreeDepth = 64
	maxProblems  = 200
	maxKeyLen    = 32768
)

type structure struct {
	raw        *rawFile
	owner      []byte
	problems   []string
	omitted    int
	unreadable string
}

const (
	ownerNone = iota
	ownerTree
	ownerFreelist
	ownerFree
)

var ownerNames = [...]string{"nothing", "a tree", "the freelist", "a free page"}

// keyRange is what a parent demands of a child: its first key, and the separator that follows, if any.
type keyRange struct {
	first, end []byte
	isRoot     bool
}

// checkStructure walks the whole file.
func checkStructure(raw *rawFile) *structure {
	s := &structure{raw: raw, owner: make([]byte, raw.pageCount())}
	s.metas()
	s.freelist()
	s.tree(raw.meta.root, keyRange{isRoot: true}, 1)
	s.accounts()
	if s.omitted > 0 {
		s.problems = append(s.problems, fmt.Sprintf("structure: and %d more", s.omitted))
	}
	return s
}

func (s *structure) problem(format string, args ...interface{}) {
	if len(s.problems) >= maxProblems {
		s.omitted++
		return
	}
	s.problems = append(s.problems, "structure: "+fmt.Sprintf(format, args...))
}

// broken notes a problem that makes the file unreadable.
func (s *structure) broken(format string, args ...interface{}) {
	if s.unreadable == "" {
		s.unreadable = fmt.Sprintf(format, args...)
	}
	s.problem(format, args...)
}

// metas looks at what lies around the metas; that one of them is damaged is no problem, the other one counts.
func (s *structure) metas() {
	for i := uint64(0); i < 2; i++ {
		var page [pageHeaderLen + metaLen]byte
		if _, err := s.raw.file.ReadAt(page[:], int64(i*s.raw.pageSize)); err != nil {
			s.problem("meta %d: %v", i, err)
			continue
		}
		header := decodePageHeader(page[:])
		if header.id != i || header.flags != metaFlag {
			s.problem("meta %d: its page header says id %d, flags %#x", i, header.id, header.flags)
		}
		if m := s.raw.metas[i]; m.checksum == 0 && s.raw.metaErrs[i] == errChecksum {
			s.problem("meta %d: the stored checksum is 0, which bbolt 1.3 takes for valid", i)
		}
	}
	if end := s.raw.meta.highWater; end > s.raw.size/s.raw.pageSize {
		s.broken("the file holds %d pages, its meta says %d", s.raw.size/s.raw.pageSize, end)
	}
}

// claim gives the pages [id, id+count) to an owner; false if one of them has an owner already.
func (s *structure) claim(id, count uint64, owner byte) bool {
	free := true
	for i := id; i < id+count; i++ {
		if was := s.owner[i]; was != ownerNone {
			s.problem("page %d: used by %s and by %s", i, ownerNames[was], ownerNames[owner])
			free = false
		}
		s.owner[i] = owner
	}
	return free
}

func (s *structure) freelist() {
	if s.raw.meta.freelist == noFreelist {
		return
	}
	p, err := s.raw.run(s.raw.meta.freelist)
	if err != nil {
		s.broken("freelist: %v", err)
		return
	}
	s.claim(s.raw.meta.freelist, p.overflow+1, ownerFreelist)
	if p.id != s.raw.meta.freelist || p.flags != freelistFlag {
		s.broken("freelist page %d: its header says id %d, flags %#x", s.raw.meta.freelist, p.id, p.flags)
		return
	}
	ids, err := p.freeIDs()
	if err != nil {
		s.broken("freelist page %d: %v", p.id, err)
		return
	}
	for i, id := range ids {
		if i > 0 && id <= ids[i-1] {
			s.problem("freelist: id %d does not ascend", id)
		}
		if id < 2 || id >= s.raw.pageCount() {
			s.broken("freelist: id %d outside of [2, %d)", id, s.raw.pageCount())
			continue
		}
		s.claim(id, 1, ownerFree)
	}
}

// accounts finds the pages that nothing uses. Without a freelist on disk they are the free ones.
func (s *structure) accounts() {
	if s.raw.meta.freelist == noFreelist || s.unreadable != "" {
		return
	}
	for id := 2; id < len(s.owner); id++ {
		if s.owner[id] == ownerNone {
			s.problem("page %d: neither used nor free", id)
		}
	}
}

// tree checks the subtree at a page.
func (s *structure) tree(id uint64, keys keyRange, depth int) {
	p, err := s.raw.run(id)
	if err != nil {
		s.broken("%v", err)
		return
	}
	if depth > maxTreeDepth {
		s.broken("page %d: more than %d pages deep", id, maxTreeDepth)
		return
	}
	if !s.claim(id, p.overflow+1, ownerTree) {
		s.broken("page %d: a tree ends here", id)
		return
	}
	if p.id != id || (p.flags != branchFlag && p.flags != leafFlag) {
		s.broken("page %d: its header says id %d, flags %#x", id, p.id, p.flags)
		return
	}
	list, err := p.elements()
	if err != nil {
		s.broken("page %d: %v", id, err)
		return
	}
	where := fmt.Sprintf("page %d", id)
	s.keys(where, list, keys)
	if p.flags == leafFlag {
		s.leaf(where, list, keys)
	} else {
		s.branch(where, list, keys, depth)
	}
}

// keys holds the keys of a page against each other and against what the parent demands.
func (s *structure) keys(where string, list []rawElement, keys keyRange) {
	for i, e := range list {
		if len(e.key) == 0 {
			s.problem("%s: key %d is empty", where, i)
		}
		if i > 0 && bytes.Compare(list[i-1].key, e.key) >= 0 {
			s.problem("%s: key %d (%s) does not ascend", where, i, shortHex(e.key))
		}
	}
	if len(list) == 0 {
		return
	}
	if first := list[0].key; !keys.isRoot && !bytes.Equal(first, keys.first) {
		s.problem("%s: first key %s, but its parent says %s", where, shortHex(first), shortHex(keys.first))
	}
	if last := list[len(list)-1].key; keys.end != nil && bytes.Compare(last, keys.end) >= 0 {
		s.problem("%s: last key %s is not below the next separator %s", where, shortHex(last), shortHex(keys.end))
	}
}

func (s *structure) branch(where string, list []rawElement, keys keyRange, depth int) {
	if len(list) == 0 {
		s.broken("%s: a branch without children", where)
	}
	if len(list) == 1 {
		s.problem("%s: a branch with one child", where)
	}
	for i, e := range list {
		child := keyRange{first: e.key, end: keys.end}
		if i+1 < len(list) {
			child.end = list[i+1].key
		}
		s.tree(e.child, child, depth+1)
	}
}

func (s *structure) leaf(where string, list []rawElement, keys keyRange) {
	if len(list) == 0 && !keys.isRoot {
		s.problem("%s: an empty leaf below a branch", where)
	}
	for i, e := range list {
		switch {
		case e.flags == bucketElement:
			s.bucket(fmt.Sprintf("%s: bucket %d", where, i), e.value)
		case e.flags != 0:
			s.problem("%s: element %d has flags %#x", where, i, e.flags)
		case len(e.key) > maxKeyLen:
			s.problem("%s: key %d has %d bytes", where, i, len(e.key))
		}
	}
}

// bucket checks a bucket by its value, which names its root page or holds its only page.
func (s *structure) bucket(where string, value []byte) {
	if len(value) < bucketHeaderLen {
		s.broken("%s: a value of %d bytes", where, len(value))
		return
	}
	if root := binary.LittleEndian.Uint64(value); root != 0 {
		if len(value) != bucketHeaderLen {
			s.problem("%s: root %d in a value of %d bytes", where, root, len(value))
		}
		s.tree(root, keyRange{isRoot: true}, 1)
		return
	}
	p, err := inlinePage(value)
	if err != nil {
		s.broken("%s: %v", where, err)
		return
	}
	list, err := p.elements()
	if err != nil {
		s.broken("%s: %v", where, err)
		return
	}
	s.keys(where, list, keyRange{isRoot: true})
	for i, e := range list {
		if e.flags != 0 {
			s.problem("%s: element %d of an inline page has flags %#x", where, i, e.flags)
		}
	}
}

// shortHex shows the beginning of a key.
func shortHex(key []byte) string {
	if len(key) > 24 {
		return fmt.Sprintf("%x..(%d bytes)", key[:24], len(key))
	}
	return fmt.Sprintf("%x", key)
}
