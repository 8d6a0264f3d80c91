//! Reading a tree that is partly pages and partly nodes, and the way down to a key.

use crate::error::{Error, Result};
use crate::format::page::Page;
use crate::format::{MAX_DEPTH, PageId};
use crate::freelist::Run;

use super::Pages;
use super::arena::At;
use super::content::Content;
use super::items::{LeafItem, Pos};
use super::node::{Body, BranchItem, Child, NodeId, Nodes, Root, missing};
use super::search::{prefetch_all_keys, prefetch_table, search, search_child};

/// A page or node on the way through a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A page, checked: its id (0: inline) and where its run lies in the file, in bytes.
    Page {
        /// Its id.
        id: PageId,
        /// Its first byte.
        offset: u64,
        /// Its length.
        len: u64,
    },
    /// A changed node.
    Node(NodeId),
}

impl Place {
    /// The run of a page that is not inline.
    pub fn run(&self, page_size: u32) -> Option<Run> {
        match *self {
            Place::Page { id, len, .. } if id != 0 => {
                Some(Run { id, page_count: len / u64::from(page_size) })
            }
            _ => None,
        }
    }
}

/// One step of the way: where, and which entry of it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The page or node.
    pub place: Place,
    /// The entry.
    pub pos: Pos,
}

/// What stands under a key.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// The value.
    pub value: &'a [u8],
    /// Where the key lies.
    pub key_at: At,
    /// Where the value lies.
    pub at: At,
    /// Whether it is a bucket.
    pub is_bucket: bool,
}

/// What lies at the end of the changed nodes on the way to a key.
pub(super) enum Below<'a> {
    /// A leaf, and what it has under the key.
    Leaf(Option<Found<'a>>),
    /// A page, and the keys that its parent has for it and for the next one.
    Page { id: PageId, lower: &'a [u8], upper: Option<&'a [u8]> },
}

/// The pages and the nodes of one transaction.
pub struct Source<'a, P> {
    /// The pages.
    pub pages: &'a P,
    /// The nodes.
    pub nodes: &'a Nodes,
}

impl<P> Clone for Source<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Source<'_, P> {}

impl<'a, P: Pages> Source<'a, P> {
    /// The `len` bytes at `at`.
    #[inline]
    pub fn bytes(&self, at: At, len: u64) -> Result<&'a [u8]> {
        match at.file_offset() {
            Some(offset) => self.pages.bytes(offset, len),
            None => self.nodes.arena.bytes(at, len).ok_or_else(missing),
        }
    }

    /// The key of a leaf entry.
    #[inline]
    pub fn leaf_key(&self, item: &LeafItem) -> Result<&'a [u8]> {
        self.bytes(item.key_at(), u64::from(item.key_len()))
    }

    /// Key and value of a leaf entry.
    #[inline]
    pub(super) fn entry(&self, item: &LeafItem) -> Result<(&'a [u8], Found<'a>)> {
        let value = self.bytes(item.value_at(), u64::from(item.value_len()))?;
        let found = Found { value, key_at: item.key_at(), at: item.value_at(), is_bucket: item.is_bucket() };
        Ok((self.leaf_key(item)?, found))
    }

    /// The key of a branch entry.
    #[inline]
    pub(super) fn branch_key(&self, item: &BranchItem) -> Result<&'a [u8]> {
        self.bytes(item.at, u64::from(item.key_len))
    }

    /// The place of a tree's root. An inline page was checked when its bucket was opened
    /// ([`Self::check_root`]).
    #[inline]
    pub fn root(&self, root: Root) -> Result<Place> {
        match root {
            Root::Node(node) => Ok(Place::Node(node)),
            Root::Page(id) => self.page(id, None, None),
            Root::Inline { offset, len } => Ok(Place::Page { id: 0, offset, len }),
        }
    }

    /// The place of the root of a tree that is entered for the first time, checked (T4).
    pub fn check_root(&self, root: Root) -> Result<Place> {
        if let Root::Inline { offset, len } = root {
            let page = Page::verify(self.pages.bytes(offset, len)?, 0, 0)?;
            if !page.is_leaf() {
                return Err(Error::corrupt(0, "an inline bucket is no leaf"));
            }
        }
        self.root(root)
    }

    /// The place of page `id`, which the first time is checked in itself and against the keys that its parent
    /// has for it and for the next one (T4).
    #[inline]
    fn page(&self, id: PageId, lower: Option<&[u8]>, upper: Option<&[u8]>) -> Result<Place> {
        let page = self.checked(id, lower, upper)?;
        Ok(Place::Page { id, offset: self.pages.offset(id), len: page.bytes().len() as u64 })
    }

    /// Page `id`, checked as [`Self::page`] says.
    #[inline]
    fn checked(&self, id: PageId, lower: Option<&[u8]>, upper: Option<&[u8]>) -> Result<Page<'a>> {
        prefetch_table(self.pages, self.pages.offset(id));
        let run = self.pages.run(id)?;
        if self.pages.is_known(id) { Page::trusted(run, id) } else { self.check(run, id, lower, upper) }
    }

    #[cold]
    pub(super) fn check(
        &self,
        run: &'a [u8],
        id: PageId,
        lower: Option<&[u8]>,
        upper: Option<&[u8]>,
    ) -> Result<Page<'a>> {
        prefetch_all_keys(&Page::trusted(run, id)?);
        let page = Page::verify(run, id, self.pages.high_water())?;
        check_fences(&page, lower, upper)?;
        self.pages.set_known(id);
        Ok(page)
    }

    /// The place of a branch's child at `pos`, given the keys that no key of it may be below or reach (T4).
    pub(super) fn child(&self, child: Child, lower: Option<&[u8]>, upper: Option<&[u8]>) -> Result<Place> {
        match child {
            Child::Node(node) => Ok(Place::Node(node)),
            Child::Page(id) => self.page(id, lower, upper),
        }
    }

    /// What stands at `place`.
    #[inline]
    pub(super) fn content(&self, place: Place) -> Result<Content<'a>> {
        match place {
            Place::Page { id, offset, len } => {
                let bytes = self.pages.run_again(id, offset, len)?;
                Ok(Content::Page(Page::trusted(bytes, id)?, offset))
            }
            Place::Node(node) => self.node(node),
        }
    }

    /// The entries of a node.
    #[inline]
    pub(super) fn node(&self, id: NodeId) -> Result<Content<'a>> {
        let node = self.nodes.get(id)?;
        let base = match &node.body {
            Body::Leaf(_) | Body::Branch(_) => return Ok(Content::Node(node)),
            Body::PatchedLeaf(leaf) => leaf.base(),
            Body::PatchedBranch(branch) => branch.base(),
        };
        Ok(Content::Patched(node, base.page(self.pages)?))
    }

    /// The value of `key` in the tree that begins at `root`.
    // With what calls it, up to the border to C (`bench/border.sh`); the rarer ways are apart.
    #[inline(always)]
    pub fn get(&self, root: Root, key: &[u8]) -> Result<Option<Found<'a>>> {
        match root {
            Root::Page(id) => self.get_in_pages(id, None, None, key),
            Root::Node(node) => self.get_in_nodes(node, key),
            Root::Inline { offset, len } => self.get_inline(offset, len, key),
        }
    }

    /// As [`Self::get`], in an inline bucket.
    #[inline(never)]
    fn get_inline(&self, offset: u64, len: u64, key: &[u8]) -> Result<Option<Found<'a>>> {
        get_in_leaf(&Page::trusted(self.pages.bytes(offset, len)?, 0)?, offset, key)
    }

    /// As [`Self::get`], from a node down to the first page.
    #[inline(never)]
    fn get_in_nodes(&self, node: NodeId, key: &[u8]) -> Result<Option<Found<'a>>> {
        match self.below_nodes(node, key)? {
            Below::Leaf(found) => Ok(found),
            Below::Page { id, lower, upper } => self.get_in_pages(id, Some(lower), upper, key),
        }
    }

    /// Goes down from a node towards `key`, to a changed leaf or to the first page.
    pub(super) fn below_nodes(&self, node: NodeId, key: &[u8]) -> Result<Below<'a>> {
        let mut node = node;
        let mut upper = None;
        for _ in 0..MAX_DEPTH {
            let content = self.node(node)?;
            if content.is_leaf() {
                let (pos, exact) = content.search(self, key)?;
                let found = if exact { Some(content.entry(self, pos)?.1) } else { None };
                return Ok(Below::Leaf(found));
            }
            let index = content.search_child(self, key)?;
            let lower = content.branch_key(self, index)?;
            if index + 1 < content.len() {
                upper = Some(content.branch_key(self, index + 1)?);
            }
            match content.child(index)? {
                Child::Node(child) => node = child,
                Child::Page(id) => return Ok(Below::Page { id, lower, upper }),
            }
        }
        Err(too_deep(Place::Node(node)))
    }

    /// As [`Self::get`], where all is pages: below a page there are no nodes (T1).
    fn get_in_pages(
        &self,
        id: PageId,
        lower: Option<&'a [u8]>,
        upper: Option<&'a [u8]>,
        key: &[u8],
    ) -> Result<Option<Found<'a>>> {
        let mut id = id;
        let mut page = self.checked(id, lower, upper)?;
        let mut behind = None;
        for _ in 0..MAX_DEPTH {
            if page.is_leaf() {
                return get_in_leaf(&page, self.pages.offset(id), key);
            }
            let index = search_child(&page, key)?;
            if index + 1 < page.count() {
                behind = Some((page, index + 1));
            }
            id = page.child(index)?;
            prefetch_table(self.pages, self.pages.offset(id));
            page = if self.pages.is_known(id) {
                Page::trusted(self.pages.run(id)?, id)?
            } else {
                let upper = behind.map_or(upper, |(page, index)| page.key_at(index));
                self.check(self.pages.run(id)?, id, page.key_at(index), upper)?
            };
        }
        Err(too_deep(Place::Page { id, offset: 0, len: 0 }))
    }

    /// The child at `index` of a branch; `upper` becomes the key that the child may not reach.
    #[inline]
    pub(super) fn descend(
        &self,
        branch: &Content<'a>,
        index: usize,
        upper: &mut Option<&'a [u8]>,
    ) -> Result<Place> {
        if index + 1 < branch.len() {
            *upper = Some(branch.branch_key(self, index + 1)?);
        }
        match branch.child(index)? {
            Child::Page(id) if !self.pages.is_known(id) => {
                self.page(id, Some(branch.branch_key(self, index)?), *upper)
            }
            child => self.child(child, None, None),
        }
    }

    /// Writes into `path` the way to the place of `key`, and says whether the key is there.
    ///
    /// The last step is a leaf, at the first entry that is not below the key; it may be behind the leaf's
    /// last.
    pub(super) fn find(&self, root: Root, key: &[u8], path: &mut Vec<Step>) -> Result<bool> {
        path.clear();
        let mut place = self.root(root)?;
        let mut content = self.content(place)?;
        let mut upper = None;
        for _ in 0..MAX_DEPTH {
            path.try_reserve(1)?;
            if content.is_leaf() {
                let (pos, exact) = content.search(self, key)?;
                path.push(Step { place, pos });
                return Ok(exact);
            }
            let index = content.search_child(self, key)?;
            path.push(Step { place, pos: Pos::index(index) });
            if index + 1 < content.len() {
                upper = Some((content, index + 1));
            }
            (place, content) = match content.child(index)? {
                Child::Node(node) => (Place::Node(node), self.node(node)?),
                Child::Page(id) => {
                    let offset = self.pages.offset(id);
                    let page = self.child_page(id, (content, index), upper)?;
                    (Place::Page { id, offset, len: page.bytes().len() as u64 }, Content::Page(page, offset))
                }
            };
        }
        Err(too_deep(place))
    }

    /// Page `id`, which the branch entry `lower` leads to, checked; `upper` is the entry whose key it may not
    /// reach.
    #[inline]
    fn child_page(
        &self,
        id: PageId,
        lower: (Content<'a>, usize),
        upper: Option<(Content<'a>, usize)>,
    ) -> Result<Page<'a>> {
        prefetch_table(self.pages, self.pages.offset(id));
        if self.pages.is_known(id) {
            return Page::trusted(self.pages.run(id)?, id);
        }
        let key = |(content, index): (Content<'a>, usize)| content.branch_key(self, index);
        self.check(self.pages.run(id)?, id, Some(key(lower)?), upper.map(key).transpose()?)
    }
}

/// The value of `key` on a leaf whose page begins at `offset` of the file.
#[inline]
pub(super) fn get_in_leaf<'a>(page: &Page<'a>, offset: u64, key: &[u8]) -> Result<Option<Found<'a>>> {
    let (index, exact) = search(page, key)?;
    if !exact {
        return Ok(None);
    }
    let Some(element) = page.leaf_at(index) else { return Err(page.outside(index)) };
    let key_at = At::file(offset + element.key_offset as u64);
    let at = key_at.plus(element.key.len() as u64);
    Ok(Some(Found { value: element.value, key_at, at, is_bucket: element.is_bucket }))
}

/// A tree deeper than any sound one.
#[cold]
pub(super) fn too_deep(place: Place) -> Error {
    let page = match place {
        Place::Page { id, .. } => id,
        Place::Node(_) => 0,
    };
    Error::corrupt(page, "the tree is deeper than 64 pages")
}

/// Whether all keys of `page` lie from `lower` on and below `upper`.
pub(super) fn check_fences(page: &Page<'_>, lower: Option<&[u8]>, upper: Option<&[u8]>) -> Result<()> {
    let Some(last) = page.count().checked_sub(1) else { return Ok(()) };
    if lower.is_some_and(|lower| page.key(0).is_ok_and(|key| key < lower)) {
        return Err(Error::corrupt(
            page.id(),
            "the first key lies below the key that its parent has for the page",
        ));
    }
    if upper.is_some_and(|upper| page.key(last).is_ok_and(|key| key >= upper)) {
        return Err(Error::corrupt(
            page.id(),
            "the last key reaches the key that its parent has for the next page",
        ));
    }
    Ok(())
}
