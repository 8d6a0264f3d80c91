// Scripts: what the generators promise of them, and what running them does.

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// generated answers a script.
func generated(t *testing.T, seed uint64, ops int, profile string, given ...string) []string {
	t.Helper()
	lines, err := workload(seed, ops, profile, given)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// applied runs a script in a new directory and answers it, with the file and the snapshots.
func applied(t *testing.T, lines []string) (string, []string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "applied")
	if _, err := apply(path, joinLines(lines), dir); err != nil {
		t.Fatal(err)
	}
	snapshots, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil {
		t.Fatal(err)
	}
	return path, snapshots
}

func countOf(lines []string, verb string) int {
	count := 0
	for _, line := range lines {
		if strings.HasPrefix(line+" ", verb+" ") {
			count++
		}
	}
	return count
}

func TestASeedMeansOneScript(t *testing.T) {
	for profile := range profiles {
		first := joinLines(generated(t, 7, 400, profile))
		if joinLines(generated(t, 7, 400, profile)) != first {
			t.Errorf("%s: two scripts of one seed", profile)
		}
		if joinLines(generated(t, 8, 400, profile)) == first {
			t.Errorf("%s: one script of two seeds", profile)
		}
	}
}

// TestMixedWorkloadsStaySound also sees that each operation of the language occurs.
func TestMixedWorkloadsStaySound(t *testing.T) {
	var all []string
	for seed := uint64(1); seed <= 25; seed++ {
		lines := generated(t, seed, 500, "mixed")
		all = append(all, lines...)
		path, snapshots := applied(t, lines)
		wantSound(t, path)
		for _, snapshot := range snapshots {
			wantSound(t, snapshot)
		}
		if want := countOf(lines, "commit") + 1; len(snapshots) != want {
			t.Errorf("seed %d: %d snapshots, not %d", seed, len(snapshots), want)
		}
	}
	for verb := range verbs {
		if countOf(all, verb) == 0 {
			t.Errorf("no operation %s in 25 workloads", verb)
		}
	}
}

// TestBytesRepeat runs the workloads that are there to compare bytes several times.
func TestBytesRepeat(t *testing.T) {
	for _, profile := range []string{"puts", "deletes"} {
		for seed := uint64(1); seed <= 3; seed++ {
			lines := generated(t, seed, 1200, profile)
			_, first := applied(t, lines)
			for run := 0; run < 3; run++ {
				_, again := applied(t, lines)
				compareSnapshots(t, fmt.Sprintf("%s %d", profile, seed), first, again)
			}
		}
	}
}

func compareSnapshots(t *testing.T, what string, first, again []string) {
	t.Helper()
	if len(first) != len(again) {
		t.Fatalf("%s: %d and %d snapshots", what, len(first), len(again))
	}
	for i := range first {
		a, err := os.ReadFile(first[i])
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(again[i])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Fatalf("%s: commit %d differs", what, i)
		}
	}
}

func TestDeletesMerge(t *testing.T) {
	for seed := uint64(1); seed <= 3; seed++ {
		lines := generated(t, seed, 1200, "deletes", "pagesize=1024")
		var merges int
		if _, err := fmt.Sscanf(lines[len(lines)-1], "# merges %d", &merges); err != nil || merges < 10 {
			t.Errorf("seed %d: %q, %v", seed, lines[len(lines)-1], err)
		}
		if countOf(lines, "del") < 100 {
			t.Errorf("seed %d: %d deletes", seed, countOf(lines, "del"))
		}
	}
}

func TestPutsOnlyPut(t *testing.T) {
	lines := generated(t, 1, 500, "puts")
	if countOf(lines, "del")+countOf(lines, "drop") > 0 || countOf(lines, "create") != 1 {
		t.Error("more than puts in one bucket")
	}
}

// TestDroppingAChangedBucketLeaksNothing drops a bucket with children after a put into it, where bbolt's own
// DeleteBucket forgets every other child.
func TestDroppingAChangedBucketLeaksNothing(t *testing.T) {
	lines := []string{"open nosync=1", "begin", "create 61"}
	for i := 0; i < 40; i++ {
		lines = append(lines, fmt.Sprintf("create 61/%04x", i), fmt.Sprintf("putlen 61/%04x 62 3000 00", i))
	}
	lines = append(lines, "commit", "begin", "put 61 ffff 00", "drop 61", "commit")
	path, _ := applied(t, lines)
	wantSound(t, path)
}

func TestABadScriptIsAnErrorAndLetsTheFileGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	for _, script := range []string{
		"begin\n",
		"open pagesize=4096\nput 61 62 63\n",
		"open pagesize=4096\nbegin\nput 61 62 63\n",
		"open pagesize=4096\nbegin\ncreate 61\ncreate 61\n",
		"open pagesize=4096\nbegin\ncreate 61\nput 61 - 63\n",
		"open pagesize=4096\nbegin\ncreate 61\nput 61 6\n",
		"open pagesize=4096\nbegin\nreopen\n",
		"open freelist=tree\n",
		"open pagesize=4096\nunknown\n",
	} {
		if _, err := apply(path, script, ""); err == nil {
			t.Errorf("no error for %q", script)
		}
	}
	if _, err := apply(path, "open nosync=1\nbegin\ncreate 61\ncommit\n", ""); err != nil {
		t.Errorf("after the errors: %v", err)
	}
}

// TestScriptBytes holds the words of the language against what lands in the file.
func TestScriptBytes(t *testing.T) {
	path, _ := applied(t, []string{
		"open pagesize=2048 freelist=hashmap nofreelistsync=1 nosync=1", "# a comment", "",
		"begin", "create 0a", "ensure 0a/0b", "ensure 0a/0b", "put 0a/0b 01 -", "putlen 0a 02 3 ff",
		"seq 0a 18446744073709551615", "nextseq 0a/0b", "nextseq 0a/0b", "fill 0a 0.9", "put . 0c 0d",
		"commit", "begin", "put 0a 03 04", "rollback", "reopen", "begin", "put 0a 05 06", "del 0a 05",
		"del 0a 07", "commit",
	})
	lines, err := dump(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"p":["0a"],"seq":18446744073709551615}`,
		`{"p":["0a"],"k":"02","v":"ffffff"}`,
		`{"p":["0a","0b"],"seq":2}`,
		`{"p":["0a","0b"],"k":"01","v":""}`,
		`{"p":[],"k":"0c","v":"0d"}`,
	}
	if joinLines(lines) != joinLines(want) {
		t.Errorf("got\n%s", joinLines(lines))
	}
	if infoOf(t, path)["freelist"] != "none" || infoOf(t, path)["page_size"] != "2048" {
		t.Error("the options were not taken")
	}
}
