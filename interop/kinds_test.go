// The feature files: each is sound and has the feature that it is there for.

package main

import (
	"strconv"
	"strings"
	"testing"
)

func TestEveryFeatureFileIsSound(t *testing.T) {
	for _, kind := range kindNames() {
		path := made(t, kind)
		wantSound(t, path)
		if _, err := dump(path); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestFeatureFilesHaveTheirFeature looks at what makes each kind worth having.
func TestFeatureFilesHaveTheirFeature(t *testing.T) {
	for _, want := range []struct{ kind, name, value string }{
		{"empty", "high_water", "4"},
		{"empty", "bucket_count", "0"},
		{"nested", "bucket_depth", "7"},
		{"nested-200", "bucket_depth", "200"},
		{"overflow-keys", "longest_key_len", "32768"},
		{"long-names", "longest_key_len", "40000"},
		{"root-keys", "bucket_count", "1"},
		{"almost-empty", "key_count", "3"},
		{"freelist-65534", "free_count", "65534"},
		{"freelist-65535", "free_count", "65535"},
		{"freelist-65536", "free_count", "65536"},
		{"nofreelistsync", "free_count", "none"},
		{"inline-limit-1024", "inline_count", "6"},
		{"inline-limit-65536", "inline_count", "6"},
		{"pagesize-1024", "page_size", "1024"},
		{"pagesize-65536", "page_size", "65536"},
		{"meta0-damaged", "meta0", "checksum mismatch"},
		{"meta1-damaged", "meta1", "checksum mismatch"},
		{"metas-swapped", "meta0", "txid 3"},
	} {
		if got := infoOf(t, made(t, want.kind))[want.name]; got != want.value {
			t.Errorf("%s: %s is %q, not %q", want.kind, want.name, got, want.value)
		}
	}
	if height := infoOf(t, made(t, "tall-tree"))["tree_height"]; len(height) == 1 && height < "5" {
		t.Errorf("tall-tree: %s levels", height)
	}
	if pages := strings.Fields(infoOf(t, made(t, "freelist-pages"))["freelist"])[1]; pages == "1" {
		t.Error("freelist-pages: one page")
	}
	if free, err := strconv.Atoi(infoOf(t, made(t, "freelist-short"))["free_count"]); err != nil || free < 10 {
		t.Errorf("freelist-short: %d ids", free)
	}
}

// TestBucketsAtTheInlineLimit names the buckets that are inline: those within a quarter of a page.
func TestBucketsAtTheInlineLimit(t *testing.T) {
	for _, kind := range []string{"inline-limit-1024", "inline-limit-4096", "inline-limit-65536"} {
		raw, err := openRaw(made(t, kind))
		if err != nil {
			t.Fatal(err)
		}
		defer raw.close()
		for name, inline := range map[string]bool{"keys-1-below": true, "keys-7-limit": true,
			"keys-1-limit": true, "keys-1-above": false, "keys-2-above": false, "keys-7-above": false} {
			value, err := raw.find(raw.meta.root, name)
			if err != nil {
				t.Fatal(err)
			}
			if (len(value) > bucketHeaderLen) != inline {
				t.Errorf("%s: %s has a value of %d bytes", kind, name, len(value))
			}
		}
	}
}
