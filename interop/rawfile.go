// A database file read without bbolt: page runs and their elements, each bounds-checked, so that a damaged
// file gives an error and never a panic. The structure check and the generators stand on it.

package main

import (
	"encoding/binary"
	"fmt"
	"os"
)

const (
	branchFlag   = 0x01
	leafFlag     = 0x02
	metaFlag     = 0x04
	freelistFlag = 0x10

	bucketElement   = 0x01
	elementLen      = 16
	bucketHeaderLen = 16
)

type rawFile struct {
	file     *os.File
	size     uint64
	pageSize uint64
	metas    [2]rawMeta
	metaErrs [2]error
	meta     rawMeta
}

// rawPage is a page run: its header, and all of its bytes (or those of a page held inline in a value).
type rawPage struct {
	id       uint64
	flags    uint16
	count    int
	overflow uint64
	data     []byte
}

// rawElement is an element of a leaf (flags, key, value) or of a branch (key, child).
type rawElement struct {
	flags uint32
	key   []byte
	value []byte
	child uint64
}

func openRaw(path string) (*rawFile, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	raw := &rawFile{file: file}
	if err := raw.load(); err != nil {
		file.Close()
		return nil, err
	}
	return raw, nil
}

func (r *rawFile) load() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	r.size = uint64(info.Size())
	if r.pageSize, err = findPageSize(r.file); err != nil {
		return err
	}
	if r.pageSize < 512 || r.pageSize > 1<<24 || r.size < 2*r.pageSize {
		return fmt.Errorf("page size %d in a file of %d bytes", r.pageSize, r.size)
	}
	best := -1
	for i := range r.metas {
		r.metas[i], r.metaErrs[i] = readMeta(r.file, int64(uint64(i)*r.pageSize))
		if r.metaErrs[i] == nil && (best < 0 || r.metas[i].txid > r.metas[best].txid) {
			best = i
		}
	}
	if best < 0 {
		return errNoMeta
	}
	r.meta = r.metas[best]
	return nil
}

func (r *rawFile) close() { r.file.Close() }

// pageCount answers how many pages below the high water the file holds in full.
func (r *rawFile) pageCount() uint64 {
	if count := r.size / r.pageSize; count < r.meta.highWater {
		return count
	}
	return r.meta.highWater
}

// run reads the page run that begins at a page id.
func (r *rawFile) run(id uint64) (*rawPage, error) {
	if id < 2 || id >= r.pageCount() {
		return nil, fmt.Errorf("page %d: outside of [2, %d)", id, r.pageCount())
	}
	var header [pageHeaderLen]byte
	if _, err := r.file.ReadAt(header[:], int64(id*r.pageSize)); err != nil {
		return nil, fmt.Errorf("page %d: %v", id, err)
	}
	p := decodePageHeader(header[:])
	if p.overflow >= r.pageCount()-id {
		return nil, fmt.Errorf("page %d: overflow %d reaches past page %d", id, p.overflow, r.pageCount())
	}
	p.data = make([]byte, (p.overflow+1)*r.pageSize)
	if _, err := r.file.ReadAt(p.data, int64(id*r.pageSize)); err != nil {
		return nil, fmt.Errorf("page %d: %v", id, err)
	}
	return p, nil
}

func decodePageHeader(b []byte) *rawPage {
	return &rawPage{
		id:       binary.LittleEndian.Uint64(b),
		flags:    binary.LittleEndian.Uint16(b[8:]),
		count:    int(binary.LittleEndian.Uint16(b[10:])),
		overflow: uint64(binary.LittleEndian.Uint32(b[12:])),
	}
}

// inlinePage decodes the page that an inline bucket holds behind its header.
func inlinePage(value []byte) (*rawPage, error) {
	if len(value) < bucketHeaderLen+pageHeaderLen {
		return nil, fmt.Errorf("inline bucket of %d bytes", len(value))
	}
	p := decodePageHeader(value[bucketHeaderLen:])
	p.data = value[bucketHeaderLen:]
	if p.id != 0 || p.flags != leafFlag || p.overflow != 0 {
		return nil, fmt.Errorf("inline page with id %d, flags %#x, overflow %d", p.id, p.flags, p.overflow)
	}
	return p, nil
}

// elements decodes all elements of a leaf or branch page.
func (p *rawPage) elements() ([]rawElement, error) {
	if pageHeaderLen+p.count*elementLen > len(p.data) {
		return nil, fmt.Errorf("%d elements in %d bytes", p.count, len(p.data))
	}
	list := make([]rawElement, p.count)
	for i := range list {
		element, err := p.element(pageHeaderLen + i*elementLen)
		if err != nil {
			return nil, fmt.Errorf("element %d: %v", i, err)
		}
		list[i] = element
	}
	return list, nil
}

func (p *rawPage) element(offset int) (rawElement, error) {
	u32 := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(p.data[offset+at:])) }
	var e rawElement
	var pos, keyLen, valueLen uint64
	if p.flags == leafFlag {
		e.flags = uint32(u32(0))
		pos, keyLen, valueLen = u32(4), u32(8), u32(12)
	} else {
		pos, keyLen = u32(0), u32(4)
		e.child = binary.LittleEndian.Uint64(p.data[offset+8:])
	}
	start := uint64(offset) + pos
	if start+keyLen+valueLen > uint64(len(p.data)) {
		return e, fmt.Errorf("bytes %d to %d lie outside of %d", start, start+keyLen+valueLen, len(p.data))
	}
	e.key = p.data[start : start+keyLen]
	e.value = p.data[start+keyLen : start+keyLen+valueLen]
	return e, nil
}

// freeIDs decodes the ids of a freelist page: a count of 0xFFFF says that the first id is the real count.
func (p *rawPage) freeIDs() ([]uint64, error) {
	all := p.data[pageHeaderLen:]
	count, first := uint64(p.count), uint64(0)
	if p.count == 0xFFFF {
		count, first = binary.LittleEndian.Uint64(all), 1
	}
	if capacity := uint64(len(all) / 8); count > capacity || first+count > capacity {
		return nil, fmt.Errorf("%d free ids in %d bytes", count, len(all))
	}
	ids := make([]uint64, count)
	for i := range ids {
		ids[i] = binary.LittleEndian.Uint64(all[(first+uint64(i))*8:])
	}
	return ids, nil
}
