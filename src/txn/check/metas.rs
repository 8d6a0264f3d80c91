//! The two meta pages as they stand in the file now. The state that is checked came from one of them when the
//! database was opened, or was committed since; the other one is what a later opening falls back to.

use crate::error::{Error, Result};
use crate::format::PageId;
use crate::format::meta::{META_LEN, Meta};
use crate::format::page::{Header, Kind};
use crate::storage::Storage;

use super::Checker;
use super::report::{Finding, FindingCode, Severity};

/// A commit may be writing the page that is being read: damage must show as often as this.
const ATTEMPTS: usize = 4;

type Bytes = [u8; META_LEN];

impl Checker<'_, '_> {
    pub(super) fn metas(&mut self, storage: &dyn Storage) -> Result<()> {
        let pages = [0, 1].map(|slot| self.meta(storage, slot));
        let both = pages.iter().all(|page| page.is_err());
        for (slot, page) in (0..).zip(&pages) {
            match page {
                Ok(bytes) => self.meta_header(slot, bytes)?,
                Err(why) => {
                    let severity = if both { Severity::Error } else { Severity::Warning };
                    let text = format!("meta page {slot} is damaged: {why}");
                    self.out.give(Finding {
                        severity,
                        code: FindingCode::MetaDamaged,
                        page: slot,
                        text: &text,
                    })?;
                }
            }
        }
        let expected = self.high_water().saturating_mul(u64::from(self.snapshot.meta.page_size));
        if self.file_len < expected {
            let len = self.file_len;
            let text = format!("the file has {len} bytes, but its meta page says {expected}");
            let page = len / u64::from(self.snapshot.meta.page_size);
            self.out.error(FindingCode::FileTooShort, page, &text)?;
        }
        Ok(())
    }

    /// The bytes of the meta page in `slot`, or what is wrong with it.
    fn meta(&self, storage: &dyn Storage, slot: PageId) -> std::result::Result<Bytes, String> {
        let mut result = Err(String::new());
        for _ in 0..ATTEMPTS {
            result = self.read_meta(storage, slot);
            if result.is_ok() {
                break;
            }
            std::thread::yield_now();
        }
        result
    }

    fn read_meta(&self, storage: &dyn Storage, slot: PageId) -> std::result::Result<Bytes, String> {
        let mut bytes = [0; META_LEN];
        let page_size = self.snapshot.meta.page_size;
        let len =
            storage.read_at(&mut bytes, slot * u64::from(page_size)).map_err(|error| error.to_string())?;
        let meta = match Meta::decode(bytes.get(..len).unwrap_or_default()) {
            Ok(meta) => meta,
            Err(Error::Checksum(_)) => return Err("its checksum does not match".into()),
            Err(Error::Version(version)) => return Err(format!("its version is {version}")),
            Err(Error::Endian) => return Err("it has the other byte order".into()),
            Err(_) if len < META_LEN => return Err("it is cut short".into()),
            Err(_) => return Err("its magic number is not bbolt's".into()),
        };
        if meta.page_size == page_size {
            Ok(bytes)
        } else {
            Err(format!("its page size is {} bytes, but that of the database is {page_size}", meta.page_size))
        }
    }

    fn meta_header(&mut self, slot: PageId, bytes: &Bytes) -> Result<()> {
        let Some(header) = Header::decode(bytes) else { return Ok(()) };
        if header.id == slot && header.kind() == Some(Kind::Meta) {
            return Ok(());
        }
        let (id, flags) = (header.id, header.flags);
        let text = format!("the header of meta page {slot} has the id {id} and the flags {flags:#x}");
        self.out.warning(FindingCode::MetaHeader, slot, &text)
    }
}
