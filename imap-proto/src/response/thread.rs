//! THREAD (RFC 5256 §4).

use crate::wire::read::Reader;
use crate::wire::write;

/// The threads of a mailbox: trees, told parents first, each message before its answers.
///
/// Flat, since a thread may be as deep as a mailbox is long.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Threads {
    nodes: Vec<ThreadNode>,
}

/// One message of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadNode {
    /// How many ancestors it has: 0 begins a thread.
    pub depth: u32,
    /// Its number; `None` where the parent of several messages is not there itself.
    pub number: Option<u32>,
}

impl Threads {
    /// `None` when the nodes are no trees: the first one has an ancestor, one lies more than one level below
    /// the one before it, or one without a number has no node below it.
    pub fn new(nodes: Vec<ThreadNode>) -> Option<Self> {
        let starts = nodes.first().is_none_or(|first| first.depth == 0);
        let steps = nodes.windows(2).all(|pair| {
            pair[1].depth <= pair[0].depth.saturating_add(1)
                && (pair[0].number.is_some() || pair[1].depth > pair[0].depth)
        });
        let ends = nodes.last().is_none_or(|last| last.number.is_some());
        (starts && steps && ends).then_some(Self { nodes })
    }

    /// All nodes of all threads, each before those below it.
    pub fn nodes(&self) -> &[ThreadNode] {
        &self.nodes
    }

    /// ```abnf
    /// thread-data     = "THREAD" [SP 1*thread-list]
    /// thread-list     = "(" (thread-members / thread-nested) ")"
    /// thread-members  = nz-number *(SP nz-number) [SP thread-nested]
    /// thread-nested   = 2*thread-list
    /// ```
    ///
    /// From RFC 5256 §5. Lists without a message are left out.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut nodes: Vec<ThreadNode> = Vec::new();
        // Of each open list: the depth that it began with, and how many nodes there were.
        let mut lists: Vec<(u32, usize)> = Vec::new();
        let mut depth = 0;
        while !reader.is_at_end() {
            if reader.eat(b'(') {
                if lists.last().is_some_and(|&(_, before)| before == nodes.len()) {
                    nodes.push(ThreadNode { depth, number: None });
                    depth += 1;
                }
                lists.push((depth, nodes.len()));
            } else if reader.eat(b')') {
                depth = lists.pop()?.0;
                while nodes.last().is_some_and(|last| last.number.is_none() && last.depth >= depth) {
                    nodes.pop();
                }
            } else {
                let number = reader.number32().filter(|&number| number > 0)?;
                lists.last()?;
                nodes.push(ThreadNode { depth, number: Some(number) });
                depth += 1;
            }
        }
        if lists.is_empty() { Self::new(nodes) } else { None }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.nodes.is_empty() { b"THREAD" } else { b"THREAD " });
        let is_only_child = self.only_children();
        // The depths of the nodes that opened a list which is still open.
        let mut open: Vec<u32> = Vec::new();
        for (node, is_only) in self.nodes.iter().zip(is_only_child) {
            while open.last().is_some_and(|&depth| depth >= node.depth) {
                out.push(b')');
                open.pop();
            }
            let opens = node.depth == 0 || !is_only;
            if out.last().is_some_and(u8::is_ascii_digit) && (opens || node.number.is_some()) {
                out.push(b' ');
            }
            if opens {
                out.push(b'(');
                open.push(node.depth);
            }
            if let Some(number) = node.number {
                write::number(out, u64::from(number));
            }
        }
        out.resize(out.len() + open.len(), b')');
    }

    /// Of each node, whether its parent has no other child.
    fn only_children(&self) -> Vec<bool> {
        let mut is_only = vec![true; self.nodes.len()];
        // The last node of each depth on the way down to the node at hand.
        let mut path: Vec<usize> = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let depth = node.depth as usize;
            if let Some(&sibling) = path.get(depth) {
                is_only[sibling] = false;
                is_only[index] = false;
            }
            path.truncate(depth);
            path.push(index);
        }
        is_only
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Each node as its number with a dot for each level.
    fn nodes(text: &'static str) -> String {
        let frame = Bytes::from_static(text.as_bytes());
        let threads = Threads::read(&mut Reader::new(&frame)).expect("threads");
        let node = |node: &ThreadNode| {
            let number = node.number.map_or("?".to_owned(), |number| number.to_string());
            format!("{}{number}", ".".repeat(node.depth as usize))
        };
        threads.nodes().iter().map(node).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn shapes() {
        // RFC 5256 §4
        assert_eq!(nodes("(2)(3 6 (4 23)(44 7 96))"), "2 3 .6 ..4 ...23 ..44 ...7 ....96");
        assert_eq!(nodes("((3)(5))"), "? .3 .5");
        assert_eq!(nodes("( 1 ( 2 )( 3 (4)(5)) )(6)"), "1 .2 .3 ..4 ..5 6");
        assert_eq!(nodes("(1 ((2)(3))(4))"), "1 .? ..2 ..3 .4");
        assert_eq!(nodes("() (()) (()(7))"), "? .7");
        assert_eq!(nodes(""), "");
    }

    #[test]
    fn nodes_that_are_no_trees() {
        let node = |depth, number| ThreadNode { depth, number };
        for bad in [
            vec![node(1, Some(1))],
            vec![node(0, Some(1)), node(2, Some(2))],
            vec![node(0, None)],
            vec![node(0, None), node(0, Some(1))],
        ] {
            assert_eq!(Threads::new(bad), None);
        }
    }
}
