// The leaves of one bucket during a transaction, as bbolt will find them when it rebalances: which keys each
// holds, how large it is, and whether something was deleted from it. The leaves are those of the last commit;
// bbolt splits and merges only when it commits.

package main

import (
	"encoding/binary"
	"errors"
	"sort"
)

type shape struct {
	pageSize int
	leaves   []*leafShape
	height   int
}

type leafShape struct {
	separator string
	sizes     map[string]int
	size      int
	deleted   bool
}

// readShape reads the leaves of a top-level bucket from a file.
func readShape(path string, bucket []byte) (*shape, error) {
	raw, err := openRaw(path)
	if err != nil {
		return nil, err
	}
	defer raw.close()
	s := &shape{pageSize: int(raw.pageSize)}
	value, err := raw.find(raw.meta.root, string(bucket))
	if err != nil {
		return nil, err
	}
	if root := binary.LittleEndian.Uint64(value); root != 0 {
		return s, s.load(raw, root, "", 1)
	}
	p, err := inlinePage(value)
	if err != nil {
		return nil, err
	}
	return s, s.addLeaf(p, "", 1)
}

// find answers the value of a key in the tree at a page.
func (r *rawFile) find(id uint64, key string) ([]byte, error) {
	p, err := r.run(id)
	if err != nil {
		return nil, err
	}
	list, err := p.elements()
	if err != nil {
		return nil, err
	}
	after := sort.Search(len(list), func(i int) bool { return string(list[i].key) > key })
	if after == 0 {
		return nil, errors.New("no such key")
	}
	found := list[after-1]
	if p.flags == branchFlag {
		return r.find(found.child, key)
	}
	if string(found.key) != key {
		return nil, errors.New("no such key")
	}
	return found.value, nil
}

func (s *shape) load(raw *rawFile, id uint64, separator string, depth int) error {
	p, err := raw.run(id)
	if err != nil {
		return err
	}
	if p.flags == leafFlag {
		return s.addLeaf(p, separator, depth)
	}
	list, err := p.elements()
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := s.load(raw, e.child, string(e.key), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (s *shape) addLeaf(p *rawPage, separator string, depth int) error {
	list, err := p.elements()
	if err != nil {
		return err
	}
	leaf := &leafShape{separator: separator, sizes: make(map[string]int, len(list)), size: pageHeaderLen}
	for _, e := range list {
		leaf.put(string(e.key), len(e.value))
	}
	s.leaves = append(s.leaves, leaf)
	s.height = depth
	return nil
}

// leafOf answers the leaf in which a key lies or would lie.
func (s *shape) leafOf(key string) *leafShape {
	after := sort.Search(len(s.leaves), func(i int) bool { return s.leaves[i].separator > key })
	if after == 0 {
		return s.leaves[0]
	}
	return s.leaves[after-1]
}

func (l *leafShape) put(key string, valueLen int) {
	l.remove(key)
	l.sizes[key] = elementLen + len(key) + valueLen
	l.size += l.sizes[key]
}

func (l *leafShape) remove(key string) {
	l.size -= l.sizes[key]
	delete(l.sizes, key)
}

// clone copies a leaf, so that a change can be taken back.
func (l *leafShape) clone() leafShape {
	sizes := make(map[string]int, len(l.sizes))
	for key, size := range l.sizes {
		sizes[key] = size
	}
	return leafShape{separator: l.separator, sizes: sizes, size: l.size, deleted: l.deleted}
}

// keys answers the keys of a leaf in order.
func (l *leafShape) keys() []string {
	keys := make([]string, 0, len(l.sizes))
	for key := range l.sizes {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// underfull says that bbolt will merge or remove this leaf if it has a parent: something was deleted from
// it, and a quarter of a page or one key is left.
func (s *shape) underfull(l *leafShape) bool {
	return l.deleted && (l.size <= s.pageSize/4 || len(l.sizes) <= 1)
}

// counts answers how many leaves lost keys, and how many of them will be merged.
func (s *shape) counts() (deleted, merging int) {
	for _, l := range s.leaves {
		if l.deleted {
			deleted++
		}
		if len(s.leaves) > 1 && s.underfull(l) {
			merging++
		}
	}
	return deleted, merging
}
