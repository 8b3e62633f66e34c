//! [`NumberRanges`]: numbers whose order means something.

use std::fmt;

use super::NumberSet;

/// Numbers from 1 up as ranges in the order of the server: the result of a SORT, the target of a COPY.
///
/// Where the order means nothing, [`NumberSet`] is the better type.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct NumberRanges {
    ranges: Vec<(u32, u32)>,
}

impl NumberRanges {
    /// The ranges in that order; each may be written backwards. `None` where an end is 0.
    pub fn new(ranges: Vec<(u32, u32)>) -> Option<Self> {
        let is_good = ranges.iter().all(|&(first, last)| first > 0 && last > 0);
        is_good.then_some(Self { ranges })
    }

    /// The ranges as they were written.
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Whether there is no number in it: then it has no form on the wire.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The numbers without their order.
    pub fn to_set(&self) -> NumberSet {
        NumberSet::from_unordered(self.ranges.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect())
    }

    /// The numbers in order. A range written backwards counts up all the same: `4:2` is `2:4` (RFC 9051 §9,
    /// seq-range).
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().flat_map(|&(a, b)| a.min(b)..=a.max(b))
    }

    /// Writes `5,1:3`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for (index, &(first, last)) in self.ranges.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            crate::wire::write::number(out, u64::from(first));
            if first != last {
                out.push(b':');
                crate::wire::write::number(out, u64::from(last));
            }
        }
    }
}

impl From<NumberSet> for NumberRanges {
    /// From the least on.
    fn from(set: NumberSet) -> Self {
        Self { ranges: set.ranges().to_vec() }
    }
}

impl FromIterator<u32> for NumberRanges {
    /// The numbers in their order, runs that count up as ranges; 0 is no number and is left out.
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for number in numbers.into_iter().filter(|&number| number > 0) {
            match ranges.last_mut() {
                Some(range) if range.1.checked_add(1) == Some(number) => range.1 = number,
                _ => ranges.push((number, number)),
            }
        }
        Self { ranges }
    }
}

impl fmt::Display for NumberRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out);
        f.write_str(std::str::from_utf8(&out).expect("digits are ASCII"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept() {
        let sorted: NumberRanges = [5, 1, 2, 3, 9, 8].into_iter().collect();
        assert_eq!(sorted.to_string(), "5,1:3,9,8");
        assert!(sorted.iter().eq([5, 1, 2, 3, 9, 8]));
        assert_eq!(sorted.to_set().to_string(), "1:3,5,8:9");
        let backwards = NumberRanges::new(vec![(4, 2), (7, 7)]).expect("no 0");
        assert_eq!(backwards.to_string(), "4:2,7");
        assert!(backwards.iter().eq([2, 3, 4, 7]));
        assert_eq!(NumberRanges::new(vec![(0, 2)]), None);
    }
}
