//! The way through all trees: depth first, with a frame for each page on the way.

use std::collections::HashSet;

use crate::error::Result;
use crate::format::bucket::BucketHeader;
use crate::format::meta::Meta;
use crate::format::page::{Header, Kind, Page};
use crate::format::{BUCKET_HEADER_LEN, FIRST_PAGE, MAX_DEPTH, PageId};
use crate::tree::Ahead;

use super::super::snapshot::Snapshot;
use super::Checker;
use super::bytes::Bytes;
use super::elements::{Body, Fences, hex};
use super::report::FindingCode;

/// A reference to a page of a tree.
pub(super) struct Reference<'a> {
    page: PageId,
    /// The page that has it.
    from: PageId,
    /// How many pages of the same tree lie above.
    depth: usize,
    /// The key that the page referring to it has for it, and the one that follows above.
    first: Option<Bytes<'a>>,
    end: Option<Bytes<'a>>,
}

impl<'a> Reference<'a> {
    /// The root of a tree.
    fn root(page: PageId, from: PageId) -> Reference<'a> {
        Reference { page, from, depth: 0, first: None, end: None }
    }

    fn fences(&self) -> Fences<'_> {
        let first = self.first.as_ref().map(|key| (self.from, key.get()));
        Fences { first, end: self.end.as_ref().map(Bytes::get) }
    }

    /// The root bucket's root, which the meta page names.
    pub fn root_bucket(meta: &Meta) -> Reference<'a> {
        Reference::root(meta.root, meta.slot())
    }

    /// A page that the caller names.
    pub fn asked_for(page: PageId) -> Reference<'a> {
        Reference::root(page, page)
    }
}

/// A page of the file, or the inline page of a bucket.
#[derive(Clone)]
struct Content<'a> {
    bytes: Bytes<'a>,
    holder: PageId,
    inline: Option<Bytes<'a>>,
}

/// A page on the way, and how far its elements have been followed.
struct Frame<'a> {
    content: Content<'a>,
    end: Option<Bytes<'a>>,
    depth: usize,
    next: usize,
    /// No element from this one on leads anywhere.
    limit: usize,
    /// The frame of the root of its tree.
    root: usize,
    /// Of a root's frame: the depth of the first leaf of its tree; then the same with all the others, until
    /// one differs.
    leaf_depth: Option<usize>,
    is_uneven: bool,
    ahead: Ahead,
}

/// Where an element leads.
enum Step<'a> {
    Page(Reference<'a>),
    Inline { name: Bytes<'a>, value: Bytes<'a>, holder: PageId },
}

impl Content<'_> {
    fn body(&self) -> Result<Body<'_>> {
        let id = if self.inline.is_some() { 0 } else { self.holder };
        let inline = self.inline.as_ref().map(Bytes::get);
        Ok(Body { page: Page::trusted(self.bytes.get(), id)?, holder: self.holder, inline })
    }
}

impl<'a> Frame<'a> {
    /// Where the next element leads, if anywhere.
    fn step(&mut self, snapshot: &Snapshot) -> Result<Option<Step<'a>>> {
        let index = self.next;
        self.next += 1;
        let body = self.content.body()?;
        if body.page.is_leaf() {
            return Ok(self.bucket(&body, index));
        }
        let limit = self.limit;
        self.ahead.step(snapshot, |count| {
            let index = index.checked_add(count).filter(|&index| index < limit)?;
            body.page.child(index).ok()
        });
        Ok(self.child(&body, index))
    }

    fn child(&self, body: &Body<'_>, index: usize) -> Option<Step<'a>> {
        let page = body.page.child(index).ok()?;
        let bytes = &self.content.bytes;
        let key = |index| body.element(index).map(|element| element.key).filter(|key| !key.is_empty());
        let next = if index + 1 < body.page.count() { key(index + 1) } else { None };
        let first = key(index).map(|key| bytes.part(key));
        let end = next.map(|key| bytes.part(key)).or_else(|| self.end.clone());
        Some(Step::Page(Reference { page, from: body.holder, depth: self.depth + 1, first, end }))
    }

    fn bucket(&self, body: &Body<'_>, index: usize) -> Option<Step<'a>> {
        let element = body.element(index).filter(|element| element.is_bucket)?;
        let header = BucketHeader::decode(element.value)?;
        let holder = body.holder;
        if header.root == 0 {
            let bytes = &self.content.bytes;
            let (name, value) = (bytes.part(element.key), bytes.part(element.value));
            return Some(Step::Inline { name, value, holder });
        }
        Some(Step::Page(Reference::root(header.root, holder)))
    }
}

/// The pages on the way.
#[derive(Default)]
struct Way<'a> {
    frames: Vec<Frame<'a>>,
    pages: HashSet<PageId>,
}

impl<'a> Way<'a> {
    /// Adds a page that was examined, if it leads anywhere.
    fn push(
        &mut self,
        content: Content<'a>,
        depth: usize,
        end: Option<Bytes<'a>>,
        limit: usize,
    ) -> Result<()> {
        if limit == 0 {
            return Ok(());
        }
        let ahead = self.frames.last().map_or_else(Ahead::default, |parent| parent.ahead.below());
        self.frames.try_reserve(1)?;
        let own = self.frames.len();
        let root = if depth == 0 { own } else { self.frames.last().map_or(own, |parent| parent.root) };
        if content.inline.is_none() {
            self.pages.try_reserve(1)?;
            self.pages.insert(content.holder);
        }
        self.frames.push(Frame {
            content,
            end,
            depth,
            next: 0,
            limit,
            root,
            leaf_depth: None,
            is_uneven: false,
            ahead,
        });
        Ok(())
    }

    fn pop(&mut self) {
        if let Some(frame) = self.frames.pop().filter(|frame| frame.content.inline.is_none()) {
            self.pages.remove(&frame.content.holder);
        }
    }

    /// Whether a leaf at `depth` is the first of its tree to lie deeper, or less deep, than the leaves before
    /// it.
    fn is_uneven(&mut self, depth: usize) -> bool {
        let root = self.frames.last().map(|parent| parent.root);
        let Some(root) = root.and_then(|root| self.frames.get_mut(root)) else { return false };
        let is_first = !root.is_uneven && *root.leaf_depth.get_or_insert(depth) != depth;
        root.is_uneven |= is_first;
        is_first
    }
}

impl<'a> Checker<'a, '_> {
    /// Examines the page referred to, and all pages and buckets below.
    pub(super) fn walk(&mut self, reference: Reference<'a>) -> Result<()> {
        let mut way = Way::default();
        self.page(&mut way, reference)?;
        while let Some(frame) = way.frames.last_mut() {
            if frame.next >= frame.limit {
                way.pop();
                continue;
            }
            match frame.step(self.snapshot)? {
                Some(Step::Page(reference)) => self.page(&mut way, reference)?,
                Some(Step::Inline { name, value, holder }) => self.inline(&mut way, name, value, holder)?,
                None => {}
            }
        }
        Ok(())
    }

    fn page(&mut self, way: &mut Way<'a>, reference: Reference<'a>) -> Result<()> {
        let Some(bytes) = self.entered(way, &reference)? else { return Ok(()) };
        let content = Content { bytes, holder: reference.page, inline: None };
        let body = content.body()?;
        self.shape(way, &body, reference.depth)?;
        let limit = self.elements(&body, &reference.fences())?;
        way.push(content, reference.depth, reference.end, limit)
    }

    /// The run of the page referred to, where it is there, is used nowhere else and has a header of its own
    /// (C3).
    fn entered(&mut self, way: &Way<'a>, reference: &Reference<'a>) -> Result<Option<Bytes<'a>>> {
        let &Reference { page: id, from, .. } = reference;
        let end = self.high_water();
        if !(FIRST_PAGE..end).contains(&id) {
            let text = format!("page {from} refers to page {id}, but the pages lie from 2 to {end}");
            return self.refused(FindingCode::PageRange, from, &text);
        }
        if self.used.contains(id) {
            return self.twice(way, id, from);
        }
        if reference.depth >= MAX_DEPTH {
            let text = format!("page {id} lies deeper than {MAX_DEPTH} pages in its tree");
            return self.refused(FindingCode::TooDeep, id, &text);
        }
        self.claim(id, from)?;
        let header = self.header(id)?;
        let Some(header) = header else {
            let text = format!("page {id} lies past the end of the file");
            return self.refused(FindingCode::PageLength, id, &text);
        };
        if !self.is_tree_header(id, &header)? {
            self.is_complete = false;
            return Ok(None);
        }
        let page_count = u64::from(header.overflow) + 1;
        if let Some(end) = self.passed_end(id, page_count) {
            let text = format!("page {id} has {} overflow pages, past the end of {end}", header.overflow);
            return self.refused(FindingCode::PageLength, id, &text);
        }
        if !self.overflow(id, page_count)? {
            return Ok(None);
        }
        self.run(id, page_count).map(Some)
    }

    /// Reports what keeps a page from being entered.
    fn refused(&mut self, code: FindingCode, page: PageId, text: &str) -> Result<Option<Bytes<'a>>> {
        self.is_complete = false;
        self.out.error(code, page, text)?;
        Ok(None)
    }

    fn twice(&mut self, way: &Way<'a>, id: PageId, from: PageId) -> Result<Option<Bytes<'a>>> {
        self.is_complete &= !self.inner.contains(id);
        let (code, text) = if way.pages.contains(&id) {
            (FindingCode::Cycle, format!("page {from} refers to page {id}, below which it lies itself"))
        } else {
            (FindingCode::PageTwice, format!("page {id}, to which page {from} refers, is in use elsewhere"))
        };
        self.out.error(code, id, &text)?;
        Ok(None)
    }

    /// Notes that page `id` is in use.
    fn claim(&mut self, id: PageId, user: PageId) -> Result<()> {
        self.used.insert(id)?;
        if self.free.contains(id) {
            let text = format!("page {id} is used by page {user}, but the freelist names it");
            self.out.error(FindingCode::PageFreed, id, &text)?;
        }
        Ok(())
    }

    /// Notes that the overflow pages of page `id` are in use; `false` where one was before.
    fn overflow(&mut self, id: PageId, page_count: u64) -> Result<bool> {
        for page in id + 1..id + page_count {
            if self.used.contains(page) {
                let text = format!("page {page}, an overflow page of page {id}, is in use elsewhere");
                self.refused(FindingCode::PageTwice, page, &text)?;
                return Ok(false);
            }
            self.claim(page, id)?;
            self.inner.insert(page)?;
        }
        Ok(true)
    }

    fn is_tree_header(&mut self, id: PageId, header: &Header) -> Result<bool> {
        let has_own_id = header.id == id;
        if !has_own_id {
            let text = format!("the header of page {id} has the id {}", header.id);
            self.out.error(FindingCode::PageId, id, &text)?;
        }
        let is_tree = matches!(header.kind(), Some(Kind::Branch | Kind::Leaf));
        if !is_tree {
            let text = format!("page {id} is neither branch nor leaf, its flags are {:#x}", header.flags);
            self.out.error(FindingCode::PageKind, id, &text)?;
        }
        Ok(has_own_id && is_tree)
    }

    /// How many elements a page has, and where it lies in its tree.
    fn shape(&mut self, way: &mut Way<'a>, body: &Body<'_>, depth: usize) -> Result<()> {
        let id = body.holder;
        let is_leaf = body.page.is_leaf();
        match body.page.count() {
            0 if !is_leaf || depth > 0 => {
                let text = format!("page {id} has no elements");
                self.out.error(FindingCode::EmptyPage, id, &text)?;
            }
            1 if !is_leaf => {
                let text = format!("page {id} is a branch with one child");
                self.out.warning(FindingCode::SingleChild, id, &text)?;
            }
            _ => {}
        }
        if is_leaf && depth > 0 && way.is_uneven(depth) {
            let text = format!("page {id} is a leaf at another depth than the leaves before it");
            self.out.warning(FindingCode::UnevenDepth, id, &text)?;
        }
        Ok(())
    }

    /// Examines the page that a bucket without a root page has in its value.
    fn inline(&mut self, way: &mut Way<'a>, name: Bytes<'a>, value: Bytes<'a>, holder: PageId) -> Result<()> {
        let bytes = value.get().get(BUCKET_HEADER_LEN..).unwrap_or_default();
        let flaw = match Header::decode(bytes) {
            None => Some(format!("has only {} bytes", bytes.len())),
            Some(header) if header.id != 0 => Some(format!("has the id {} and not 0", header.id)),
            Some(header) if header.kind() != Some(Kind::Leaf) => {
                Some(format!("is no leaf, its flags are {:#x}", header.flags))
            }
            Some(header) if header.overflow != 0 => Some(format!("has {} overflow pages", header.overflow)),
            Some(_) => None,
        };
        if let Some(flaw) = flaw {
            let text = format!("the inline page of bucket {} on page {holder} {flaw}", hex(name.get()));
            self.refused(FindingCode::InlinePage, holder, &text)?;
            return Ok(());
        }
        let content = Content { bytes: value.part(bytes), holder, inline: Some(name) };
        let limit = self.elements(&content.body()?, &Fences::default())?;
        way.push(content, 0, None, limit)
    }
}
