//! A persistent tree over leaves that are sorted by key: what a change does not touch is shared.
//!
//! ```text
//!            [sum|sum|sum]            each node keeps a sum of what is below it:
//!           /      |      \           keys, count, and what the leaf type adds
//!   [sum|sum]  [sum|sum|sum] ...
//!     |   |      |   |   |
//!   leaf leaf  leaf leaf leaf         all leaves at the same depth
//! ```
//!
//! Leaves are never changed, only replaced; two trees that share an `Arc` have the same there.

use std::sync::Arc;

/// Children of an inner node at the most.
const FANOUT: usize = 32;
/// An inner node with fewer is joined with its neighbour where both fit into one.
const FANOUT_MIN: usize = 8;

/// What stands at the bottom of a tree.
pub(super) trait Leaf {
    /// What a node keeps of all that is below it.
    type Sum: Sum;
    /// A leaf with fewer entries is joined with its neighbour where both fit into one.
    const JOIN_BELOW: usize;
    /// Entries of a leaf at the most.
    const MAX: usize;
    /// The sum of the leaf, which is not empty.
    fn sum(&self) -> Self::Sum;
    /// How many entries.
    fn len(&self) -> usize;
    /// Both in one: `self`, then `next`.
    fn join(&self, next: &Self) -> Self;
}

/// What a node keeps of all that is below it.
pub(super) trait Sum: Copy + std::fmt::Debug {
    /// The highest key.
    fn last_key(&self) -> u64;
    /// How many entries.
    fn count(&self) -> u32;
    /// Adds what stands behind.
    fn add(&mut self, next: &Self);
}

/// The sum of leaves of which only keys and their number count.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeySum {
    /// The lowest key.
    pub(super) first: u64,
    /// The highest key.
    pub(super) last: u64,
    /// How many entries.
    pub(super) count: u32,
}

impl KeySum {
    /// Whether the key lies between the lowest and the highest.
    pub(super) fn contains(&self, key: u64) -> bool {
        (self.first..=self.last).contains(&key)
    }
}

impl Sum for KeySum {
    fn last_key(&self) -> u64 {
        self.last
    }
    fn count(&self) -> u32 {
        self.count
    }
    fn add(&mut self, next: &Self) {
        self.last = next.last;
        self.count += next.count;
    }
}

/// What becomes of a leaf.
pub(super) enum Edit<L> {
    /// It is another one now.
    Replace(L),
    /// Nothing is left of it.
    Remove,
}

#[derive(Debug)]
pub(super) struct Tree<L: Leaf> {
    root: Option<Child<L>>,
}

#[derive(Debug)]
struct Child<L: Leaf> {
    sum: L::Sum,
    node: Node<L>,
}

#[derive(Debug)]
enum Node<L: Leaf> {
    Leaf(Arc<L>),
    Inner(Arc<Vec<Child<L>>>),
}

impl<L: Leaf> Clone for Tree<L> {
    fn clone(&self) -> Self {
        Self { root: self.root.clone() }
    }
}

impl<L: Leaf> Clone for Child<L> {
    fn clone(&self) -> Self {
        Self { sum: self.sum, node: self.node.clone() }
    }
}

impl<L: Leaf> Clone for Node<L> {
    fn clone(&self) -> Self {
        match self {
            Self::Leaf(leaf) => Self::Leaf(leaf.clone()),
            Self::Inner(children) => Self::Inner(children.clone()),
        }
    }
}

impl<L: Leaf> Default for Tree<L> {
    fn default() -> Self {
        Self { root: None }
    }
}

impl<L: Leaf> Tree<L> {
    /// A tree of these leaves; none of them is empty.
    pub(super) fn from_leaves(leaves: impl IntoIterator<Item = Arc<L>>) -> Self {
        Self::from_level(leaves.into_iter().map(Child::leaf).collect())
    }

    fn from_level(mut level: Vec<Child<L>>) -> Self {
        while level.len() > 1 {
            level = into_nodes(level);
        }
        let mut root = level.pop();
        while let Some(Child { node: Node::Inner(children), .. }) = &root
            && let [only] = &children[..]
        {
            root = Some(only.clone());
        }
        Self { root }
    }

    /// The sum of everything; `None` when there is nothing.
    pub(super) fn sum(&self) -> Option<&L::Sum> {
        self.root.as_ref().map(|root| &root.sum)
    }

    /// Replaces leaves. Only subtrees for whose sum `touches` holds are looked into.
    pub(super) fn edit(
        &self,
        touches: impl Fn(&L::Sum) -> bool,
        mut change: impl FnMut(&L) -> Edit<L>,
    ) -> Self {
        let mut level = Vec::new();
        if let Some(root) = &self.root {
            edit_child(root, &touches, &mut change, &mut level);
        }
        Self::from_level(level)
    }

    /// Puts in the place of the last leaf what `change` makes of it.
    pub(super) fn replace_last(&self, change: impl FnOnce(Option<&L>) -> Vec<L>) -> Self {
        Self::from_level(match &self.root {
            None => change(None).into_iter().map(|leaf| Child::leaf(Arc::new(leaf))).collect(),
            Some(root) => replace_last(root, change),
        })
    }

    /// The first leaf with `key` or a higher one, and how many entries stand before that leaf.
    pub(super) fn find(&self, key: u64) -> Option<(&Arc<L>, u32)> {
        let mut child = self.root.as_ref().filter(|root| root.sum.last_key() >= key)?;
        let mut before = 0;
        loop {
            match &child.node {
                Node::Leaf(leaf) => return Some((leaf, before)),
                Node::Inner(children) => {
                    let at = children.partition_point(|child| child.sum.last_key() < key);
                    before += children[..at].iter().map(|child| child.sum.count()).sum::<u32>();
                    child = &children[at];
                }
            }
        }
    }

    /// The leaves from the one that has the entry at `place` (from 0) on, and how many entries stand
    /// before the first of them.
    pub(super) fn leaves_from(&self, place: u32) -> (Leaves<'_, L>, u32) {
        let mut leaves = Leaves { stack: Vec::new() };
        let mut before = 0;
        let Some(mut child) = self.root.as_ref().filter(|root| root.sum.count() > place) else {
            return (leaves, before);
        };
        while let Node::Inner(children) = &child.node {
            let mut rest = children.iter();
            child = rest.next().expect("an inner node has children");
            while before + child.sum.count() <= place {
                before += child.sum.count();
                child = rest.next().expect("the sum of a node counts its children");
            }
            leaves.stack.push(rest);
        }
        leaves.stack.push(std::slice::from_ref(child).iter());
        (leaves, before)
    }

    /// All leaves.
    pub(super) fn leaves(&self) -> Leaves<'_, L> {
        self.leaves_from(0).0
    }

    /// Looks at every leaf that lies in subtrees for whose sum `wanted` holds, in order.
    pub(super) fn visit<'a>(&'a self, wanted: impl Fn(&L::Sum) -> bool, mut each: impl FnMut(&'a Arc<L>)) {
        if let Some(root) = &self.root {
            visit(root, &wanted, &mut each);
        }
    }

    /// At the beginning of a walk that can skip subtrees.
    pub(super) fn walk(&self) -> Walk<'_, L> {
        Walk { stack: self.root.iter().collect() }
    }
}

impl<L: Leaf> Child<L> {
    fn leaf(leaf: Arc<L>) -> Self {
        Self { sum: leaf.sum(), node: Node::Leaf(leaf) }
    }

    fn inner(children: Vec<Self>) -> Self {
        let (first, rest) = children.split_first().expect("an inner node has children");
        let mut sum = first.sum;
        for child in rest {
            sum.add(&child.sum);
        }
        Self { sum, node: Node::Inner(Arc::new(children)) }
    }

    fn same(&self, other: &Self) -> bool {
        match (&self.node, &other.node) {
            (Node::Leaf(a), Node::Leaf(b)) => Arc::ptr_eq(a, b),
            (Node::Inner(a), Node::Inner(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// `self` and its neighbour as one node, where one of them is small and both fit.
    fn joined(&self, next: &Self) -> Option<Self> {
        match (&self.node, &next.node) {
            (Node::Leaf(a), Node::Leaf(b)) => {
                let small = a.len().min(b.len()) < L::JOIN_BELOW;
                (small && a.len() + b.len() <= L::MAX).then(|| Self::leaf(Arc::new(a.join(b))))
            }
            (Node::Inner(a), Node::Inner(b)) => {
                let small = a.len().min(b.len()) < FANOUT_MIN;
                (small && a.len() + b.len() <= FANOUT)
                    .then(|| Self::inner(a.iter().chain(b.iter()).cloned().collect()))
            }
            _ => None,
        }
    }
}

/// One level up: neighbours in nodes of at most [`FANOUT`].
fn into_nodes<L: Leaf>(level: Vec<Child<L>>) -> Vec<Child<L>> {
    let mut nodes = Vec::with_capacity(level.len().div_ceil(FANOUT));
    let mut rest = level.into_iter().peekable();
    while rest.peek().is_some() {
        nodes.push(Child::inner(rest.by_ref().take(FANOUT).collect()));
    }
    nodes
}

fn edit_child<L: Leaf>(
    child: &Child<L>,
    touches: &impl Fn(&L::Sum) -> bool,
    change: &mut impl FnMut(&L) -> Edit<L>,
    out: &mut Vec<Child<L>>,
) {
    if !touches(&child.sum) {
        out.push(child.clone());
        return;
    }
    match &child.node {
        Node::Leaf(leaf) => match change(leaf) {
            Edit::Replace(leaf) => out.push(Child::leaf(Arc::new(leaf))),
            Edit::Remove => {}
        },
        Node::Inner(children) => {
            let mut edited = Vec::with_capacity(children.len());
            for child in children.iter() {
                edit_child(child, touches, change, &mut edited);
            }
            if edited.len() == children.len() && edited.iter().zip(&**children).all(|(a, b)| a.same(b)) {
                out.push(child.clone());
                return;
            }
            let edited = join_small(edited);
            if !edited.is_empty() {
                out.push(Child::inner(edited));
            }
        }
    }
}

fn join_small<L: Leaf>(children: Vec<Child<L>>) -> Vec<Child<L>> {
    let mut out: Vec<Child<L>> = Vec::with_capacity(children.len());
    for child in children {
        match out.last_mut().and_then(|last| Some((last.joined(&child)?, last))) {
            Some((joined, last)) => *last = joined,
            None => out.push(child),
        }
    }
    out
}

/// What stands in the place of `child` when its last leaf is replaced: nodes of the same height.
fn replace_last<L: Leaf>(child: &Child<L>, change: impl FnOnce(Option<&L>) -> Vec<L>) -> Vec<Child<L>> {
    // A path down the right edge, then up again; a loop, since the closure is given away once.
    let mut path = Vec::new();
    let mut at = child;
    let leaf = loop {
        match &at.node {
            Node::Leaf(leaf) => break leaf,
            Node::Inner(children) => {
                path.push(children);
                at = children.last().expect("an inner node has children");
            }
        }
    };
    let mut level: Vec<Child<L>> =
        change(Some(leaf)).into_iter().map(|leaf| Child::leaf(Arc::new(leaf))).collect();
    while let Some(children) = path.pop() {
        let mut all: Vec<Child<L>> = Vec::with_capacity(children.len() + level.len());
        all.extend_from_slice(&children[..children.len() - 1]);
        all.append(&mut level);
        level = into_nodes(all);
    }
    level
}

fn visit<'a, L: Leaf>(
    child: &'a Child<L>,
    wanted: &impl Fn(&L::Sum) -> bool,
    each: &mut impl FnMut(&'a Arc<L>),
) {
    if !wanted(&child.sum) {
        return;
    }
    match &child.node {
        Node::Leaf(leaf) => each(leaf),
        Node::Inner(children) => children.iter().for_each(|child| visit(child, wanted, each)),
    }
}

/// Leaves in order.
#[derive(Debug)]
pub(super) struct Leaves<'a, L: Leaf> {
    stack: Vec<std::slice::Iter<'a, Child<L>>>,
}

impl<'a, L: Leaf> Iterator for Leaves<'a, L> {
    type Item = &'a Arc<L>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.stack.last_mut()?.next() {
                None => {
                    self.stack.pop();
                }
                Some(Child { node: Node::Leaf(leaf), .. }) => return Some(leaf),
                Some(Child { node: Node::Inner(children), .. }) => self.stack.push(children.iter()),
            }
        }
    }
}

/// A walk over a tree that stands before a subtree, and can step over it or into it.
#[derive(Debug)]
pub(super) struct Walk<'a, L: Leaf> {
    /// What is still to come, the next at the end.
    stack: Vec<&'a Child<L>>,
}

impl<'a, L: Leaf> Walk<'a, L> {
    /// The sum of what is next.
    pub(super) fn sum(&self) -> Option<&'a L::Sum> {
        self.stack.last().map(|child| &child.sum)
    }

    /// What is next, if it is a leaf.
    pub(super) fn leaf(&self) -> Option<&'a Arc<L>> {
        match &self.stack.last()?.node {
            Node::Leaf(leaf) => Some(leaf),
            Node::Inner(_) => None,
        }
    }

    /// Whether both walks stand before the very same subtree.
    pub(super) fn same(&self, other: &Self) -> bool {
        matches!((self.stack.last(), other.stack.last()), (Some(a), Some(b)) if a.same(b))
    }

    /// Over what is next.
    pub(super) fn skip(&mut self) {
        self.stack.pop();
    }

    /// Into what is next; over it when it is a leaf.
    pub(super) fn enter(&mut self) {
        if let Some(Child { node: Node::Inner(children), .. }) = self.stack.pop() {
            self.stack.extend(children.iter().rev());
        }
    }
}
