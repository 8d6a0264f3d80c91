// Opening files with bbolt so that nothing hangs and nothing dies: a lock timeout always, shared locks for
// reading, panics and faults turned into errors.

package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

const lockTimeout = 3 * time.Second

// guard runs fn and turns a panic into an error, a fault in the map (a truncated file) included.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// openReadOnly opens an existing file under a shared lock. bbolt itself would create a missing file, and
// finds the page size only by the first meta, so both are looked at before.
func openReadOnly(path string) (*bolt.DB, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, errors.New("not a file with content")
	}
	var db *bolt.DB
	err = guard(func() error {
		options := &bolt.Options{Timeout: lockTimeout, ReadOnly: true, PageSize: pageSizeOf(path)}
		db, err = bolt.Open(path, 0, options)
		return err
	})
	return db, err
}

// pageSizeOf answers the page size of a file, 0 if there is none to find.
func pageSizeOf(path string) int {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	size, err := findPageSize(file)
	if err != nil {
		return 0
	}
	return int(size)
}

// requireReadable fails for a file whose trees bbolt cannot follow: its recursion would end the process,
// which no recover can prevent. The file is looked at under a shared lock, since somebody may be writing it.
func requireReadable(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := lockShared(file); err != nil {
		return err
	}
	raw, err := openRaw(path)
	if err != nil {
		return err
	}
	defer raw.close()
	if s := checkStructure(raw); s.unreadable != "" {
		return fmt.Errorf("unreadable: %s", s.unreadable)
	}
	return nil
}

// lockShared waits for a shared lock as bbolt does. It goes when the file is closed.
func lockShared(file *os.File) error {
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		if err != syscall.EWOULDBLOCK {
			return err
		}
		if time.Since(start) > lockTimeout {
			return bolt.ErrTimeout
		}
	}
}

// view runs fn in a read transaction of a readable file.
func view(path string, fn func(tx *bolt.Tx) error) error {
	db, err := openReadOnly(path)
	if err != nil {
		return fmt.Errorf("open: %v", err)
	}
	defer closeDB(db)
	if err := requireReadable(path); err != nil {
		return err
	}
	return guard(func() error { return db.View(fn) })
}

// closeDB closes a database even if a panic left one of its locks held: Close would then block for ever, so
// it is not waited for longer than a moment.
func closeDB(db *bolt.DB) error {
	done := make(chan error, 1)
	go func() { done <- db.Close() }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Second):
		return errors.New("close: the database stays locked after a panic")
	}
}
