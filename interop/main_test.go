// What the tests share. The check starts its own program for Tx.Check on a damaged file; in a test that
// program is the test, which then acts as the oracle.

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const childVariable = "ORACLE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		return
	}
	os.Setenv(childVariable, "1")
	os.Exit(m.Run())
}

// made writes a feature file into the test's directory.
func made(t *testing.T, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), kind+".db")
	if err := makeFile(kind, path, 1); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantSound fails for a file with problems.
func wantSound(t *testing.T, path string) {
	t.Helper()
	if problems := check(path); len(problems) > 0 {
		t.Fatalf("%s: %s", filepath.Base(path), strings.Join(problems, "\n"))
	}
}

// infoOf answers the lines of info by name.
func infoOf(t *testing.T, path string) map[string]string {
	t.Helper()
	lines, err := info(path)
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		values[name] = value
	}
	return values
}
