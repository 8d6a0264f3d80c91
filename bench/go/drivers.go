// The work itself, step for step as in src/drivers.rs.

package main

import (
	"fmt"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

const (
	openNsMax    = 2_000_000_000
	openCountMin = 5
	writerSeed   = 0x57
)

var bucketName = []byte("bench")

func openDB(s *spec) *bolt.DB {
	// With NoGrowSync, too, nothing at all waits for the disk.
	options := &bolt.Options{Timeout: 10 * time.Second, NoSync: !s.durable, NoGrowSync: !s.durable}
	db, err := bolt.Open(s.path, 0o600, options)
	must(err)
	return db
}

func begin(db *bolt.DB, writable bool) (*bolt.Tx, *bolt.Bucket) {
	tx, err := db.Begin(writable)
	must(err)
	bucket := tx.Bucket(bucketName)
	if bucket == nil && writable {
		bucket, err = tx.CreateBucket(bucketName)
		must(err)
	}
	if bucket == nil {
		must(fmt.Errorf("there is no bucket"))
	}
	return tx, bucket
}

func run(s spec) []outcome {
	if s.action == "open" {
		return open(&s)
	}
	db := openDB(&s)
	k := newKeys(s.keys, s.decimal)
	var outcomes []outcome
	wrote := false
	switch s.action {
	case "load", "put", "delete":
		outcomes, wrote = []outcome{write(db, &s, &k)}, true
	case "get":
		outcomes = []outcome{get(db, &s, &k)}
	case "scan", "scan-back":
		outcomes = []outcome{scan(db, &s)}
	case "seek":
		outcomes = []outcome{seek(db, &s, &k)}
	case "mixed":
		outcomes, wrote = mixed(db, &s, &k), true
	case "dump":
		outcomes = []outcome{dump(db, &s)}
	default:
		must(fmt.Errorf("%s: no such action", s.action))
	}
	if wrote {
		must(db.Sync())
	}
	must(db.Close())
	return outcomes
}

func (s *spec) indexAt(k *keys, step uint64) uint64 {
	switch s.order {
	case "sorted":
		return step
	case "shuffled":
		return k.shuffled(s.seed, step)
	}
	return k.draw(s.seed, step)
}

func (s *spec) batchEnd(step uint64) uint64 {
	if s.batch == 0 || step+s.batch > s.count {
		return s.count
	}
	return step + s.batch
}

func write(db *bolt.DB, s *spec, k *keys) outcome {
	v := newValues(s.valueLen)
	var key [keyLen]byte
	var step, commits uint64
	m := startMeter(s.path)
	for step < s.count {
		end := s.batchEnd(step)
		tx, bucket := begin(db, true)
		for ; step < end; step++ {
			index := s.indexAt(k, step)
			k.key(index, &key)
			switch s.action {
			case "load":
				must(bucket.Put(key[:], v.value(index, 0)))
			case "put":
				must(bucket.Put(key[:], v.value(index, step+1)))
			default:
				must(bucket.Delete(key[:]))
			}
		}
		must(tx.Commit())
		commits++
	}
	o := m.stop("main")
	o.ops, o.commits = step, commits
	return o
}

func getAll(db *bolt.DB, s *spec, k *keys, look func(key, value []byte) uint64) uint64 {
	var key [keyLen]byte
	var sum, step uint64
	for step < s.count {
		end := s.batchEnd(step)
		tx, bucket := begin(db, false)
		for ; step < end; step++ {
			k.key(s.indexAt(k, step), &key)
			value := bucket.Get(key[:])
			if value == nil {
				must(fmt.Errorf("key %x is not there", key))
			}
			sum += look(key[:], value)
		}
		must(tx.Rollback())
	}
	return sum
}

func get(db *bolt.DB, s *spec, k *keys) outcome {
	m := startMeter(s.path)
	sum := getAll(db, s, k, entrySum)
	o := m.stop("main")
	o.ops, o.sum = s.count, sum
	return o
}

func walkForward(c *bolt.Cursor) (ops, sum uint64) {
	for key, value := c.First(); key != nil; key, value = c.Next() {
		sum += entrySum(key, value)
		ops++
	}
	return ops, sum
}

func walkBackward(c *bolt.Cursor) (ops, sum uint64) {
	for key, value := c.Last(); key != nil; key, value = c.Prev() {
		sum += entrySum(key, value)
		ops++
	}
	return ops, sum
}

func dump(db *bolt.DB, s *spec) outcome {
	tx, bucket := begin(db, false)
	m := startMeter(s.path)
	ops, sum := walkForward(bucket.Cursor())
	o := m.stop("main")
	must(tx.Rollback())
	o.ops, o.sum = ops, sum
	return o
}

func scan(db *bolt.DB, s *spec) outcome {
	walk := walkForward
	if s.action == "scan-back" {
		walk = walkBackward
	}
	tx, bucket := begin(db, false)
	cursor := bucket.Cursor()
	walk(cursor)
	var ops, sum uint64
	m := startMeter(s.path)
	for pass := uint64(0); pass < s.count; pass++ {
		passOps, passSum := walk(cursor)
		ops, sum = ops+passOps, sum+passSum
	}
	o := m.stop("main")
	must(tx.Rollback())
	o.ops, o.sum = ops, sum
	return o
}

func seek(db *bolt.DB, s *spec, k *keys) outcome {
	var from [keyLen]byte
	var sum uint64
	tx, bucket := begin(db, false)
	m := startMeter(s.path)
	cursor := bucket.Cursor()
	for step := uint64(0); step < s.count; step++ {
		k.key(s.indexAt(k, step), &from)
		key, value := cursor.Seek(from[:])
		for n := uint64(0); key != nil; key, value = cursor.Next() {
			sum += entrySum(key, value)
			n++
			if n == s.length {
				break
			}
		}
	}
	o := m.stop("main")
	must(tx.Rollback())
	o.ops, o.sum = s.count, sum
	return o
}

func writeUntil(db *bolt.DB, s *spec, k *keys, stop *int32) outcome {
	v := newValues(s.valueLen)
	var key [keyLen]byte
	var step, commits uint64
	m := startMeter(s.path)
	for atomic.LoadInt32(stop) == 0 {
		tx, bucket := begin(db, true)
		for n := uint64(0); n < s.length; n++ {
			index := k.draw(writerSeed, step)
			k.key(index, &key)
			step++
			must(bucket.Put(key[:], v.value(index, step)))
		}
		must(tx.Commit())
		commits++
	}
	o := m.stop("writer")
	o.ops, o.commits = commits, commits
	return o
}

func mixed(db *bolt.DB, s *spec, k *keys) []outcome {
	var stop int32
	done := make(chan outcome)
	go func() { done <- writeUntil(db, s, k, &stop) }()
	m := startMeter(s.path)
	sum := getAll(db, s, k, func(_, value []byte) uint64 { return word(value, 0) ^ uint64(len(value)) })
	reader := m.stop("reader")
	atomic.StoreInt32(&stop, 1)
	writer := <-done
	reader.ops, reader.sum = s.count, sum
	return []outcome{reader, writer}
}

func open(s *spec) []outcome {
	k := newKeys(s.keys, s.decimal)
	var key [keyLen]byte
	var ops, sum, openedNs uint64
	m := startMeter(s.path)
	for ops < s.count && (ops < openCountMin || m.wallNs() < openNsMax) {
		k.key(s.indexAt(&k, ops), &key)
		begunNs := m.wallNs()
		db := openDB(s)
		tx, bucket := begin(db, false)
		value := bucket.Get(key[:])
		if value == nil {
			must(fmt.Errorf("key %x is not there", key))
		}
		sum += valueSum(value)
		openedNs += m.wallNs() - begunNs
		must(tx.Rollback())
		must(db.Close())
		ops++
	}
	whole := m.stop("main")
	whole.ops, whole.sum = ops, sum
	opened := whole
	opened.series, opened.wallNs = "opened", openedNs
	return []outcome{whole, opened}
}
