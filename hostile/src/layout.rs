//! Where everything stands in a sound file: what the mutations aim at.
//!
//! It is read with as little as possible of the engine's own code: integers and page headers alone.

use std::ops::Range;

use bolt::format::bytes::{u32_at, u64_at};
use bolt::format::meta::{META_LEN, Meta};
use bolt::format::page::{Header, Kind};
use bolt::format::{BUCKET_HEADER_LEN, ELEMENT_LEN, NO_FREELIST, PAGE_HEADER_LEN};

/// A page of a tree.
#[derive(Clone, Debug)]
pub struct TreePage {
    /// Its number.
    pub id: u64,
    /// Where its run begins, in bytes.
    pub at: usize,
    /// The length of its run in bytes.
    pub len: usize,
    /// Whether it is a leaf.
    pub is_leaf: bool,
    /// How many elements it has.
    pub count: usize,
    /// The page that names it, by its place in [`Layout::pages`]; none: the root bucket's root.
    pub parent: Option<usize>,
    /// Where the eight bytes stand that name it.
    pub reference: usize,
    /// Where the key stands that its parent has for it; empty for a root.
    pub parent_key: Range<usize>,
}

/// What an element holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A child page.
    Child,
    /// A value.
    Value,
    /// A bucket with a root page.
    Bucket,
    /// A bucket within its value.
    Inline,
}

/// An element of a page.
#[derive(Clone, Debug)]
pub struct Element {
    /// The page, by its place in [`Layout::pages`].
    pub page: usize,
    /// Whether it stands in an inline page of that page.
    pub is_inline: bool,
    /// Its place in the table of its page.
    pub index: usize,
    /// How many elements its page has.
    pub count: usize,
    /// Where its sixteen bytes stand.
    pub at: usize,
    /// Where its key stands.
    pub key: Range<usize>,
    /// Where its value stands; empty for a branch's.
    pub value: Range<usize>,
    /// What it holds.
    pub holds: Holds,
}

/// The list of free pages.
#[derive(Clone, Debug)]
pub struct List {
    /// Its page.
    pub id: u64,
    /// Where its run begins, in bytes.
    pub at: usize,
    /// How many pages it takes.
    pub page_count: u64,
    /// Where its ids begin.
    pub ids_at: usize,
    /// The pages it names.
    pub ids: Vec<u64>,
}

/// A sound file's map.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The page size in bytes.
    pub page_size: usize,
    /// The newest meta.
    pub meta: Meta,
    /// The slot in which it stands.
    pub slot: usize,
    /// The pages of all trees, parents before children.
    pub pages: Vec<TreePage>,
    /// The elements of all pages, inline ones too.
    pub elements: Vec<Element>,
    /// Where the inline pages begin, and the length of each.
    pub inlines: Vec<(usize, usize)>,
    /// The list of free pages, where the file has one.
    pub list: Option<List>,
}

/// A page that is still to be read.
struct Pending {
    id: u64,
    parent: Option<usize>,
    reference: usize,
    parent_key: Range<usize>,
}

impl Layout {
    /// The map of a sound file; `None` where the file is not sound enough to have one.
    pub fn of(bytes: &[u8]) -> Option<Layout> {
        let first = Meta::decode(bytes).ok()?;
        let page_size = first.page_size as usize;
        let second = Meta::decode(bytes.get(page_size..)?).ok()?;
        let (meta, slot) = if second.txid > first.txid { (second, 1) } else { (first, 0) };
        let list =
            if meta.freelist == NO_FREELIST { None } else { Some(list_of(bytes, page_size, meta.freelist)?) };
        let (pages, elements, inlines) = (Vec::new(), Vec::new(), Vec::new());
        let mut layout = Layout { page_size, meta, slot, pages, elements, inlines, list };
        let reference = slot * page_size + PAGE_HEADER_LEN + 16;
        let mut pending = vec![Pending { id: meta.root, parent: None, reference, parent_key: 0..0 }];
        while let Some(next) = pending.pop() {
            layout.page(bytes, next, &mut pending)?;
        }
        Some(layout)
    }

    fn page(&mut self, bytes: &[u8], next: Pending, pending: &mut Vec<Pending>) -> Option<()> {
        let Pending { id, parent, reference, parent_key } = next;
        let at = usize::try_from(id).ok()?.checked_mul(self.page_size)?;
        let header = Header::decode(bytes.get(at..)?)?;
        let is_leaf = header.kind()? == Kind::Leaf;
        let len = (header.overflow as usize + 1) * self.page_size;
        let count = usize::from(header.count);
        let page = self.pages.len();
        self.pages.push(TreePage { id, at, len, is_leaf, count, parent, reference, parent_key });
        self.elements(bytes, page, at, is_leaf, pending)
    }

    /// The elements of the page at `at`, which is page `page` or an inline page in it.
    fn elements(
        &mut self,
        bytes: &[u8],
        page: usize,
        at: usize,
        is_leaf: bool,
        pending: &mut Vec<Pending>,
    ) -> Option<()> {
        let mut inline = vec![at];
        while let Some(at) = inline.pop() {
            let is_inline = at != self.pages.get(page)?.at;
            let count = usize::from(Header::decode(bytes.get(at..)?)?.count);
            for index in 0..count {
                let element = element(bytes, page, at, (index, count), is_leaf, is_inline)?;
                let parent = Some(page);
                match element.holds {
                    Holds::Child => pending.push(Pending {
                        id: u64_at(bytes, element.at + 8)?,
                        parent,
                        reference: element.at + 8,
                        parent_key: element.key.clone(),
                    }),
                    Holds::Bucket => pending.push(Pending {
                        id: u64_at(bytes, element.value.start)?,
                        parent,
                        reference: element.value.start,
                        parent_key: 0..0,
                    }),
                    Holds::Inline => {
                        let start = element.value.start + BUCKET_HEADER_LEN;
                        self.inlines.push((start, element.value.end.checked_sub(start)?));
                        inline.push(start);
                    }
                    Holds::Value => {}
                }
                self.elements.push(element);
            }
        }
        Some(())
    }

    /// Where meta `slot` begins, its page header included.
    pub fn meta_range(&self, slot: usize) -> Range<usize> {
        slot * self.page_size..slot * self.page_size + META_LEN
    }

    /// Whether page `above` is page `page`, or lies above it.
    pub fn is_above(&self, above: usize, page: usize) -> bool {
        let mut at = Some(page);
        while let Some(page) = at {
            if page == above {
                return true;
            }
            at = self.pages.get(page).and_then(|page| page.parent);
        }
        false
    }
}

fn element(
    bytes: &[u8],
    page: usize,
    page_at: usize,
    (index, count): (usize, usize),
    is_leaf: bool,
    is_inline: bool,
) -> Option<Element> {
    let at = page_at + PAGE_HEADER_LEN + ELEMENT_LEN * index;
    let field = |number: usize| u32_at(bytes, at + 4 * number).map(|value| value as usize);
    if !is_leaf {
        let start = at + field(0)?;
        let key = start..start + field(1)?;
        let value = key.end..key.end;
        return Some(Element { page, is_inline, index, count, at, key, value, holds: Holds::Child });
    }
    let start = at + field(1)?;
    let key = start..start + field(2)?;
    let value = key.end..key.end + field(3)?;
    let holds = match (field(0)?, u64_at(bytes, value.start)) {
        (0, _) => Holds::Value,
        (_, Some(0)) => Holds::Inline,
        _ => Holds::Bucket,
    };
    Some(Element { page, is_inline, index, count, at, key, value, holds })
}

fn list_of(bytes: &[u8], page_size: usize, id: u64) -> Option<List> {
    let at = usize::try_from(id).ok()?.checked_mul(page_size)?;
    let header = Header::decode(bytes.get(at..)?)?;
    let (count, ids_at) = match header.count {
        0xFFFF => (u64_at(bytes, at + PAGE_HEADER_LEN)? as usize, at + PAGE_HEADER_LEN + 8),
        count => (usize::from(count), at + PAGE_HEADER_LEN),
    };
    let ids = (0..count).map(|index| u64_at(bytes, ids_at + 8 * index)).collect::<Option<_>>()?;
    Some(List { id, at, page_count: u64::from(header.overflow) + 1, ids_at, ids })
}
