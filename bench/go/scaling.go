// How costs grow, step for step as in src/scaling/work.rs.

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"
)

const slicesMin = 3

type job struct {
	task, path                                              string
	durable, warm                                           bool
	pairs, live, batch, threads, millis, opsMax, seed, vlen uint64
	all, staying                                            keys
}

func parseJob(args []string) *job {
	fields := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		fields[name] = value
	}
	number := func(name string) uint64 {
		value, err := strconv.ParseUint(fields[name], 10, 64)
		must(err)
		return value
	}
	j := &job{
		task: fields["task"], path: fields["path"], durable: number("durable") != 0, warm: number("warm") != 0,
		pairs: number("pairs"), live: number("live"), batch: number("batch"), threads: number("threads"),
		millis: number("millis"), opsMax: number("ops_max"), seed: number("seed"), vlen: number("value_len"),
	}
	j.all, j.staying = newKeys(2*j.pairs, false), newKeys(2*j.live, false)
	return j
}

func (j *job) indexAt(place uint64) uint64 {
	return 2*(place/2*j.pairs/j.live) + place%2
}

func (j *job) draw(seed, step uint64) uint64 {
	return j.indexAt(j.staying.draw(seed, step))
}

func (j *job) open() *bolt.DB {
	return openDB(&spec{path: j.path, durable: j.durable})
}

// maker makes values. bbolt keeps the slice that it is given until the commit, so each value is a new one.
type maker struct{ pool []byte }

func newMaker(length uint64) *maker {
	return &maker{newValues(int(length)).pool}
}

func (m *maker) value(length, index, version uint64) []byte {
	tag := tag(index)
	offset := uint64(0)
	if length <= variedLenMax {
		offset = mix(tag^version) % poolSpread &^ 7
	}
	value := append([]byte(nil), m.pool[offset:offset+length]...)
	var head [16]byte
	binary.LittleEndian.PutUint64(head[:8], tag)
	binary.LittleEndian.PutUint64(head[8:], version)
	copy(value, head[:])
	return value
}

// sampler takes the times of slices until the job's time is over.
type sampler struct {
	slices                            []float64
	ops, opsMax                       uint64
	time                              time.Duration
	started                           time.Time
	cpuNs, majorFaults, readBytesThen uint64
}

func readBytes() uint64 {
	return procNumber("/proc/self/io", "read_bytes:")
}

func majorFaults() uint64 {
	var usage unix.Rusage
	must(unix.Getrusage(unix.RUSAGE_SELF, &usage))
	return uint64(usage.Majflt)
}

func (j *job) sampler() *sampler {
	s := &sampler{slices: make([]float64, 0, 1<<16), opsMax: j.opsMax, time: time.Duration(j.millis) * time.Millisecond}
	if s.opsMax == 0 {
		s.opsMax = ^uint64(0)
	}
	s.majorFaults, s.readBytesThen, s.cpuNs = majorFaults(), readBytes(), cpuNs()
	s.started = time.Now()
	return s
}

func (s *sampler) goesOn() bool {
	return time.Since(s.started) < s.time && s.ops < s.opsMax || len(s.slices) < slicesMin
}

func (s *sampler) slice(ops uint64, work func()) {
	begun := time.Now()
	work()
	divisor := ops
	if divisor == 0 {
		divisor = 1
	}
	s.slices = append(s.slices, float64(time.Since(begun).Nanoseconds())/float64(divisor))
	s.ops += ops
}

func (s *sampler) print() {
	cpu, faults, read := cpuNs()-s.cpuNs, majorFaults()-s.majorFaults, readBytes()-s.readBytesThen
	sort.Float64s(s.slices)
	ops := s.ops
	if ops == 0 {
		ops = 1
	}
	fmt.Printf("ops=%d median_ns=%.3f cpu_ns=%.3f major_faults=%d read_bytes=%d\n", s.ops,
		s.slices[len(s.slices)/2], float64(cpu)/float64(ops), faults, read)
}

func (j *job) isRight(index uint64, value []byte) bool {
	return uint64(len(value)) == j.vlen && word(value, 0) == tag(index)
}

func (j *job) getOne(bucket *bolt.Bucket, index uint64) {
	var key [keyLen]byte
	j.all.key(index, &key)
	if !j.isRight(index, bucket.Get(key[:])) {
		must(fmt.Errorf("key %d is not there, or has another value", index))
	}
}

// scanAll reads everything and compares it with what must be there.
func (j *job) scanAll(db *bolt.DB) {
	var expected [keyLen]byte
	tx, bucket := begin(db, false)
	cursor := bucket.Cursor()
	place := uint64(0)
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		if place < j.staying.count {
			index := j.indexAt(place)
			j.all.key(index, &expected)
			if !bytes.Equal(key, expected[:]) || !j.isRight(index, value) {
				must(fmt.Errorf("the entry at place %d is another", place))
			}
		}
		place++
	}
	must(tx.Rollback())
	if place != j.staying.count {
		must(fmt.Errorf("there are %d entries, not %d", place, j.staying.count))
	}
}

func (j *job) load(db *bolt.DB, s *sampler) {
	m := newMaker(j.vlen)
	for index := uint64(0); index < j.all.count; {
		end := index + j.batch
		if end > j.all.count {
			end = j.all.count
		}
		s.slice(end-index, func() {
			tx, bucket := begin(db, true)
			for ; index < end; index++ {
				var key [keyLen]byte
				j.all.key(index, &key)
				must(bucket.Put(key[:], m.value(j.vlen, index, 0)))
			}
			must(tx.Commit())
		})
	}
}

func (j *job) prune(db *bolt.DB, s *sampler) {
	// What stays next, and the next to be looked at.
	var place, index uint64
	for index < j.all.count {
		end := index + j.batch
		if end > j.all.count {
			end = j.all.count
		}
		s.slice(end-index, func() {
			tx, bucket := begin(db, true)
			for ; index < end; index++ {
				if place < j.staying.count && j.indexAt(place) == index {
					place++
					continue
				}
				var key [keyLen]byte
				j.all.key(index, &key)
				must(bucket.Delete(key[:]))
			}
			must(tx.Commit())
		})
	}
}

func (j *job) get(db *bolt.DB, s *sampler) {
	tx, bucket := begin(db, false)
	for step := uint64(0); s.goesOn(); step += j.batch {
		s.slice(j.batch, func() {
			for n := step; n < step+j.batch; n++ {
				j.getOne(bucket, j.draw(j.seed, n))
			}
		})
	}
	must(tx.Rollback())
}

func (j *job) put(db *bolt.DB, s *sampler) {
	m := newMaker(j.vlen)
	for step := uint64(0); s.goesOn(); step += j.batch {
		s.slice(j.batch, func() {
			tx, bucket := begin(db, true)
			for n := step; n < step+j.batch; n++ {
				var key [keyLen]byte
				index := j.draw(j.seed, n)
				j.all.key(index, &key)
				must(bucket.Put(key[:], m.value(j.vlen, index, n+1)))
			}
			must(tx.Commit())
		})
	}
}

func (j *job) openAgain(s *sampler) {
	for step := uint64(0); s.goesOn(); step++ {
		s.slice(1, func() {
			db := j.open()
			tx, bucket := begin(db, false)
			j.getOne(bucket, j.draw(j.seed, step))
			must(tx.Rollback())
			must(db.Close())
		})
	}
}

func (j *job) readers(db *bolt.DB, s *sampler) {
	counts := make([]uint64, j.threads)
	var ready, done sync.WaitGroup
	ready.Add(int(j.threads))
	done.Add(int(j.threads))
	for thread := uint64(0); thread < j.threads; thread++ {
		go func(thread uint64) {
			defer done.Done()
			ready.Done()
			ready.Wait()
			var step uint64
			for started := time.Now(); time.Since(started) < s.time; step += j.batch {
				tx, bucket := begin(db, false)
				for n := step; n < step+j.batch; n++ {
					j.getOne(bucket, j.draw(j.seed+thread, n))
				}
				must(tx.Rollback())
			}
			counts[thread] = step
		}(thread)
	}
	done.Wait()
	for _, count := range counts {
		s.ops += count
	}
	s.slices = append(s.slices, float64(time.Since(s.started).Nanoseconds())/float64(s.ops))
}

func sample(args []string) {
	j := parseJob(args)
	if j.task == "open" {
		s := j.sampler()
		j.openAgain(s)
		s.print()
		return
	}
	db := j.open()
	if j.warm {
		j.scanAll(db)
	}
	s := j.sampler()
	switch j.task {
	case "load":
		j.load(db, s)
	case "prune":
		j.prune(db, s)
	case "scan":
		s.slice(j.staying.count, func() { j.scanAll(db) })
	case "get":
		j.get(db, s)
	case "put":
		j.put(db, s)
	case "readers":
		j.readers(db, s)
	default:
		must(fmt.Errorf("%s: no such task", j.task))
	}
	s.print()
	if j.task == "load" || j.task == "prune" || j.task == "put" {
		must(db.Sync())
	}
	must(db.Close())
}
