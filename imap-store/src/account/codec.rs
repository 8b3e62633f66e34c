//! The encoding of changes and rows: varints, zigzag for signed differences, lengths before octets.
//!
//! Reading never panics and never reserves more than has arrived: whatever does not fit is [`Malformed`].

use imap_proto::types::NumberSet;

/// What was read is not what this program (or an older one) wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Appends values to a buffer.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    pub(crate) fn octet(&mut self, octet: u8) {
        self.out.push(octet);
    }

    /// LEB128: seven bits an octet, lowest first.
    pub(crate) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    /// Eight octets, lowest first: for hashes.
    pub(crate) fn fixed(&mut self, number: u64) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    /// Zigzag, so that small negative numbers are short too.
    pub(crate) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        self.number(octets.len() as u64);
        self.out.extend_from_slice(octets);
    }

    /// How many ranges, then for each the gap before it and its length less one.
    pub(crate) fn set(&mut self, set: &NumberSet) {
        self.number(set.ranges().len() as u64);
        let mut end = 0;
        for &(first, last) in set.ranges() {
            self.number(u64::from(first - end));
            self.number(u64::from(last - first));
            end = last;
        }
    }
}

/// Takes values from the front of a slice.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    /// Everything was read; octets that are left over make it malformed.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    pub(crate) fn octet(&mut self) -> Result<u8, Malformed> {
        let (&octet, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(octet)
    }

    /// 0 or 1.
    pub(crate) fn flag(&mut self) -> Result<bool, Malformed> {
        match self.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    pub(crate) fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            let bits = u64::from(octet & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed);
            }
            number |= bits << shift;
            if octet & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    pub(crate) fn fixed(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_le_bytes(self.raw(8)?.try_into().map_err(|_| Malformed)?))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, Malformed> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    pub(crate) fn number_u32(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.number()?).map_err(|_| Malformed)
    }

    pub(crate) fn number_u16(&mut self) -> Result<u16, Malformed> {
        u16::try_from(self.number()?).map_err(|_| Malformed)
    }

    /// A count of things that take at least one octet each: never more than there are octets left.
    pub(crate) fn count(&mut self) -> Result<usize, Malformed> {
        let count = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        if count <= self.rest.len() { Ok(count) } else { Err(Malformed) }
    }

    pub(crate) fn octets(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.count()?;
        self.raw(len)
    }

    fn raw(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (octets, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(octets)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.octets()?).map_err(|_| Malformed)
    }

    pub(crate) fn set(&mut self) -> Result<NumberSet, Malformed> {
        let mut set = NumberSet::new();
        let mut end = 0u32;
        for _ in 0..self.count()? {
            let first = end.checked_add(self.number_u32()?).ok_or(Malformed)?;
            let last = first.checked_add(self.number_u32()?).ok_or(Malformed)?;
            if first <= end {
                return Err(Malformed);
            }
            set.insert_range(first, last);
            end = last;
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(number: u64, signed: i64, octets: Vec<u8>) {
            let mut encoder = Encoder::new();
            encoder.number(number);
            encoder.signed(signed);
            encoder.octets(&octets);
            let encoded = encoder.finish();
            let mut decoder = Decoder::new(&encoded);
            prop_assert_eq!(decoder.number(), Ok(number));
            prop_assert_eq!(decoder.signed(), Ok(signed));
            prop_assert_eq!(decoder.octets(), Ok(&octets[..]));
            prop_assert_eq!(decoder.end(), Ok(()));
        }

        #[test]
        fn sets_come_back(numbers in proptest::collection::vec(1u32..500, 0..80)) {
            let set: NumberSet = numbers.into_iter().collect();
            let mut encoder = Encoder::new();
            encoder.set(&set);
            let encoded = encoder.finish();
            prop_assert_eq!(Decoder::new(&encoded).set(), Ok(set));
        }

        #[test]
        fn any_octets_are_read_or_refused(octets: Vec<u8>) {
            let mut decoder = Decoder::new(&octets);
            while decoder.set().is_ok() && !decoder.rest.is_empty() {}
        }
    }

    #[test]
    fn a_count_beyond_the_octets_is_refused() {
        assert_eq!(Decoder::new(&[200, 1, 0]).count(), Err(Malformed));
    }

    #[test]
    fn the_highest_uid_may_stand_in_a_set() {
        let mut set = NumberSet::new();
        set.insert_range(1, u32::MAX);
        let mut encoder = Encoder::new();
        encoder.set(&set);
        assert_eq!(Decoder::new(&encoder.finish()).set(), Ok(set));
    }
}
