//! Streams that are no WebSockets: packets on a TCP connection, each with a head that says its
//! length. Pure.

/// How packets are cut out of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Packets {
    /// The bytes of a head.
    pub head: usize,
    /// The bytes that follow a head.
    pub body: fn(&[u8]) -> usize,
}

impl Packets {
    /// The length of the first packet, with its head, if `bytes` has all of it.
    pub fn first(&self, bytes: &[u8]) -> Option<usize> {
        let whole = self.head + (self.body)(bytes.get(..self.head)?);
        (bytes.len() >= whole).then_some(whole)
    }
}
