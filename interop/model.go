// What the generator of mixed workloads knows of the content: which names each bucket holds, and which of
// them are buckets. Names stand in a list, so that one can be chosen by a number.

package main

type modelBucket struct {
	names    []string
	place    map[string]int
	children map[string]*modelBucket
}

func newModelBucket() *modelBucket {
	return &modelBucket{place: map[string]int{}, children: map[string]*modelBucket{}}
}

func (b *modelBucket) has(name string) bool {
	_, found := b.place[name]
	return found
}

// add notes a name; child is nil for a plain key.
func (b *modelBucket) add(name string, child *modelBucket) {
	if !b.has(name) {
		b.place[name] = len(b.names)
		b.names = append(b.names, name)
	}
	if child != nil {
		b.children[name] = child
	}
}

func (b *modelBucket) remove(name string) {
	at, last := b.place[name], len(b.names)-1
	b.names[at] = b.names[last]
	b.place[b.names[at]] = at
	b.names = b.names[:last]
	delete(b.place, name)
	delete(b.children, name)
}

// pick answers a plain key or a bucket's name; false if a few trials find none.
func (b *modelBucket) pick(r *rng, wantBucket bool) (string, bool) {
	if len(b.names) == 0 {
		return "", false
	}
	for trial := 0; trial < 8; trial++ {
		name := b.names[r.below(len(b.names))]
		if (b.children[name] != nil) == wantBucket {
			return name, true
		}
	}
	return "", false
}

// bucketCount answers how many buckets there are below this one.
func (b *modelBucket) bucketCount() int {
	count := len(b.children)
	for _, child := range b.children {
		count += child.bucketCount()
	}
	return count
}

// clone copies a bucket with all that it holds, for the way back after a rollback.
func (b *modelBucket) clone() *modelBucket {
	c := newModelBucket()
	for _, name := range b.names {
		child := b.children[name]
		if child != nil {
			child = child.clone()
		}
		c.add(name, child)
	}
	return c
}
