// Content: the dump of the real files, byte for byte.

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
)

func TestTheDumpOfRealFilesIsWhatStandsBesideThem(t *testing.T) {
	for _, name := range []string{"etcd", "containerd"} {
		base := filepath.Join("..", "fixtures", name)
		want, err := os.ReadFile(base + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		lines, err := dump(base + ".db")
		if err != nil {
			t.Fatal(err)
		}
		if got := joinLines(lines); got != string(want) {
			t.Errorf("%s: the dump differs", name)
		}
		sum := sha256.Sum256(want)
		if got, err := digest(base + ".db"); err != nil || got != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: digest %s, %v", name, got, err)
		}
		wantSound(t, base+".db")
	}
}

func TestAMissingFileIsAnErrorAndIsNotCreated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing.db")
	if _, err := dump(path); err == nil {
		t.Error("dump of a missing file")
	}
	if problems := check(path); len(problems) != 1 {
		t.Errorf("check of a missing file: %q", problems)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file was created: %v", err)
	}
}
