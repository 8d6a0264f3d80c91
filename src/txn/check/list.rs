//! The freelist's page run, and which pages it says are free.

use crate::error::Result;
use crate::format::bytes::u64_at;
use crate::format::page::{Header, Kind};
use crate::format::{FIRST_PAGE, NO_FREELIST, PAGE_HEADER_LEN, PageId};

use super::Checker;
use super::report::FindingCode;

/// From so many ids on, the header says this and the first word is their number.
const LONG: u16 = 0xFFFF;
const ID_LEN: u64 = 8;

impl Checker<'_, '_> {
    /// Fills the sets of free pages and of those that the list occupies. `false` where there is no list, or
    /// none that can be read.
    pub(super) fn list(&mut self) -> Result<bool> {
        let id = self.snapshot.meta.freelist;
        if id == NO_FREELIST {
            return Ok(false);
        }
        let header = match self.list_header(id)? {
            Ok(header) => header,
            Err(text) => {
                self.out.error(FindingCode::FreelistPage, id, &text)?;
                return Ok(false);
            }
        };
        let page_count = u64::from(header.overflow) + 1;
        let run = self.run(id, page_count)?;
        let run = run.get();
        self.used.insert_run(id, page_count)?;
        self.inner.insert_run(id, page_count)?;
        let (id_count, start) = match header.count {
            LONG => (u64_at(run, PAGE_HEADER_LEN).unwrap_or(u64::MAX), PAGE_HEADER_LEN as u64 + ID_LEN),
            count => (u64::from(count), PAGE_HEADER_LEN as u64),
        };
        let room = (run.len() as u64 - start) / ID_LEN;
        if id_count > room {
            let text = format!(
                "the freelist on page {id} has {id_count} ids, but its {page_count} pages hold {room}"
            );
            self.out.error(FindingCode::FreelistLength, id, &text)?;
            return Ok(false);
        }
        for index in 0..id_count {
            let Some(free) = u64_at(run, (start + index * ID_LEN) as usize) else { break };
            self.listed(id, page_count, free)?;
        }
        Ok(true)
    }

    /// The header of the list on page `id`, or what keeps it from being read.
    fn list_header(&self, id: PageId) -> Result<std::result::Result<Header, String>> {
        let end = self.high_water();
        if !(FIRST_PAGE..end).contains(&id) {
            return Ok(Err(format!(
                "the meta page names page {id} as the freelist, but the pages end before {end}"
            )));
        }
        let Some(header) = self.header(id)? else {
            return Ok(Err(format!("the freelist on page {id} lies past the end of the file")));
        };
        if header.id != id || header.kind() != Some(Kind::Freelist) {
            let (own, flags) = (header.id, header.flags);
            return Ok(Err(format!(
                "page {id} is not the freelist: its header has the id {own} and the flags {flags:#x}"
            )));
        }
        Ok(match self.passed_end(id, u64::from(header.overflow) + 1) {
            None => Ok(header),
            Some(end) => Err(format!("the freelist on page {id} passes the end of {end}")),
        })
    }

    /// One entry of the list that lies on the `page_count` pages from `list` on.
    fn listed(&mut self, list: PageId, page_count: u64, free: PageId) -> Result<()> {
        let end = self.high_water();
        if !(FIRST_PAGE..end).contains(&free) {
            let text =
                format!("the freelist on page {list} names page {free}, but free pages lie from 2 to {end}");
            return self.out.error(FindingCode::FreelistRange, list, &text);
        }
        if (list..list + page_count).contains(&free) {
            let text = format!("the freelist on page {list} names page {free}, which it occupies itself");
            return self.out.error(FindingCode::FreelistSelf, free, &text);
        }
        if !self.free.insert(free)? {
            let text = format!("the freelist on page {list} names page {free} twice");
            return self.out.error(FindingCode::FreelistTwice, free, &text);
        }
        Ok(())
    }
}
