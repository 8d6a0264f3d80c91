// Statistics: a file whose numbers can be told by hand.

package main

import (
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"
)

func TestTheStatisticsOfAFileThatCanBeCountedByHand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stats.db")
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("b"))
		if err != nil {
			return err
		}
		if _, err := b.CreateBucket([]byte("inline")); err != nil {
			return err
		}
		return b.Put([]byte("k"), make([]byte, 2000))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	lines, err := stats(path)
	if err != nil {
		t.Fatal(err)
	}
	// The root's leaf: header, element, name and bucket header; the bucket's: header, two elements, names, an
	// empty inline bucket of 32 bytes and the value, on three pages.
	want := []string{
		`{"p":[],"stats":{"BranchPageN":0,"BranchOverflowN":0,"LeafPageN":2,"LeafOverflowN":2,"KeyN":3,"Depth":3,` +
			`"BranchAlloc":0,"BranchInuse":0,"LeafAlloc":4096,"LeafInuse":2136,"BucketN":3,"InlineBucketN":1,` +
			`"InlineBucketInuse":16}}`,
		`{"p":["62"],"stats":{"BranchPageN":0,"BranchOverflowN":0,"LeafPageN":1,"LeafOverflowN":2,"KeyN":2,` +
			`"Depth":2,"BranchAlloc":0,"BranchInuse":0,"LeafAlloc":3072,"LeafInuse":2087,"BucketN":2,` +
			`"InlineBucketN":1,"InlineBucketInuse":16}}`,
		`{"p":["62","696e6c696e65"],"stats":{"BranchPageN":0,"BranchOverflowN":0,"LeafPageN":0,"LeafOverflowN":0,` +
			`"KeyN":0,"Depth":1,"BranchAlloc":0,"BranchInuse":0,"LeafAlloc":0,"LeafInuse":0,"BucketN":1,` +
			`"InlineBucketN":1,"InlineBucketInuse":16}}`,
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines", len(lines))
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("%s\ninstead of\n%s", lines[i], want[i])
		}
	}
}
