// Holding a file open, and with it bbolt's lock, from one request of the server to the next.

package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
)

// holder is what a server holds: at most one file.
type holder struct {
	db *bolt.DB
}

// hold opens an existing file under an exclusive or a shared lock and keeps it. It writes nothing: without
// NoFreelistSync, bbolt would give a file that has no list one as it opens it.
func (h *holder) hold(args []string) error {
	if len(args) < 2 || len(args) > 3 || args[1] != "exclusive" && args[1] != "shared" {
		return fmt.Errorf("%w: hold FILE exclusive|shared [MILLISECONDS]", errUsage)
	}
	if h.db != nil {
		return errors.New("a file is held already")
	}
	options := &bolt.Options{Timeout: lockTimeout, NoFreelistSync: true, PageSize: pageSizeOf(args[0])}
	options.ReadOnly = args[1] == "shared"
	if len(args) == 3 {
		milliseconds, err := strconv.Atoi(args[2])
		if err != nil || milliseconds < 1 {
			return fmt.Errorf("%w: %s milliseconds", errUsage, args[2])
		}
		options.Timeout = time.Duration(milliseconds) * time.Millisecond
	}
	if info, err := os.Stat(args[0]); err != nil {
		return err
	} else if !info.Mode().IsRegular() || info.Size() == 0 {
		return errors.New("not a file with content")
	}
	return guard(func() (err error) {
		h.db, err = bolt.Open(args[0], 0, options)
		return err
	})
}

// release closes the file that is held.
func (h *holder) release() error {
	if h.db == nil {
		return errors.New("no file is held")
	}
	db := h.db
	h.db = nil
	return closeDB(db)
}
