//! Two digests: of what a database holds, and of what a disk holds.
//!
//! The content of a database is digested as one string of bytes in which each key, value, bucket and sequence
//! has its place, so that equal digests mean equal content, whoever has walked it.
//!
//! The content of a disk is the sum of the digests of its sectors. A sum can be changed sector by sector: the
//! many disks that one power cut can leave are told apart without putting each of them together.

/// The digest of a database's content, or of a disk's.
pub type Digest = u128;

/// The bytes that stand for a database's content.
#[derive(Default)]
pub struct Content {
    bytes: Vec<u8>,
}

impl Content {
    /// A bucket begins; its entries follow, in the order of their keys. The root bucket has an empty name.
    pub fn begin_bucket(&mut self, name: &[u8], sequence: u64) {
        self.bytes.push(b'{');
        self.field(name);
        self.bytes.extend_from_slice(&sequence.to_le_bytes());
    }

    /// The bucket ends.
    pub fn end_bucket(&mut self) {
        self.bytes.push(b'}');
    }

    /// A key with a value.
    pub fn entry(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.push(b'=');
        self.field(key);
        self.field(value);
    }

    fn field(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.bytes.extend_from_slice(bytes);
    }

    /// The digest of it all.
    pub fn digest(&self) -> Digest {
        of(&[&self.bytes])
    }
}

/// The digest of all `parts`, one after the other.
pub fn of(parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    first_half(&hasher.finalize())
}

/// What a sector adds to the digest of its file; a sector of zeros adds nothing, as one that is not there.
pub fn of_sector(index: u64, bytes: &[u8]) -> Digest {
    if bytes.iter().all(|&byte| byte == 0) {
        return 0;
    }
    of(&[&index.to_le_bytes(), bytes])
}

fn first_half(hash: &blake3::Hash) -> Digest {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    Digest::from_le_bytes(half)
}
