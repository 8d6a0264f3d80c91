//! Pages with few changes: the page as it is, and what is different.
//!
//! Most pages that a transaction changes get one new entry, or one new child. To make a table of all their
//! entries ([`super::items::Items`]) would cost more than the change. So a page taken over begins as one of
//! these, becomes a table when it has many changes or is to be cut, merged or emptied ([`Nodes::unfold`]), and
//! is otherwise written by copying what did not change.
//!
//! X1. The page is one page of the file that the commit frees and that nobody writes meanwhile. Its elements'
//!     data lie in their order, without gaps, so that neighbours are copied at once.
//! X2. Patches are in the order of their place; those at the same place: removals first. Each begins at or
//!     behind the end of the one before.

use std::cmp::Ordering;

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::format::builder::PageBuilder;
use crate::format::page::{Kind, Page};
use crate::format::{ELEMENT_LEN, PageId};

use super::Pages;
use super::arena::At;
use super::items::{Items, LeafItem};
use super::node::{Body, BranchItem, Child, Node, NodeId, Nodes, missing};
use super::source::Source;

/// A leaf with so many changes becomes a table, and a branch of which so many children are nodes: more changes are
/// likely then, and a table is searched faster (`cargo xtask instructions`).
const LEAF_PATCH_MAX: usize = 4;
const BRANCH_PATCH_MAX: usize = 12;

/// The page under the changes.
#[derive(Clone, Copy)]
pub(super) struct Base {
    id: PageId,
    offset: u64,
    len: u64,
    count: u32,
    is_leaf: bool,
}

impl Base {
    /// The page as it stands in the file.
    #[inline]
    pub fn page<'a, P: Pages>(&self, pages: &'a P) -> Result<Page<'a>> {
        let bytes = pages.bytes(self.offset, self.len)?;
        Ok(Page::again(bytes, self.id, self.is_leaf, self.count as usize))
    }

    /// Where in the file it begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// What the entries at one place are in place of the page's.
#[derive(Clone, Copy, Debug)]
struct Patch {
    /// The index among the leaf's entries, changes included.
    at: u32,
    /// The index on the page of what follows.
    next: u32,
    /// The entry that stands there; none where one was only taken out.
    item: Option<LeafItem>,
}

impl Patch {
    /// The index behind it.
    fn end(&self) -> u32 {
        self.at + u32::from(self.item.is_some())
    }
}

/// Where an entry of a leaf is found.
enum Spot<'a> {
    Page(u32),
    Patch(usize, &'a LeafItem),
}

/// A leaf with few changes.
pub struct PatchedLeaf {
    base: Base,
    count: u32,
    used_len: u64,
    patches: SmallVec<[Patch; 1]>,
}

impl PatchedLeaf {
    /// The leaf `page`, which begins at `offset` of the file, unchanged; `None` where its data do not lie in
    /// order (X1).
    fn of_page(page: &Page<'_>, offset: u64) -> Option<PatchedLeaf> {
        let used_len = page.packed_len()?;
        let (id, len, count) = (page.id(), page.bytes().len() as u64, page.count() as u32);
        let base = Base { id, offset, len, count, is_leaf: true };
        Some(PatchedLeaf { base, count, used_len, patches: SmallVec::new() })
    }

    /// The same once more.
    pub fn copied(&self) -> Result<PatchedLeaf> {
        Ok(PatchedLeaf { patches: copied(&self.patches)?, ..*self })
    }

    /// The page under the changes.
    pub(super) fn base(&self) -> &Base {
        &self.base
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// The bytes that it takes on one page.
    pub fn used_len(&self) -> u64 {
        self.used_len
    }

    /// Bytes of memory that its changes take beside it.
    pub fn memory_len(&self) -> usize {
        if self.patches.spilled() { self.patches.capacity() * size_of::<Patch>() } else { 0 }
    }

    /// Whether it begins with the key that the page begins with.
    pub fn has_first_key(&self) -> bool {
        // What replaces an entry has its key.
        self.patches.first().is_none_or(|patch| patch.at > 0 || (patch.item.is_some() && patch.next == 1))
    }

    /// Whether it has as many changes as it should.
    pub fn is_full(&self) -> bool {
        self.patches.len() >= LEAF_PATCH_MAX
    }

    #[inline]
    fn spot(&self, index: u32) -> Spot<'_> {
        for (number, patch) in self.patches.iter().enumerate().rev() {
            match &patch.item {
                Some(item) if patch.at == index => return Spot::Patch(number, item),
                _ if patch.end() <= index => return Spot::Page(patch.next + (index - patch.end())),
                _ => {}
            }
        }
        Spot::Page(index)
    }

    /// The entry at `index`; `page` is the base's.
    #[inline]
    pub fn item(&self, page: &Page<'_>, index: usize) -> Option<LeafItem> {
        if index >= self.len() {
            return None;
        }
        match self.spot(index as u32) {
            Spot::Patch(_, item) => Some(*item),
            Spot::Page(index) => {
                let place = page.leaf_places(index as usize, 1).next()?;
                let (key_len, value_len) = (place.key_len as usize, place.value_len as usize);
                let at = At::file(self.base.offset + place.key_offset);
                LeafItem::new(at, key_len, value_len, place.is_bucket)
            }
        }
    }

    /// The index of the first entry that is not below a key, and whether it has the key: from what a search on the
    /// page came to, and from how a new entry's key compares to the one sought.
    pub fn search(
        &self,
        on_page: (usize, bool),
        mut order: impl FnMut(&LeafItem) -> Result<Ordering>,
    ) -> Result<(usize, bool)> {
        let (place, mut is_on_page, mut is_new) = (on_page.0 as u32, on_page.1, false);
        // Of the page's entries below the key those count that are still there; of the new ones those below it.
        let (mut index, mut next, mut end) = (place, 0, 0);
        for patch in &self.patches {
            let gone = next + (patch.at - end)..patch.next;
            index -= gone.end.min(place) - gone.start.min(place);
            is_on_page &= !gone.contains(&place);
            match patch.item.as_ref().map(&mut order).transpose()? {
                Some(Ordering::Less) => index += 1,
                Some(Ordering::Equal) => is_new = true,
                _ => {}
            }
            (next, end) = (patch.next, patch.end());
        }
        Ok((index as usize, is_on_page || is_new))
    }

    /// Replaces the entry at `index`, which is `old`.
    pub fn replace(&mut self, index: usize, old: &LeafItem, item: LeafItem) -> Result<()> {
        let at = index as u32;
        match self.spot(at) {
            Spot::Patch(number, _) => {
                if let Some(patch) = self.patches.get_mut(number) {
                    patch.item = Some(item);
                }
            }
            Spot::Page(on_page) => {
                let number = self.patches.partition_point(|patch| patch.at <= at);
                self.insert_patch(number, Patch { at, next: on_page + 1, item: Some(item) })?;
            }
        }
        self.used_len = self.used_len + item.data_len() - old.data_len();
        Ok(())
    }

    /// Puts `item` before the entry at `index`.
    pub fn insert(&mut self, index: usize, item: LeafItem) -> Result<()> {
        let at = index as u32;
        let number = self.patches.partition_point(|patch| patch.at < at);
        let next = self.page_index_before(number, at);
        self.insert_patch(number, Patch { at, next, item: Some(item) })?;
        self.patches.iter_mut().skip(number + 1).for_each(|patch| patch.at += 1);
        self.count += 1;
        self.used_len += ELEMENT_LEN as u64 + item.data_len();
        Ok(())
    }

    /// Takes the entry at `index` out, which is `old`.
    pub fn remove(&mut self, index: usize, old: &LeafItem) -> Result<()> {
        let at = index as u32;
        let number = match self.spot(at) {
            Spot::Patch(number, _) => {
                if let Some(patch) = self.patches.get_mut(number) {
                    patch.item = None;
                }
                number
            }
            Spot::Page(on_page) => {
                let number = self.patches.partition_point(|patch| patch.at <= at);
                self.insert_patch(number, Patch { at, next: on_page + 1, item: None })?;
                number
            }
        };
        self.patches.iter_mut().skip(number + 1).for_each(|patch| patch.at -= 1);
        self.count -= 1;
        self.used_len -= ELEMENT_LEN as u64 + old.data_len();
        Ok(())
    }

    /// The index on the page of what stands at `at`, before patch `number`.
    fn page_index_before(&self, number: usize, at: u32) -> u32 {
        let before = number.checked_sub(1).and_then(|before| self.patches.get(before));
        before.map_or(at, |patch| patch.next + (at - patch.end()))
    }

    fn insert_patch(&mut self, number: usize, patch: Patch) -> Result<()> {
        self.patches.try_reserve(1).map_err(|_| Error::NoMemory)?;
        self.patches.insert(number, patch);
        Ok(())
    }

    /// The entries in order: of the page those from one index up to another, or one that is new.
    fn parts(&self) -> impl Iterator<Item = (std::ops::Range<u32>, Option<&LeafItem>)> + '_ {
        let (mut start, mut behind) = (0, 0);
        let changed = self.patches.iter().map(move |patch| {
            let same = start..start + (patch.at - behind);
            (start, behind) = (patch.next, patch.end());
            (same, patch.item.as_ref())
        });
        let last = self.patches.last().map_or(0, |patch| patch.next);
        changed.chain(std::iter::once((last..self.base.count, None)))
    }

    /// The table of all entries.
    pub fn items<P: Pages>(&self, pages: &P) -> Result<Items> {
        let page = self.base.page(pages)?;
        let mut items = Items::with_room(self.len())?;
        for index in 0..self.len() {
            items.push(self.item(&page, index).ok_or_else(|| page.outside(index))?)?;
        }
        Ok(items)
    }

    /// What the transaction found in order is so no more: somebody else writes the file.
    #[cold]
    fn changed(&self) -> Error {
        Error::corrupt(self.base.id, "it changed while a transaction was using it")
    }

    /// Whether each change puts an entry in the place of one as long.
    fn is_in_place(&self, page: &Page<'_>) -> bool {
        self.patches.iter().all(|patch| {
            patch.at + 1 == patch.next
                && patch.item.zip(page.leaf_places(patch.at as usize, 1).next()).is_some_and(
                    |(item, place)| {
                        (item.key_len(), item.value_len(), item.is_bucket())
                            == (place.key_len, place.value_len, place.is_bucket)
                    },
                )
        })
    }

    /// As [`Self::encode`], where all entries stay where they are.
    fn encode_in_place<P: Pages>(
        &self,
        source: Source<'_, P>,
        page: &Page<'_>,
        id: PageId,
        bytes: &mut [u8],
    ) -> Result<()> {
        page.copy_leaf(id, self.used_len, bytes).ok_or_else(missing)?;
        for patch in &self.patches {
            let places = patch.item.zip(page.leaf_places(patch.at as usize, 1).next());
            let (item, place) = places.ok_or_else(|| self.changed())?;
            let data = source.bytes(item.key_at(), item.data_len())?;
            let start = place.key_offset as usize;
            bytes.get_mut(start..start + data.len()).ok_or_else(|| self.changed())?.copy_from_slice(data);
        }
        Ok(())
    }

    /// Writes the leaf as page `id` into `bytes`.
    pub(super) fn encode<P: Pages>(&self, source: Source<'_, P>, id: PageId, bytes: &mut [u8]) -> Result<()> {
        let page = self.base.page(source.pages)?;
        if self.is_in_place(&page) {
            return self.encode_in_place(source, &page, id, bytes);
        }
        let changed = || self.changed();
        let mut builder = PageBuilder::new(bytes, id, Kind::Leaf, self.len(), 0).ok_or_else(missing)?;
        for (same, new) in self.parts() {
            builder.leaf_copy(&page, same.start as usize..same.end as usize).ok_or_else(changed)?;
            if let Some(item) = new {
                let data = source.bytes(item.key_at(), item.data_len())?;
                let lens = (item.key_len(), item.value_len(), item.is_bucket());
                builder.leaf_entry(lens, data).ok_or_else(changed)?;
            }
        }
        if builder.used_len() != self.used_len {
            return Err(changed());
        }
        builder.finish().ok_or_else(missing)
    }
}

/// A branch of which some children are changed.
pub struct PatchedBranch {
    base: Base,
    /// The children that are not the page's, by their index.
    children: SmallVec<[(u32, Child); 1]>,
}

impl PatchedBranch {
    fn of_page(page: &Page<'_>, offset: u64) -> PatchedBranch {
        let (id, len, count) = (page.id(), page.bytes().len() as u64, page.count() as u32);
        let base = Base { id, offset, len, count, is_leaf: false };
        PatchedBranch { base, children: SmallVec::new() }
    }

    /// The same once more.
    pub fn copied(&self) -> Result<PatchedBranch> {
        Ok(PatchedBranch { children: copied(&self.children)?, ..*self })
    }

    /// The page under the changes.
    pub(super) fn base(&self) -> &Base {
        &self.base
    }

    /// How many children there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.base.count as usize
    }

    /// Bytes of memory that its changes take beside it.
    pub fn memory_len(&self) -> usize {
        if self.children.spilled() { self.children.capacity() * size_of::<(u32, Child)>() } else { 0 }
    }

    /// Whether as many of its children are changed as should be.
    pub fn is_full(&self) -> bool {
        self.children.len() >= BRANCH_PATCH_MAX
    }

    /// Child `index`, where it is not the page's.
    #[inline]
    pub fn changed(&self, index: usize) -> Option<Child> {
        let number = self.children.binary_search_by_key(&(index as u32), |&(index, _)| index).ok()?;
        self.children.get(number).map(|&(_, child)| child)
    }

    /// The first child from `from` on that is not the page's, with its index.
    pub fn next_changed(&self, from: usize) -> Option<(usize, Child)> {
        let number = self.children.partition_point(|&(index, _)| (index as usize) < from);
        self.children.get(number).map(|&(index, child)| (index as usize, child))
    }

    /// Sets child `index`.
    pub fn set(&mut self, index: usize, child: Child) -> Result<()> {
        match self.children.binary_search_by_key(&(index as u32), |&(index, _)| index) {
            Ok(number) => {
                if let Some(entry) = self.children.get_mut(number) {
                    entry.1 = child;
                }
            }
            Err(number) => {
                self.children.try_reserve(1).map_err(|_| Error::NoMemory)?;
                self.children.insert(number, (index as u32, child));
            }
        }
        Ok(())
    }

    /// The table of all children.
    fn items<P: Pages>(&self, pages: &P) -> Result<Vec<BranchItem>> {
        let mut items = super::node::branch_items(&self.base.page(pages)?, self.base.offset)?;
        for &(index, child) in &self.children {
            let item = items.get_mut(index as usize).ok_or_else(missing)?;
            *item = item.to(child);
        }
        Ok(items)
    }

    /// Writes the branch as page `id` into `bytes`; its children must all be pages.
    pub(super) fn encode<P: Pages>(&self, pages: &P, id: PageId, bytes: &mut [u8]) -> Result<()> {
        let page = self.base.page(pages)?;
        let children = self.children.iter().map(|&(index, child)| match child {
            Child::Page(child) => Some((index as usize, child)),
            Child::Node(_) => None,
        });
        page.copy_branch(id, children, bytes).ok_or_else(missing)
    }
}

fn copied<T: Copy>(list: &SmallVec<[T; 1]>) -> Result<SmallVec<[T; 1]>> {
    let mut copy = SmallVec::new();
    copy.try_reserve_exact(list.len()).map_err(|_| Error::NoMemory)?;
    copy.extend_from_slice(list);
    Ok(copy)
}

/// The page as a node with few changes; `None` where it cannot be one (X1).
pub(super) fn patched(page: &Page<'_>, offset: u64, page_size: u32) -> Option<Body> {
    let is_one = page.id() != 0 && page.bytes().len() as u64 == u64::from(page_size);
    if !is_one || page.count() < 2 {
        return None;
    }
    if page.is_leaf() {
        return PatchedLeaf::of_page(page, offset).map(Body::PatchedLeaf);
    }
    Some(Body::PatchedBranch(PatchedBranch::of_page(page, offset)))
}

impl Nodes {
    /// Makes a table of node `id`, if it is a page with changes.
    pub(super) fn unfold<P: Pages>(&mut self, pages: &P, id: NodeId) -> Result<()> {
        let body = match &self.get(id)?.body {
            Body::Leaf(_) | Body::Branch(_) => return Ok(()),
            Body::PatchedLeaf(leaf) => Body::Leaf(leaf.items(pages)?),
            Body::PatchedBranch(branch) => Body::Branch(branch.items(pages)?),
        };
        self.touch(id)?.body = body;
        Ok(())
    }

    /// Makes a table of branch `id`, if it is a page with many changes.
    pub(super) fn unfold_full<P: Pages>(&mut self, pages: &P, id: NodeId) -> Result<()> {
        match &self.get(id)?.body {
            Body::PatchedBranch(branch) if branch.is_full() => self.unfold(pages, id),
            _ => Ok(()),
        }
    }
}

impl Node {
    /// Whether it is a leaf.
    #[inline]
    pub fn is_leaf(&self) -> bool {
        matches!(self.body, Body::Leaf(_) | Body::PatchedLeaf(_))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PAGE_SIZE: usize = 4096;

    /// One page, and nothing else.
    struct OnePage(Vec<u8>);

    impl Pages for OnePage {
        fn run(&self, _id: PageId) -> Result<&[u8]> {
            Ok(&self.0)
        }
        fn bytes(&self, offset: u64, len: u64) -> Result<&[u8]> {
            self.0.get(offset as usize..(offset + len) as usize).ok_or_else(missing)
        }
        fn is_known(&self, _id: PageId) -> bool {
            true
        }
        fn set_known(&self, _id: PageId) {}
        fn high_water(&self) -> PageId {
            100
        }
        fn page_size(&self) -> u32 {
            PAGE_SIZE as u32
        }
    }

    type Entry = (Vec<u8>, Vec<u8>, bool);

    fn leaf(entries: &[Entry]) -> OnePage {
        let mut run = vec![0xEE; PAGE_SIZE];
        let mut builder = PageBuilder::new(&mut run, 7, Kind::Leaf, entries.len(), 0).unwrap();
        let lens = |(key, value, is_bucket): &Entry| (key.len() as u32, value.len() as u32, *is_bucket);
        builder.leaf_table(entries.iter().map(lens)).unwrap();
        for (key, value, _) in entries {
            builder.data(key).unwrap();
            builder.data(value).unwrap();
        }
        builder.finish().unwrap();
        OnePage(run)
    }

    fn entry(number: u16) -> Entry {
        let value = vec![number as u8; usize::from(number % 23)];
        (number.to_be_bytes().to_vec(), value, number % 5 == 0)
    }

    fn read(page: &Page<'_>) -> Vec<Entry> {
        let element = |index| page.leaf(index).unwrap();
        let entry =
            |index| (element(index).key.to_vec(), element(index).value.to_vec(), element(index).is_bucket);
        (0..page.count()).map(entry).collect()
    }

    proptest! {
        #[test]
        fn a_patched_leaf_holds_and_writes_what_a_list_holds(
            count in 2u16..30,
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0u8..5, any::<u16>()), 0..20),
        ) {
            let mut model: Vec<Entry> = (0..count).map(entry).collect();
            let pages = leaf(&model);
            let base = Page::trusted(&pages.0, 7).unwrap();
            let mut nodes = Nodes::default();
            let mut patched = PatchedLeaf::of_page(&base, 0).unwrap();
            for (index, change, number) in changes {
                let index = index.index(model.len() + usize::from(change == 0));
                let new = match model.get(index) {
                    // As long as the one that it replaces.
                    Some(old) if change > 2 => (old.0.clone(), vec![number as u8; old.1.len()], old.2),
                    _ => entry(number),
                };
                let at = nodes.arena.push([&new.0, &new.1]).unwrap();
                let item = LeafItem::new(at, new.0.len(), new.1.len(), new.2).unwrap();
                let old = patched.item(&base, index);
                match change {
                    0 => {
                        patched.insert(index, item).unwrap();
                        model.insert(index, new);
                    }
                    1 | 3.. => {
                        patched.replace(index, &old.unwrap(), item).unwrap();
                        model[index] = new;
                    }
                    _ if model.len() > 1 => {
                        patched.remove(index, &old.unwrap()).unwrap();
                        model.remove(index);
                    }
                    _ => {}
                }
                prop_assert_eq!(patched.len(), model.len());
                let source = Source { pages: &pages, nodes: &nodes };
                for (index, (key, value, is_bucket)) in model.iter().enumerate() {
                    let item = patched.item(&base, index).unwrap();
                    prop_assert_eq!(source.leaf_key(&item).unwrap(), &key[..]);
                    prop_assert_eq!(source.bytes(item.value_at(), u64::from(item.value_len())).unwrap(), &value[..]);
                    prop_assert_eq!(item.is_bucket(), *is_bucket);
                }
                prop_assert!(patched.item(&base, model.len()).is_none());
                let mut written = vec![0xEE; PAGE_SIZE];
                patched.encode(source, 9, &mut written).unwrap();
                let page = Page::trusted(&written, 9).unwrap();
                prop_assert_eq!(read(&page), model.clone());
                prop_assert_eq!(page.packed_len().unwrap(), patched.used_len());
                let mut again = leaf(&model);
                again.0[0] = 9;
                prop_assert!(again.0 == written, "as if it had been made of the list");
                prop_assert_eq!(patched.items(&pages).unwrap().len(), model.len());
            }
        }
    }

    proptest! {
        #[test]
        fn a_search_in_a_patched_leaf_finds_what_one_in_a_list_finds(
            count in 2u16..30,
            changes in prop::collection::vec((0u16..64, any::<bool>()), 0..20),
        ) {
            let mut model: Vec<u16> = (0..count).map(|number| 2 * number).collect();
            let pages = leaf(&model.iter().map(|&number| entry(number)).collect::<Vec<_>>());
            let base = Page::trusted(&pages.0, 7).unwrap();
            let mut nodes = Nodes::default();
            let mut patched = PatchedLeaf::of_page(&base, 0).unwrap();
            let find = |patched: &PatchedLeaf, nodes: &Nodes, sought: u16| {
                let (sought, source) = (sought.to_be_bytes(), Source { pages: &pages, nodes });
                let on_page = crate::tree::search::search(&base, &sought).unwrap();
                patched.search(on_page, |item| Ok(source.leaf_key(item)?.cmp(&sought))).unwrap()
            };
            for (number, removes) in changes {
                let (index, exact) = find(&patched, &nodes, number);
                prop_assert_eq!(if exact { Ok(index) } else { Err(index) }, model.binary_search(&number));
                let (key, value, is_bucket) = entry(number);
                let at = nodes.arena.push([&key, &value]).unwrap();
                let item = LeafItem::new(at, key.len(), value.len(), is_bucket).unwrap();
                let old = patched.item(&base, index);
                match (exact, removes) {
                    (true, true) => {
                        patched.remove(index, &old.unwrap()).unwrap();
                        model.remove(index);
                    }
                    (true, false) => patched.replace(index, &old.unwrap(), item).unwrap(),
                    (false, false) => {
                        patched.insert(index, item).unwrap();
                        model.insert(index, number);
                    }
                    (false, true) => {}
                }
                for sought in 0..70 {
                    let (index, exact) = find(&patched, &nodes, sought);
                    prop_assert_eq!(if exact { Ok(index) } else { Err(index) }, model.binary_search(&sought));
                }
            }
        }
    }

    #[test]
    fn a_leaf_whose_data_do_not_lie_in_order_is_not_patched() {
        let entries: Vec<Entry> = (1..5).map(entry).collect();
        let OnePage(run) = leaf(&entries);
        assert!(PatchedLeaf::of_page(&Page::trusted(&run, 7).unwrap(), 0).is_some());
        for offset in [16 + 4, 32 + 4, 48 + 8, 32 + 12] {
            let mut damaged = run.clone();
            damaged[offset] ^= 1;
            assert!(PatchedLeaf::of_page(&Page::trusted(&damaged, 7).unwrap(), 0).is_none(), "{offset}");
        }
    }

    #[test]
    fn a_branch_is_its_page_but_for_the_children_that_were_set() {
        let mut run = vec![0; PAGE_SIZE];
        let mut builder = PageBuilder::new(&mut run, 7, Kind::Branch, 40, 0).unwrap();
        builder.branch_table((0..40u32).map(|index| (2, 50 + u64::from(index)))).unwrap();
        (0..40u16).for_each(|index| builder.data(&index.to_be_bytes()).unwrap());
        builder.finish().unwrap();
        let pages = OnePage(run);
        let mut branch = PatchedBranch::of_page(&Page::trusted(&pages.0, 7).unwrap(), 0);
        for index in [5, 0, 39, 5] {
            branch.set(index, Child::Node(NodeId(index as u32))).unwrap();
        }
        let mut written = vec![0xEE; PAGE_SIZE];
        assert!(branch.encode(&pages, 9, &mut written).is_err(), "a child is no page");
        let mut found = Vec::new();
        while let Some((index, child)) = branch.next_changed(found.last().map_or(0, |&index| index + 1)) {
            assert_eq!((branch.changed(index), child), (Some(child), Child::Node(NodeId(index as u32))));
            branch.set(index, Child::Page(90)).unwrap();
            found.push(index);
        }
        assert_eq!(found, [0, 5, 39]);
        branch.encode(&pages, 9, &mut written).unwrap();
        let page = Page::verify(&written, 9, 100).unwrap();
        for index in 0..40usize {
            let child = if found.contains(&index) { 90 } else { 50 + index as u64 };
            assert_eq!(page.branch(index).unwrap().0, (index as u16).to_be_bytes());
            assert_eq!(page.child(index).unwrap(), child);
        }
    }
}
