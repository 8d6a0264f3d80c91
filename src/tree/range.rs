//! Deleting all keys of a range: subtrees that lie wholly within it are cut off without a look at their keys.
//!
//! The first pass only looks: it counts what goes, gathers the runs to free, and refuses a range that holds a
//! bucket. The second makes nodes of the two edges and takes out what lies between. A branch is never left
//! without a child: its last one becomes an empty leaf, which the commit removes.

use crate::error::{Error, Result};
use crate::format::MAX_DEPTH;
use crate::freelist::{PageSet, Run};

use super::content::Content;
use super::items::{Items, Pos};
use super::node::{Body, Child, Node, NodeId, Nodes, Root, Tree, missing};
use super::source::{Found, Place, Source, too_deep};
use super::walk::{Visit, walk_from};
use super::{Pages, Scoped};

/// From the first key on (`None`: from the beginning), up to but without the second (`None`: to the end).
type Bounds<'k> = (Option<&'k [u8]>, Option<&'k [u8]>);

/// What the first pass gathers.
#[derive(Default)]
struct Cut {
    seen: PageSet,
    runs: Vec<Run>,
    entry_count: u64,
}

impl Visit for Cut {
    fn run(&mut self, run: Run) -> Result<()> {
        if !self.seen.insert_run(run.id, run.page_count)? {
            return Err(Error::corrupt(run.id, "two places in the file refer to the page"));
        }
        self.runs.try_reserve(1)?;
        self.runs.push(run);
        Ok(())
    }

    fn bucket(&mut self, _name: &[u8], _found: Found<'_>) -> Result<()> {
        Err(Error::WrongType("the range holds a bucket"))
    }

    fn leaf(&mut self, entry_count: usize) -> Result<()> {
        self.entry_count += entry_count as u64;
        Ok(())
    }
}

impl Nodes {
    /// Takes out all keys of the range, and says how many there were. A range that holds a bucket is refused,
    /// and nothing has changed then.
    pub fn remove_range<P: Scoped>(&mut self, pages: &P, tree: &mut Tree, bounds: Bounds<'_>) -> Result<u64> {
        if matches!(bounds, (Some(from), Some(to)) if from >= to) {
            return Ok(0);
        }
        let mut cut = Cut::default();
        {
            let scope = pages.scope();
            let source = Source { pages: &scope, nodes: self };
            look(source, source.root(tree.root)?, bounds, &mut cut, 0)?;
        }
        if cut.entry_count == 0 {
            return Ok(0);
        }
        self.freed.try_reserve(cut.runs.len())?;
        self.take_root(pages, tree)?;
        let Root::Node(root) = tree.root else { return Err(missing()) };
        self.cut_node(pages, root, bounds, 0)?;
        self.freed.extend(cut.runs);
        tree.take_back(tree.root);
        Ok(cut.entry_count)
    }

    fn cut_node<P: Pages>(&mut self, pages: &P, id: NodeId, bounds: Bounds<'_>, depth: usize) -> Result<()> {
        if depth >= MAX_DEPTH {
            return Err(too_deep(Place::Node(id)));
        }
        self.unfold(pages, id)?;
        let source = Source { pages, nodes: self };
        let content = source.content(Place::Node(id))?;
        if content.is_leaf() {
            return self.cut_leaf(pages, id, bounds);
        }
        let edges = Edges::of(source, &content, bounds)?;
        for (index, bounds) in edges.partial() {
            let child = self.child_as_node(pages, id, index)?;
            self.cut_node(pages, child, bounds, depth + 1)?;
        }
        self.remove_children(id, edges.whole)
    }

    fn child_as_node<P: Pages>(&mut self, pages: &P, id: NodeId, index: usize) -> Result<NodeId> {
        let source = Source { pages, nodes: self };
        let place = source.descend(&source.content(Place::Node(id))?, index, &mut None)?;
        match place {
            Place::Node(node) => Ok(node),
            Place::Page { .. } => {
                let node = self.take_over(pages, place)?;
                self.set_child(id, index, Child::Node(node))?;
                Ok(node)
            }
        }
    }

    fn cut_leaf<P: Pages>(&mut self, pages: &P, id: NodeId, bounds: Bounds<'_>) -> Result<()> {
        let source = Source { pages, nodes: self };
        let Body::Leaf(items) = &self.get(id)?.body else { return Err(missing()) };
        let mut left = Items::with_room(items.len())?;
        for item in items.iter() {
            let key = source.leaf_key(item)?;
            if bounds.0.is_some_and(|from| key < from) || bounds.1.is_some_and(|to| key >= to) {
                left.push(*item)?;
            }
        }
        self.any_shrunk = true;
        let node = self.touch(id)?;
        node.shrunk = true;
        node.body = Body::Leaf(left);
        Ok(())
    }

    /// Takes the children `whole` out of branch `id`; where none would be left, one becomes an empty leaf.
    fn remove_children(&mut self, id: NodeId, whole: std::ops::Range<usize>) -> Result<()> {
        if whole.is_empty() {
            return Ok(());
        }
        let mut empty = Node::new(Body::Leaf(Items::default()));
        empty.shrunk = true;
        self.any_shrunk = true;
        let takes_all = whole.len() == self.get(id)?.len();
        let kept = if takes_all { Some(self.add(empty)?) } else { None };
        let node = self.touch(id)?;
        node.shrunk = true;
        let Body::Branch(items) = &mut node.body else { return Err(missing()) };
        match (kept, items.first().copied()) {
            (Some(leaf), Some(first)) => {
                items.truncate(1);
                items.fill(first.to(Child::Node(leaf)));
            }
            _ => drop(items.drain(whole)),
        }
        Ok(())
    }
}

/// Which children of a branch lie in a range: wholly, or at one of its edges.
struct Edges<'k> {
    whole: std::ops::Range<usize>,
    partial: [Option<(usize, Bounds<'k>)>; 2],
}

impl<'k> Edges<'k> {
    fn of<P: Pages>(
        source: Source<'_, P>,
        branch: &Content<'_>,
        (from, to): Bounds<'k>,
    ) -> Result<Edges<'k>> {
        let first = from.map(|key| branch.search_child(&source, key)).transpose()?;
        let last = to.map(|key| branch.search_child(&source, key)).transpose()?;
        let whole = first.map_or(0, |index| index + 1)..last.unwrap_or(branch.len());
        let partial = match (first, last) {
            (Some(first), Some(last)) if first == last => [Some((first, (from, to))), None],
            _ => [first.map(|index| (index, (from, None))), last.map(|index| (index, (None, to)))],
        };
        Ok(Edges { whole: whole.start..whole.end.max(whole.start), partial })
    }

    fn partial(&self) -> impl Iterator<Item = (usize, Bounds<'k>)> + use<'k> {
        self.partial.into_iter().flatten()
    }
}

/// Gathers what the range holds below `place`.
fn look<P: Scoped>(
    source: Source<'_, P>,
    place: Place,
    bounds: Bounds<'_>,
    cut: &mut Cut,
    depth: usize,
) -> Result<()> {
    if depth >= MAX_DEPTH {
        return Err(too_deep(place));
    }
    let content = source.content(place)?;
    if content.is_leaf() {
        return look_at_leaf(source, &content, bounds, cut);
    }
    let edges = Edges::of(source, &content, bounds)?;
    for (index, bounds) in edges.partial() {
        let child = source.descend(&content, index, &mut None)?;
        look(source, child, bounds, cut, depth + 1)?;
    }
    for index in edges.whole {
        walk_from(source.pages, source.nodes, source.descend(&content, index, &mut None)?, cut)?;
    }
    Ok(())
}

fn look_at_leaf<P: Pages>(
    source: Source<'_, P>,
    leaf: &Content<'_>,
    (from, to): Bounds<'_>,
    cut: &mut Cut,
) -> Result<()> {
    let start = match from {
        Some(from) => leaf.search(&source, from)?.0,
        None => Pos::default(),
    };
    let mut pos = leaf.at_or_after(start);
    while let Some(here) = pos {
        let (key, found) = leaf.entry(&source, here)?;
        if to.is_some_and(|to| key >= to) {
            break;
        }
        if found.is_bucket {
            return Err(Error::WrongType("the range holds a bucket"));
        }
        cut.entry_count += 1;
        pos = leaf.next(here);
    }
    Ok(())
}
