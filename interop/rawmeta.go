// The two meta pages of a file, read without bbolt: their fields, which of them are valid, and the page
// size they tell. Stricter than bbolt 1.3.6 in one point: a stored checksum of 0 is not valid.

package main

import (
	"encoding/binary"
	"errors"
	"hash/fnv"
	"io"
)

const (
	pageHeaderLen = 16
	metaLen       = 64
	metaMagic     = 0xED0CDAED
	metaVersion   = 2
	noFreelist    = 0xFFFFFFFFFFFFFFFF
)

type rawMeta struct {
	pageSize  uint32
	flags     uint32
	root      uint64
	sequence  uint64
	freelist  uint64
	highWater uint64
	txid      uint64
	checksum  uint64
}

var (
	errMagic    = errors.New("no magic number")
	errVersion  = errors.New("unknown version")
	errChecksum = errors.New("checksum mismatch")
	errNoMeta   = errors.New("no valid meta page")
)

// decodeMeta reads the meta in a page, of which at least the first 80 bytes are given.
func decodeMeta(page []byte) (rawMeta, error) {
	b := page[pageHeaderLen : pageHeaderLen+metaLen]
	u32, u64 := binary.LittleEndian.Uint32, binary.LittleEndian.Uint64
	m := rawMeta{
		pageSize: u32(b[8:]), flags: u32(b[12:]),
		root: u64(b[16:]), sequence: u64(b[24:]), freelist: u64(b[32:]),
		highWater: u64(b[40:]), txid: u64(b[48:]), checksum: u64(b[56:]),
	}
	switch {
	case u32(b) != metaMagic:
		return m, errMagic
	case u32(b[4:]) != metaVersion:
		return m, errVersion
	case m.checksum != metaChecksum(page):
		return m, errChecksum
	}
	return m, nil
}

// metaChecksum computes what the checksum field of the meta in this page should hold.
func metaChecksum(page []byte) uint64 {
	h := fnv.New64a()
	h.Write(page[pageHeaderLen : pageHeaderLen+metaLen-8])
	return h.Sum64()
}

// readMeta reads the meta page at an offset.
func readMeta(file io.ReaderAt, offset int64) (rawMeta, error) {
	var page [pageHeaderLen + metaLen]byte
	if _, err := file.ReadAt(page[:], offset); err != nil {
		return rawMeta{}, err
	}
	return decodeMeta(page[:])
}

// findPageSize finds the page size as newer bbolt does: the first meta tells it, or else a valid meta at
// one of the offsets where the second one can lie.
func findPageSize(file io.ReaderAt) (uint64, error) {
	if m, err := readMeta(file, 0); err == nil {
		return uint64(m.pageSize), nil
	}
	for shift := 0; shift < 15; shift++ {
		if m, err := readMeta(file, 1024<<shift); err == nil {
			return uint64(m.pageSize), nil
		}
	}
	return 0, errNoMeta
}
