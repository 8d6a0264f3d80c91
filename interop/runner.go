// Runs workload scripts against bbolt: one database, at most one write transaction, a report of each commit,
// and on demand a snapshot of the file after each.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

type runner struct {
	path      string
	snapshots string
	options   bolt.Options
	db        *bolt.DB
	tx        *bolt.Tx
	commits   int
	report    []string
	lastStats bolt.TxStats
}

// apply runs a script on a file and answers a line for each commit.
func apply(path, script, snapshots string) ([]string, error) {
	list, err := parseScript(script)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		if err := requireReadable(path); err != nil {
			return nil, err
		}
	}
	r := &runner{path: path, snapshots: snapshots}
	for _, op := range list {
		if err := r.run(op); err != nil {
			r.abandon()
			return nil, fmt.Errorf("line %d: %s: %v", op.line, op.name, err)
		}
	}
	return r.report, r.close()
}

// verbs are the operations by name: how many words each takes, and whether it needs a transaction.
var verbs = map[string]struct {
	args  int
	inTx  bool
	apply func(r *runner, args []string) error
}{
	"begin":    {0, false, func(r *runner, _ []string) error { return r.begin() }},
	"reopen":   {0, false, func(r *runner, _ []string) error { return r.reopen() }},
	"commit":   {0, true, func(r *runner, _ []string) error { return r.commit() }},
	"rollback": {0, true, func(r *runner, _ []string) error { return r.rollback() }},
	"create":   {1, true, (*runner).create},
	"ensure":   {1, true, (*runner).ensure},
	"drop":     {1, true, (*runner).drop},
	"put":      {3, true, (*runner).put},
	"putlen":   {4, true, (*runner).putLen},
	"del":      {2, true, (*runner).del},
	"seq":      {2, true, (*runner).setSequence},
	"nextseq":  {1, true, (*runner).nextSequence},
	"fill":     {2, true, (*runner).fill},
}

// run executes one operation.
func (r *runner) run(op operation) error {
	if op.name == "open" {
		return r.open(op.args)
	}
	verb, known := verbs[op.name]
	switch {
	case !known:
		return errors.New("unknown operation")
	case len(op.args) != verb.args:
		return fmt.Errorf("takes %d words", verb.args)
	case r.db == nil:
		return errors.New("before open")
	case verb.inTx != (r.tx != nil):
		return errors.New("at the wrong side of begin")
	}
	return guard(func() error { return verb.apply(r, op.args) })
}

func (r *runner) open(words []string) (err error) {
	if r.db != nil {
		return errors.New("a second time")
	}
	if r.options, err = parseOptions(words); err != nil {
		return err
	}
	if found := pageSizeOf(r.path); found != 0 {
		r.options.PageSize = found
	}
	if err := r.openDB(); err != nil {
		return err
	}
	return r.snapshot()
}

func (r *runner) openDB() error {
	return guard(func() (err error) {
		r.db, err = bolt.Open(r.path, 0o644, &r.options)
		return err
	})
}

func (r *runner) reopen() error {
	if err := r.close(); err != nil {
		return err
	}
	return r.openDB()
}

func (r *runner) begin() (err error) {
	r.tx, err = r.db.Begin(true)
	return err
}

func (r *runner) commit() error {
	tx, id := r.tx, r.tx.ID()
	if err := tx.Commit(); err != nil {
		return err
	}
	r.tx = nil
	r.commits++
	r.lastStats = tx.Stats()
	s := r.lastStats
	r.report = append(r.report, fmt.Sprintf("commit %d txid %d rebalance %d split %d spill %d",
		r.commits, id, s.Rebalance, s.Split, s.Spill))
	return r.snapshot()
}

func (r *runner) rollback() error {
	tx := r.tx
	r.tx = nil
	return tx.Rollback()
}

// snapshot copies the file from 0 to high water x page size, as NNNN.db with the number of the commit.
func (r *runner) snapshot() error {
	if r.snapshots == "" {
		return nil
	}
	var length int64
	err := r.db.View(func(tx *bolt.Tx) error {
		length = tx.Size()
		return nil
	})
	if err != nil {
		return err
	}
	from, err := os.Open(r.path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(filepath.Join(r.snapshots, fmt.Sprintf("%04d.db", r.commits)))
	if err != nil {
		return err
	}
	if _, err := io.CopyN(to, from, length); err != nil {
		to.Close()
		return err
	}
	return to.Close()
}

// close ends the database; a transaction left open at the end of a script is rolled back.
func (r *runner) close() error {
	if r.tx != nil {
		if err := r.rollback(); err != nil {
			return err
		}
	}
	db := r.db
	r.db = nil
	return closeDB(db)
}

// abandon lets go of everything after an error or a panic, as far as bbolt still can.
func (r *runner) abandon() {
	if tx := r.tx; tx != nil {
		r.tx = nil
		_ = guard(tx.Rollback)
	}
	if r.db != nil {
		_ = closeDB(r.db)
		r.db = nil
	}
}

// bucket finds the bucket at a path.
func (r *runner) bucket(names [][]byte) (*bolt.Bucket, error) {
	b := r.tx.Cursor().Bucket()
	for _, name := range names {
		if b = b.Bucket(name); b == nil {
			return nil, fmt.Errorf("no bucket %x", name)
		}
	}
	return b, nil
}

func (r *runner) bucketAt(word string) (*bolt.Bucket, error) {
	names, err := parsePath(word)
	if err != nil {
		return nil, err
	}
	return r.bucket(names)
}

// parent finds the bucket that holds the bucket at a path, and the name of the latter.
func (r *runner) parent(word string) (*bolt.Bucket, []byte, error) {
	names, err := parsePath(word)
	if err != nil {
		return nil, nil, err
	}
	if len(names) == 0 {
		return nil, nil, errors.New("the root bucket")
	}
	last := len(names) - 1
	b, err := r.bucket(names[:last])
	return b, names[last], err
}

func (r *runner) create(args []string) error {
	b, name, err := r.parent(args[0])
	if err != nil {
		return err
	}
	_, err = b.CreateBucket(name)
	return err
}

func (r *runner) ensure(args []string) error {
	b, name, err := r.parent(args[0])
	if err != nil {
		return err
	}
	_, err = b.CreateBucketIfNotExists(name)
	return err
}

func (r *runner) drop(args []string) error {
	b, name, err := r.parent(args[0])
	if err != nil {
		return err
	}
	return dropBucket(b, name)
}

// dropBucket deletes a bucket from its innermost buckets outwards. Bucket.DeleteBucket alone walks the
// children while it deletes them: where the bucket was changed in the same transaction it misses every
// other child and leaks its pages.
func dropBucket(parent *bolt.Bucket, name []byte) error {
	b := parent.Bucket(name)
	if b == nil {
		return parent.DeleteBucket(name)
	}
	var children [][]byte
	err := b.ForEach(func(k, v []byte) error {
		if v == nil && b.Bucket(k) != nil {
			children = append(children, append([]byte(nil), k...))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := dropBucket(b, child); err != nil {
			return err
		}
	}
	return parent.DeleteBucket(name)
}

func (r *runner) put(args []string) error {
	value, err := parseBytes(args[2])
	if err != nil {
		return err
	}
	return r.putValue(args[0], args[1], value)
}

func (r *runner) putLen(args []string) error {
	length, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	fill, err := parseBytes(args[3])
	if err != nil || len(fill) != 1 || length < 0 {
		return errors.New("wants a length and one byte")
	}
	return r.putValue(args[0], args[1], bytes.Repeat(fill, length))
}

func (r *runner) putValue(path, keyWord string, value []byte) error {
	b, err := r.bucketAt(path)
	if err != nil {
		return err
	}
	key, err := parseBytes(keyWord)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

func (r *runner) del(args []string) error {
	b, err := r.bucketAt(args[0])
	if err != nil {
		return err
	}
	key, err := parseBytes(args[1])
	if err != nil {
		return err
	}
	return b.Delete(key)
}

func (r *runner) setSequence(args []string) error {
	b, err := r.bucketAt(args[0])
	if err != nil {
		return err
	}
	sequence, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	return b.SetSequence(sequence)
}

func (r *runner) nextSequence(args []string) error {
	b, err := r.bucketAt(args[0])
	if err != nil {
		return err
	}
	_, err = b.NextSequence()
	return err
}

func (r *runner) fill(args []string) error {
	b, err := r.bucketAt(args[0])
	if err != nil {
		return err
	}
	percent, err := strconv.ParseFloat(args[1], 64)
	if err != nil {
		return err
	}
	b.FillPercent = percent
	return nil
}
