// The profile "mixed": everything a script can say, over nested buckets. bbolt's bytes for it differ from run
// to run; its content does not.

package main

import (
	"sort"
	"strconv"
)

const maxNesting = 6

type mixer struct {
	*script
	pageSize int
	root     *modelBucket
	left     int
	// most is how many buckets there may be: few of them grow into trees, many stay small.
	most int
}

// place is a bucket of the model with its path.
type place struct {
	bucket *modelBucket
	path   [][]byte
}

func (p place) word() string { return formatPath(p.path...) }

func (p place) below(name string) string {
	return formatPath(append(append([][]byte(nil), p.path...), []byte(name))...)
}

func mixedWorkload(s *script, options scriptOptions, ops int) error {
	m := &mixer{script: s, pageSize: options.pageSize, root: newModelBucket(), left: ops}
	m.most = []int{2, 8, 40}[m.below(3)]
	for m.left > 0 {
		m.transaction()
		if m.chance(4) {
			m.add("reopen")
		}
	}
	return nil
}

func (m *mixer) transaction() {
	before := m.root.clone()
	m.add("begin")
	count := m.between(0, 30)
	if m.chance(5) {
		count = m.between(100, 300)
	}
	for ; count > 0 && m.left > 0; count-- {
		m.operation()
	}
	m.left--
	if m.chance(12) {
		m.add("rollback")
		m.root = before
		return
	}
	m.add("commit")
}

// operation adds one operation, or a few of a kind.
func (m *mixer) operation() {
	at, found := m.somewhere()
	if !found {
		m.createBucket(place{bucket: m.root})
		return
	}
	switch roll := m.below(100); {
	case roll < 42:
		m.putNew(at)
	case roll < 53:
		m.overwrite(at)
	case roll < 57:
		m.putLong(at)
	case roll < 75:
		m.deleteOne(at)
	case roll < 77:
		m.deleteRange(at)
	case roll < 79:
		m.deleteMissing(at)
	case roll < 86:
		m.createBucket(at)
	case roll < 88:
		m.ensureBucket(at)
	case roll < 91:
		m.dropBucket(at)
	case roll < 94:
		m.setSequence(at)
	case roll < 98:
		m.emit("nextseq", at.word())
	default:
		m.emit("fill", at.word(), []string{"0.1", "0.3", "0.5", "0.8", "1.0"}[m.below(5)])
	}
}

func (m *mixer) emit(words ...string) {
	m.add(words...)
	m.left--
}

// somewhere walks to a bucket below the root.
func (m *mixer) somewhere() (place, bool) {
	at := place{bucket: m.root}
	for len(at.path) == 0 || m.chance(55) {
		name, found := at.bucket.pick(m.rng, true)
		if !found {
			break
		}
		at = place{bucket: at.bucket.children[name], path: append(at.path, []byte(name))}
	}
	return at, len(at.path) > 0
}

// key answers a name: mostly short, sometimes a good part of a page, rarely longer than a page.
func (m *mixer) key() string {
	switch roll := m.below(200); {
	case roll < 110:
		return string(m.text(m.between(1, 6)))
	case roll < 190:
		return string(m.bytes(m.between(1, 30)))
	case roll < 199:
		return string(m.text(m.between(30, m.pageSize/3)))
	default:
		return string(m.text(m.between(m.pageSize/2, m.pageSize*3/2) & 0x7FFF))
	}
}

func (m *mixer) putNew(at place) {
	key := m.key()
	if key == "" || at.bucket.children[key] != nil {
		return
	}
	at.bucket.add(key, nil)
	m.emit("put", at.word(), formatBytes([]byte(key)), m.value(m.valueLen(m.pageSize)))
}

// putRun puts neighbours in key order.
func (m *mixer) putRun(at place) {
	if len(at.path) == 0 {
		return
	}
	prefix := m.text(m.between(1, 8))
	for i := m.between(2, 40); i > 0; i-- {
		key := string(prefix) + strconv.Itoa(1000+i)
		if at.bucket.children[key] == nil {
			at.bucket.add(key, nil)
			m.emit("put", at.word(), formatBytes([]byte(key)), m.value(m.valueLen(m.pageSize)))
		}
	}
}

func (m *mixer) overwrite(at place) {
	if key, found := at.bucket.pick(m.rng, false); found {
		m.emit("put", at.word(), formatBytes([]byte(key)), m.value(m.valueLen(m.pageSize)))
	}
}

func (m *mixer) putLong(at place) {
	key := m.key()
	if at.bucket.children[key] == nil && key != "" {
		at.bucket.add(key, nil)
		m.addPutLen(at.word(), formatBytes([]byte(key)), m.overflowLen(m.pageSize))
		m.left--
	}
}

func (m *mixer) deleteOne(at place) {
	if key, found := at.bucket.pick(m.rng, false); found {
		m.delete(at, key)
	}
}

func (m *mixer) delete(at place, key string) {
	at.bucket.remove(key)
	m.emit("del", at.word(), formatBytes([]byte(key)))
}

// deleteRange deletes neighbours in key order, so that leaves run empty and merge.
func (m *mixer) deleteRange(at place) {
	var keys []string
	for _, name := range at.bucket.names {
		if at.bucket.children[name] == nil {
			keys = append(keys, name)
		}
	}
	if len(keys) == 0 {
		return
	}
	sort.Strings(keys)
	first := m.below(len(keys))
	for _, key := range keys[first:m.between(first, len(keys)-1)] {
		m.delete(at, key)
	}
}

func (m *mixer) deleteMissing(at place) {
	if key := m.key(); key != "" && !at.bucket.has(key) {
		m.emit("del", at.word(), formatBytes([]byte(key)))
	}
}

// createBucket creates a bucket there, or in the root bucket now and then.
func (m *mixer) createBucket(at place) {
	if len(at.path) >= maxNesting || m.chance(20) {
		at = place{bucket: m.root}
	}
	name := m.key()
	if m.root.bucketCount() >= m.most {
		m.putRun(at)
		return
	}
	if name == "" || at.bucket.has(name) {
		return
	}
	at.bucket.add(name, newModelBucket())
	m.emit("create", at.below(name))
}

func (m *mixer) ensureBucket(at place) {
	if name, found := at.bucket.pick(m.rng, true); found {
		m.emit("ensure", at.below(name))
	}
}

// dropBucket drops a bucket of this one, seldom a top-level bucket.
func (m *mixer) dropBucket(at place) {
	if m.chance(10) {
		at = place{bucket: m.root}
	}
	if name, found := at.bucket.pick(m.rng, true); found {
		at.bucket.remove(name)
		m.emit("drop", at.below(name))
	}
}

func (m *mixer) setSequence(at place) {
	sequence := m.next() >> uint(m.below(64))
	m.emit("seq", at.word(), strconv.FormatUint(sequence, 10))
}
