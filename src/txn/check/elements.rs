//! One branch or leaf page by itself, and against the keys that the pages above have for it.

use crate::error::Result;
use crate::format::bucket::BucketHeader;
use crate::format::bytes::u32_at;
use crate::format::page::Page;
use crate::format::{BUCKET_HEADER_LEN, ELEMENT_LEN, MAX_KEY_LEN, PAGE_HEADER_LEN, PageId};

use super::Checker;
use super::report::FindingCode;

const BUCKET_FLAG: u32 = 1;
/// So many bytes of a key are shown.
const SHOWN_LEN: usize = 32;

/// A key in hex, a long one cut.
pub(super) fn hex(key: &[u8]) -> String {
    let mut text = String::new();
    for byte in key.iter().take(SHOWN_LEN) {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('?'));
        }
    }
    if key.len() > SHOWN_LEN {
        text.push_str(&format!(".. of {} bytes", key.len()));
    }
    text
}

/// What the pages above demand of a page's keys.
#[derive(Clone, Copy, Default)]
pub(super) struct Fences<'a> {
    /// The page that refers to it, and the key that it has for it.
    pub first: Option<(PageId, &'a [u8])>,
    /// The key that follows in the pages above, which no key may reach.
    pub end: Option<&'a [u8]>,
}

/// A page whose elements are examined: one of the file, or the inline page of a bucket.
#[derive(Clone, Copy)]
pub(super) struct Body<'a> {
    pub page: Page<'a>,
    /// The page of the file on which it lies.
    pub holder: PageId,
    /// The name of the bucket whose inline page it is.
    pub inline: Option<&'a [u8]>,
}

/// An element that lies within its page.
pub(super) struct Element<'a> {
    pub key: &'a [u8],
    /// Its value; empty in a branch.
    pub value: &'a [u8],
    pub is_bucket: bool,
}

/// Why an element cannot be looked at.
enum Flaw {
    Outside,
    InTable,
}

impl<'a> Body<'a> {
    /// How the page is called in a sentence.
    pub fn name(&self) -> String {
        match self.inline {
            Some(bucket) => format!("the inline page of bucket {} on page {}", hex(bucket), self.holder),
            None => format!("page {}", self.holder),
        }
    }

    fn table_end(&self) -> usize {
        PAGE_HEADER_LEN + ELEMENT_LEN * self.page.count()
    }

    /// Element `index`, where it lies within the page and behind the table.
    pub fn element(&self, index: usize) -> Option<Element<'a>> {
        self.look(index).ok()
    }

    fn look(&self, index: usize) -> std::result::Result<Element<'a>, Flaw> {
        let (element, offset) = if self.page.is_leaf() {
            let leaf = self.page.leaf(index).map_err(|_| Flaw::Outside)?;
            (Element { key: leaf.key, value: leaf.value, is_bucket: leaf.is_bucket }, leaf.key_offset)
        } else {
            let (key, _, offset) = self.page.branch(index).map_err(|_| Flaw::Outside)?;
            (Element { key, value: &[], is_bucket: false }, offset)
        };
        if offset < self.table_end() { Err(Flaw::InTable) } else { Ok(element) }
    }

    /// The flags of a leaf's element.
    fn flags(&self, index: usize) -> u32 {
        u32_at(self.page.bytes(), PAGE_HEADER_LEN + ELEMENT_LEN * index).unwrap_or(0)
    }
}

/// The last key that was examined on a page.
struct Previous<'a> {
    index: usize,
    key: &'a [u8],
    reaches_end: bool,
}

impl Checker<'_, '_> {
    fn element_error(&mut self, code: FindingCode, body: &Body<'_>, index: usize, what: &str) -> Result<()> {
        let text = format!("element {index} of {} {what}", body.name());
        self.out.error(code, body.holder, &text)
    }

    fn element_warning(
        &mut self,
        code: FindingCode,
        body: &Body<'_>,
        index: usize,
        what: &str,
    ) -> Result<()> {
        let text = format!("element {index} of {} {what}", body.name());
        self.out.warning(code, body.holder, &text)
    }

    /// Examines the elements of a page. Below those up to the index that it answers there is something to
    /// enter.
    ///
    /// Keys and values are followed as far as they could lie side by side behind the table (C1).
    pub(super) fn elements(&mut self, body: &Body<'_>, fences: &Fences<'_>) -> Result<usize> {
        let count = body.page.count();
        let Some(room) = body.page.bytes().len().checked_sub(body.table_end()) else {
            let text = format!("the table of the {count} elements of {} passes its end", body.name());
            self.out.error(FindingCode::ElementOutside, body.holder, &text)?;
            self.is_complete = false;
            return Ok(0);
        };
        let (mut room, mut enter_count) = (room, 0);
        let mut previous = None;
        for index in 0..count {
            if !body.page.is_leaf() {
                enter_count = index + 1;
            }
            let Some(element) = self.element(body, index)? else { continue };
            let Some(rest) = room.checked_sub(element.key.len() + element.value.len()) else {
                let what = "shares bytes with others: together they are longer than the page";
                self.element_error(FindingCode::ElementsOverlap, body, index, what)?;
                self.is_complete = false;
                break;
            };
            room = rest;
            if element.is_bucket {
                enter_count = index + 1;
            }
            self.key(body, fences, index, element.key, &mut previous)?;
            if body.page.is_leaf() {
                self.leaf_element(body, index, &element)?;
            }
        }
        Ok(enter_count)
    }

    /// Element `index`, or `None` where it was reported.
    fn element<'b>(&mut self, body: &Body<'b>, index: usize) -> Result<Option<Element<'b>>> {
        let (code, what) = match body.look(index) {
            Ok(element) => return Ok(Some(element)),
            Err(Flaw::Outside) => (FindingCode::ElementOutside, "lies outside its page"),
            Err(Flaw::InTable) => (FindingCode::ElementInTable, "has its key within the table of elements"),
        };
        self.is_complete &= !body.page.is_leaf() || body.flags(index) & BUCKET_FLAG == 0;
        self.element_error(code, body, index, what)?;
        Ok(None)
    }

    fn key<'b>(
        &mut self,
        body: &Body<'b>,
        fences: &Fences<'_>,
        index: usize,
        key: &'b [u8],
        previous: &mut Option<Previous<'b>>,
    ) -> Result<()> {
        if key.is_empty() {
            return self.element_error(FindingCode::EmptyKey, body, index, "has an empty key");
        }
        if index == 0 {
            self.first_key(body, fences, key)?;
        }
        if let Some(before) = previous.as_ref().filter(|before| before.key >= key) {
            let which = if before.key == key { "equal to" } else { "below" };
            let what = format!(
                "has the key {}, which is {which} that of element {}, {}",
                hex(key),
                before.index,
                hex(before.key)
            );
            self.element_error(FindingCode::KeyOrder, body, index, &what)?;
        }
        let reached = fences.end.filter(|&end| key >= end);
        if let Some(end) = reached.filter(|_| !previous.as_ref().is_some_and(|before| before.reaches_end)) {
            let what =
                format!("has the key {}, which reaches {}, the next key above the page", hex(key), hex(end));
            self.element_error(FindingCode::KeyReachesNext, body, index, &what)?;
        }
        *previous = Some(Previous { index, key, reaches_end: reached.is_some() });
        Ok(())
    }

    fn first_key(&mut self, body: &Body<'_>, fences: &Fences<'_>, key: &[u8]) -> Result<()> {
        let Some((parent, expected)) = fences.first.filter(|(_, expected)| *expected != key) else {
            return Ok(());
        };
        let (code, which) =
            if key < expected { (FindingCode::KeyBelow, "below") } else { (FindingCode::BranchKey, "above") };
        let text = format!(
            "the first key of {}, {}, is {which} the one that page {parent} has for it, {}",
            body.name(),
            hex(key),
            hex(expected)
        );
        self.out.error(code, body.holder, &text)
    }

    fn leaf_element(&mut self, body: &Body<'_>, index: usize, element: &Element<'_>) -> Result<()> {
        let flags = body.flags(index);
        if flags & !BUCKET_FLAG != 0 {
            let what = format!("has the flags {flags:#x}");
            self.element_warning(FindingCode::ElementFlags, body, index, &what)?;
        }
        if element.is_bucket {
            return self.bucket_element(body, index, element.value);
        }
        if element.key.len() > MAX_KEY_LEN {
            let what = format!("has a key of {} bytes", element.key.len());
            self.element_warning(FindingCode::KeyLength, body, index, &what)?;
        }
        Ok(())
    }

    fn bucket_element(&mut self, body: &Body<'_>, index: usize, value: &[u8]) -> Result<()> {
        if body.inline.is_some() {
            let what = "is a bucket, but an inline page holds none";
            self.element_error(FindingCode::InlinePage, body, index, what)?;
        }
        let len = value.len();
        match BucketHeader::decode(value) {
            None => {
                self.is_complete = false;
                let what = format!("is a bucket whose value has only {len} bytes");
                self.element_error(FindingCode::BucketValue, body, index, &what)
            }
            Some(header) if header.root != 0 && len != BUCKET_HEADER_LEN => {
                let what =
                    format!("is a bucket with the root page {}, but its value has {len} bytes", header.root);
                self.element_warning(FindingCode::BucketValue, body, index, &what)
            }
            Some(_) => Ok(()),
        }
    }
}
