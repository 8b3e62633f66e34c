//! The PROXY protocol, versions 1 and 2: what a proxy tells of the connection that it passes on.
//!
//! Read only from proxies that the listener trusts, and then always: such a connection does not begin without it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

/// Version 2 begins with it.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// A line of version 1 at the most, its end included.
const LINE_OCTETS_MAX: usize = 107;
/// What a header of version 2 may have behind its fixed part.
const REST_OCTETS_MAX: usize = 4_096;
/// The TLV that tells of the client's TLS.
const TLV_SSL: u8 = 0x20;
/// In it: the client's connection is TLS.
const CLIENT_SSL: u8 = 0x01;
/// A TLV in it: the version, as text.
const SUBTYPE_SSL_VERSION: u8 = 0x21;

/// What a proxy told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The client's address; `None`: the connection is the proxy's own, or it does not know.
    pub(super) client: Option<SocketAddr>,
    /// The TLS between client and proxy.
    pub(super) tls: Option<&'static str>,
}

/// Reads a header, and not an octet more.
pub(super) async fn read<R: AsyncRead + Unpin>(socket: &mut R) -> io::Result<Told> {
    let mut start = [0; SIGNATURE.len()];
    socket.read_exact(&mut start).await?;
    if start == *SIGNATURE {
        return read_binary(socket).await;
    }
    let mut line = start.to_vec();
    if !line.starts_with(b"PROXY ") {
        return Err(malformed());
    }
    while !line.ends_with(b"\r\n") {
        if line.len() == LINE_OCTETS_MAX {
            return Err(malformed());
        }
        line.push(socket.read_u8().await?);
    }
    parse_line(&line).ok_or_else(malformed)
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 143`, `PROXY TCP6 ...`, `PROXY UNKNOWN ...`.
fn parse_line(line: &[u8]) -> Option<Told> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let mut words = line.split(' ').skip(1);
    let is_v4 = match words.next()? {
        "UNKNOWN" => return Some(Told::default()),
        "TCP4" => true,
        "TCP6" => false,
        _ => return None,
    };
    let (source, _) = (words.next()?, words.next()?);
    let (port, _) = (words.next()?, words.next()?);
    let address: IpAddr = source.parse().ok()?;
    if words.next().is_some() || address.is_ipv4() != is_v4 {
        return None;
    }
    Some(Told { client: Some(SocketAddr::new(address, port.parse().ok()?)), tls: None })
}

async fn read_binary<R: AsyncRead + Unpin>(socket: &mut R) -> io::Result<Told> {
    let mut head = [0; 4];
    socket.read_exact(&mut head).await?;
    let [version_and_command, family, high, low] = head;
    let octets = usize::from(u16::from_be_bytes([high, low]));
    if version_and_command >> 4 != 2 || octets > REST_OCTETS_MAX {
        return Err(malformed());
    }
    let mut rest = vec![0; octets];
    socket.read_exact(&mut rest).await?;
    match version_and_command & 0xf {
        // LOCAL: the proxy's own, a check whether we are well.
        0 => Ok(Told::default()),
        1 => parse_binary(family, &rest).ok_or_else(malformed),
        _ => Err(malformed()),
    }
}

fn parse_binary(family: u8, rest: &[u8]) -> Option<Told> {
    let (client, tlvs) = match family {
        0x11 => {
            let (addresses, tlvs) = rest.split_first_chunk::<12>()?;
            let source = Ipv4Addr::from(*addresses.first_chunk::<4>()?);
            (Some((IpAddr::V4(source), [addresses[8], addresses[9]])), tlvs)
        }
        0x21 => {
            let (addresses, tlvs) = rest.split_first_chunk::<36>()?;
            let source = Ipv6Addr::from(*addresses.first_chunk::<16>()?);
            (Some((IpAddr::V6(source), [addresses[32], addresses[33]])), tlvs)
        }
        // Of no family that has a port: nothing is known.
        _ => return Some(Told::default()),
    };
    let client = client.map(|(address, port)| SocketAddr::new(address, u16::from_be_bytes(port)));
    Some(Told { client, tls: tls(tlvs)? })
}

/// What the TLVs tell of TLS; the outer `None`: they are malformed.
fn tls(tlvs: &[u8]) -> Option<Option<&'static str>> {
    for_each_tlv(tlvs, |kind, value| {
        if kind != TLV_SSL {
            return None;
        }
        let (client, rest) = value.split_first()?;
        // Behind it four octets say whether the client's certificate was verified.
        let inner = rest.get(4..)?;
        if client & CLIENT_SSL == 0 {
            return None;
        }
        let version =
            for_each_tlv(inner, |kind, value| (kind == SUBTYPE_SSL_VERSION).then_some(value == b"TLSv1.3"));
        Some(match version {
            Some(Some(true)) => "TLS1.3 (proxy)",
            _ => "TLS (proxy)",
        })
    })
}

/// The first answer for a TLV of a sequence; the outer `None`: it is malformed.
fn for_each_tlv<T>(mut tlvs: &[u8], mut answer: impl FnMut(u8, &[u8]) -> Option<T>) -> Option<Option<T>> {
    while let Some((&[kind, high, low], rest)) = tlvs.split_first_chunk::<3>() {
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        if let Some(answer) = answer(kind, value) {
            return Some(Some(answer));
        }
        tlvs = rest;
    }
    tlvs.is_empty().then_some(None)
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a trusted proxy's connection began with no PROXY header")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
        [SIGNATURE, &[0x20 | command, family][..], &length, rest].concat()
    }

    fn told(client: &str, tls: Option<&'static str>) -> Told {
        Told { client: Some(client.parse().expect("an address")), tls }
    }

    #[tokio::test]
    async fn headers_are_read_and_not_an_octet_more() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0, 143];
        let v6 = [&Ipv6Addr::LOCALHOST.octets()[..], &[0; 16], &[0, 7, 0, 143]].concat();
        let ssl =
            [&[TLV_SSL, 0, 15, CLIENT_SSL, 0, 0, 0, 0, SUBTYPE_SSL_VERSION, 0, 7][..], b"TLSv1.3"].concat();
        for (header, expected) in [
            (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 143\r\n".to_vec(), told("192.0.2.1:56324", None)),
            (b"PROXY TCP6 2001:db8::1 ::1 9 143\r\n".to_vec(), told("[2001:db8::1]:9", None)),
            (b"PROXY UNKNOWN\r\n".to_vec(), Told::default()),
            (b"PROXY UNKNOWN some thing\r\n".to_vec(), Told::default()),
            (binary(1, 0x11, &v4), told("192.0.2.1:56324", None)),
            (binary(1, 0x21, &v6), told("[::1]:7", None)),
            (binary(1, 0x11, &[&v4[..], &ssl].concat()), told("192.0.2.1:56324", Some("TLS1.3 (proxy)"))),
            (binary(1, 0x31, b"/socket"), Told::default()),
            (binary(0, 0, &[]), Told::default()),
        ] {
            let mut stream = [&header[..], b"a LOGIN"].concat();
            let mut rest = stream.as_slice();
            assert_eq!(read(&mut rest).await.expect("well formed"), expected, "{header:?}");
            assert_eq!(rest, b"a LOGIN");
            stream.clear();
        }
    }

    #[tokio::test]
    async fn what_is_no_header_is_refused() {
        let long = [b"PROXY TCP4 ".to_vec(), vec![b'1'; 200]].concat();
        for header in [
            b"a LOGIN alice secret\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n".to_vec(),
            b"PROXY TCP4 ::1 ::1 1 2\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 99999 143\r\n".to_vec(),
            b"PROXY TCP4 192.0.2.1 198.51.100.1 1 2 3\r\n".to_vec(),
            long,
            b"PROXY".to_vec(),
            binary(2, 0x11, &[0; 12]),
            binary(1, 0x11, &[0; 11]),
            binary(1, 0x11, &[&[0; 12][..], &[TLV_SSL, 0, 9]].concat()),
            binary(1, 0x11, &[0; 5_000]),
        ] {
            assert!(read(&mut header.as_slice()).await.is_err(), "{header:?}");
        }
    }
}
