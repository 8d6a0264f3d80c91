// The server: its answers to the letter, and that no request ends it.

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asked sends requests to a server and answers what it says to all of them.
func asked(t *testing.T, requests ...string) string {
	t.Helper()
	var out strings.Builder
	if err := serve(strings.NewReader(joinLines(requests)), &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheServerAnswersEachRequest(t *testing.T) {
	dir := t.TempDir()
	file, script := filepath.Join(dir, "file"), filepath.Join(dir, "script")
	text := "open nosync=1\nbegin\ncreate 61\nput 61 62 63\ncommit\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := asked(t, "apply "+file+" "+script+" "+dir, "dump "+file, "check "+file, "digest "+file,
		"check "+filepath.Join(dir, "0001.db"))
	want := "ok 1\ncommit 1 txid 2 rebalance 0 split 0 spill 1\n.\n" +
		"ok 2\n{\"p\":[\"61\"],\"seq\":0}\n{\"p\":[\"61\"],\"k\":\"62\",\"v\":\"63\"}\n.\n" +
		"ok 0\n.\n" +
		"ok 1\n6f342e35c4d7e5b1311e7aebb5a40c26117260428e43e58ea1334b64ee48c131\n.\n" +
		"ok 0\n.\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTheServerSurvivesBadRequests(t *testing.T) {
	dir := t.TempDir()
	got := asked(t, "", "fly", "check", "dump "+dir+"/missing", "dump "+dir, "make nothing "+dir+"/x",
		"apply "+dir+"/x", "apply "+dir+"/x -", "workload x 1 puts", "workload 1 1 nothing",
		"make empty "+dir+"/e 1", "check "+dir+"/e")
	answers := strings.Split(got, ".\n")
	for i, answer := range answers[:10] {
		if !strings.HasPrefix(answer, "error ") || strings.Count(answer, "\n") != 1 {
			t.Errorf("request %d: %q", i, answer)
		}
	}
	if rest := strings.Join(answers[10:], ".\n"); rest != "ok 0\n.\nok 0\n.\n" {
		t.Errorf("at last %q", rest)
	}
}

func TestALockedFileIsAnErrorAfterTheTimeout(t *testing.T) {
	path := made(t, "empty")
	r := &runner{path: path}
	if err := r.open(nil); err != nil {
		t.Fatal(err)
	}
	defer r.abandon()
	if problems := check(path); len(problems) != 1 || problems[0] != "open: timeout" {
		t.Errorf("%q", problems)
	}
}

func TestAHeldFileIsLockedUntilItIsReleased(t *testing.T) {
	path := made(t, "empty")
	got := asked(t, "hold "+path+" exclusive", "hold "+path+" exclusive", "check "+path, "release", "release",
		"check "+path, "hold "+path+" shared 100", "check "+path)
	want := "ok 0\n.\nerror a file is held already\n.\nok 1\nopen: timeout\n.\n" +
		"ok 0\n.\nerror no file is held\n.\nok 0\n.\nok 0\n.\nok 0\n.\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if problems := check(path); len(problems) != 0 {
		t.Errorf("after the server's end: %q", problems)
	}
}

func TestAHoldWaitsAsLongAsItIsTold(t *testing.T) {
	path := made(t, "empty")
	r := &runner{path: path}
	if err := r.open(nil); err != nil {
		t.Fatal(err)
	}
	defer r.abandon()
	got := asked(t, "hold "+path+" shared 100", "hold "+path, "hold "+path+" gently", "hold "+path+" shared x",
		"hold "+path+".missing shared")
	if !strings.HasPrefix(got, "error timeout\n.\nerror usage") || strings.Count(got, "error ") != 5 {
		t.Errorf("%q", got)
	}
}
