//! The disks that a power cut can leave: for each sector written since the last sync one of its versions, the
//! durable bytes, a mixture of both, or garbage; for each file one of its lengths; each new name or not.
//!
//! Where few sectors differ, all subsets are gone through. Where there are many: none, all, all but one, one
//! alone, the writes up to each moment in their order, and subsets by chance. In both cases also sectors torn
//! within, and sectors that are garbage.

use std::path::PathBuf;

use crate::digest::{self, Digest};
use crate::disk::{CrashPoint, FileCut, NameCut, SECTOR_LEN, Sector, SectorCut};
use crate::random::{Random, mix};

/// How many disks are looked at for one moment.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// All subsets where there are no more than these.
    pub subsets: usize,
    /// Otherwise, of each kind of disk that leaves out or takes one sector or one write.
    pub singles: usize,
    /// Otherwise, how many by chance.
    pub random: usize,
    /// How many torn sectors, and how many of garbage.
    pub torn: usize,
}

impl Budget {
    /// For small databases: all subsets of 8 sectors.
    pub const SMALL: Budget = Budget { subsets: 256, singles: 12, random: 32, torn: 12 };
    /// For long runs.
    pub const DEEP: Budget = Budget { subsets: 8, singles: 2, random: 6, torn: 2 };
    /// For a cut after a cut.
    pub const SECOND: Budget = Budget { subsets: 8, singles: 2, random: 4, torn: 2 };
}

/// What has become of a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// What was durable.
    Old,
    /// A version, by its index.
    Version(usize),
    /// The newest version and the old bytes, divided at a place: the head is the new one's, or the tail.
    Torn {
        /// The place.
        at: usize,
        /// Whether the bytes before it are new; otherwise those from it on.
        is_head: bool,
    },
    /// Neither; bytes of this seed.
    Garbage(u64),
}

/// One disk that a cut can leave.
#[derive(Clone, Debug)]
pub struct Choice {
    /// For each sector of each file, in their order.
    pub picks: Vec<Pick>,
    /// For each file the index of its length.
    pub lens: Vec<usize>,
    /// For each name whether it leads to the file to which it was given last.
    pub names: Vec<bool>,
    /// Garbage of this seed where the file grew and nothing was written.
    pub tail: Option<u64>,
}

impl Choice {
    /// Whether some of it is neither old nor new.
    pub fn has_garbage(&self) -> bool {
        self.tail.is_some() || self.picks.iter().any(|pick| matches!(pick, Pick::Garbage(_)))
    }
}

/// The content of a disk: the files that have a name.
pub type Image = Vec<(PathBuf, Vec<u8>)>;

/// Calls `visit` for each disk that is to be looked at.
pub fn each<E>(
    point: &CrashPoint,
    budget: &Budget,
    random: &mut Random,
    visit: &mut dyn FnMut(&Choice) -> Result<(), E>,
) -> Result<(), E> {
    let sectors: Vec<&SectorCut> = point.files.iter().flat_map(|file| &file.sectors).collect();
    for frame in frames(point) {
        let mut frame = Choice { picks: vec![Pick::Old; sectors.len()], ..frame };
        if count(&sectors).is_some_and(|count| count <= budget.subsets) {
            each_subset(&sectors, &mut frame, visit)?;
        } else {
            some_subsets(&sectors, &frame, budget, random, visit)?;
        }
        torn(&sectors, &frame, budget, random, visit)?;
        if grows(point, &frame) {
            for picks in [vec![Pick::Old; sectors.len()], newest(&sectors)] {
                visit(&Choice { picks, tail: Some(random.next()), ..frame.clone() })?;
            }
        }
    }
    Ok(())
}

/// How many disks all subsets give; `None` where nobody would count them.
fn count(sectors: &[&SectorCut]) -> Option<usize> {
    sectors.iter().try_fold(1_usize, |count, sector| count.checked_mul(sector.versions.len() + 1))
}

/// All lengths and names; where they are many, the newest and the oldest and each alone.
fn frames(point: &CrashPoint) -> Vec<Choice> {
    let mut frames = vec![Choice { picks: Vec::new(), lens: Vec::new(), names: Vec::new(), tail: None }];
    for file in &point.files {
        let mut lens: Vec<usize> = (0..file.lens.len()).rev().collect();
        if lens.len() > 3 {
            lens = vec![file.lens.len() - 1, file.lens.len() / 2, 0];
        }
        let extended = frames.iter().flat_map(|frame| {
            lens.iter().map(|&len| Choice { lens: [&frame.lens[..], &[len]].concat(), ..frame.clone() })
        });
        frames = extended.collect();
    }
    for name in &point.names {
        let there: &[bool] = if name.is_durable() { &[true] } else { &[true, false] };
        let extended = frames.iter().flat_map(|frame| {
            there
                .iter()
                .map(|&there| Choice { names: [&frame.names[..], &[there]].concat(), ..frame.clone() })
        });
        frames = extended.collect();
    }
    frames
}

fn grows(point: &CrashPoint, frame: &Choice) -> bool {
    frame.lens.iter().any(|&len| len > 0) && !point.files.is_empty()
}

/// The newest version of each sector.
fn newest(sectors: &[&SectorCut]) -> Vec<Pick> {
    sectors.iter().map(|sector| Pick::Version(sector.versions.len() - 1)).collect()
}

fn each_subset<E>(
    sectors: &[&SectorCut],
    choice: &mut Choice,
    visit: &mut dyn FnMut(&Choice) -> Result<(), E>,
) -> Result<(), E> {
    loop {
        visit(choice)?;
        // The next one, counted as a number whose digits are the picks.
        let mut digit = 0;
        loop {
            let (Some(pick), Some(sector)) = (choice.picks.get_mut(digit), sectors.get(digit)) else {
                return Ok(());
            };
            *pick = match *pick {
                Pick::Old => Pick::Version(0),
                Pick::Version(version) if version + 1 < sector.versions.len() => Pick::Version(version + 1),
                _ => Pick::Old,
            };
            if *pick != Pick::Old {
                break;
            }
            digit += 1;
        }
    }
}

fn some_subsets<E>(
    sectors: &[&SectorCut],
    frame: &Choice,
    budget: &Budget,
    random: &mut Random,
    visit: &mut dyn FnMut(&Choice) -> Result<(), E>,
) -> Result<(), E> {
    let old = vec![Pick::Old; sectors.len()];
    let new = newest(sectors);
    let mut show = |picks: Vec<Pick>| visit(&Choice { picks, ..frame.clone() });
    show(old.clone())?;
    show(new.clone())?;
    for index in sample(sectors.len(), budget.singles, random) {
        let mut all_but_one = new.clone();
        all_but_one[index] = Pick::Old;
        show(all_but_one)?;
    }
    for index in sample(sectors.len(), budget.singles, random) {
        let mut only_one = old.clone();
        only_one[index] = new[index];
        show(only_one)?;
    }
    let mut orders: Vec<u64> =
        sectors.iter().flat_map(|sector| sector.versions.iter().map(|version| version.order)).collect();
    orders.sort_unstable();
    orders.dedup();
    for index in sample(orders.len(), budget.singles, random) {
        show(sectors.iter().map(|sector| up_to(sector, orders[index])).collect())?;
    }
    for _ in 0..budget.random {
        let density = 1 + random.below(15);
        let by_chance = sectors.iter().map(|sector| {
            if random.below(16) >= density {
                Pick::Old
            } else {
                Pick::Version(random.below(sector.versions.len()))
            }
        });
        show(by_chance.collect())?;
    }
    Ok(())
}

/// The sector as it was after the writes up to number `order`.
fn up_to(sector: &SectorCut, order: u64) -> Pick {
    let written = sector.versions.iter().rposition(|version| version.order <= order);
    written.map_or(Pick::Old, Pick::Version)
}

/// All indices below `count`, or `limit` of them by chance.
fn sample(count: usize, limit: usize, random: &mut Random) -> Vec<usize> {
    if count <= limit { (0..count).collect() } else { (0..limit).map(|_| random.below(count)).collect() }
}

/// Sectors torn within, and garbage, one at a time; the others are all old, or all new.
fn torn<E>(
    sectors: &[&SectorCut],
    frame: &Choice,
    budget: &Budget,
    random: &mut Random,
    visit: &mut dyn FnMut(&Choice) -> Result<(), E>,
) -> Result<(), E> {
    let new = newest(sectors);
    let old = vec![Pick::Old; sectors.len()];
    let mut show = |index: usize, pick: Pick, random: &mut Random| {
        let mut picks = if random.once_in(2) { old.clone() } else { new.clone() };
        picks[index] = pick;
        visit(&Choice { picks, ..frame.clone() })
    };
    if sectors.len() <= 2 {
        // The meta page alone, most often: torn at each place that its struct has, and beyond.
        for index in 0..sectors.len() {
            for at in (8..128).step_by(8).take(budget.torn * 2) {
                show(index, Pick::Torn { at, is_head: true }, random)?;
                show(index, Pick::Torn { at, is_head: false }, random)?;
            }
        }
    }
    for index in sample(sectors.len(), budget.torn, random) {
        let at = 8 * (1 + random.below(SECTOR_LEN / 8 - 1));
        show(index, Pick::Torn { at, is_head: random.once_in(2) }, random)?;
    }
    for index in sample(sectors.len(), budget.torn, random) {
        let seed = random.next();
        show(index, Pick::Garbage(seed), random)?;
    }
    Ok(())
}

/// The bytes that the pick gives.
fn content(sector: &SectorCut, pick: Pick, tail: Option<u64>, certain_len: u64) -> Sector {
    let newest = sector.versions.last().map_or(&sector.base, |version| &version.bytes);
    match pick {
        Pick::Old if sector.index * SECTOR_LEN as u64 >= certain_len => tail_sector(sector.index, tail),
        Pick::Old => sector.base,
        Pick::Version(version) => sector.versions.get(version).map_or(sector.base, |version| version.bytes),
        Pick::Torn { at, is_head } => {
            let (head, rest) = if is_head { (newest, &sector.base) } else { (&sector.base, newest) };
            let mut bytes = *rest;
            bytes[..at].copy_from_slice(&head[..at]);
            bytes
        }
        Pick::Garbage(seed) => garbage(seed),
    }
}

fn tail_sector(index: u64, tail: Option<u64>) -> Sector {
    tail.map_or([0; SECTOR_LEN], |seed| garbage(seed ^ mix(index)))
}

fn garbage(seed: u64) -> Sector {
    let mut bytes = [0; SECTOR_LEN];
    Random::new(seed).fill(&mut bytes);
    bytes
}

/// For each file its picks.
fn by_file<'c>(
    point: &'c CrashPoint,
    choice: &'c Choice,
) -> impl Iterator<Item = (&'c FileCut, usize, &'c [Pick])> {
    let mut rest = choice.picks.as_slice();
    point.files.iter().zip(&choice.lens).map(move |(file, &len)| {
        let (picks, others) = rest.split_at(file.sectors.len());
        rest = others;
        (file, len, picks)
    })
}

/// The digest of the disk: that of each name, and of the length and the content of its file.
pub fn digest(point: &CrashPoint, choice: &Choice) -> Digest {
    let files: Vec<(u64, Digest)> =
        by_file(point, choice).map(|(file, len, picks)| file_digest(file, len, picks, choice.tail)).collect();
    let mut parts = Vec::new();
    for (name, file) in there(point, choice) {
        let Some((len, digest)) = files.get(file) else { continue };
        parts.extend_from_slice(name.path.as_os_str().as_encoded_bytes());
        parts.push(0);
        parts.extend_from_slice(&len.to_le_bytes());
        parts.extend_from_slice(&digest.to_le_bytes());
    }
    digest::of(&[&parts])
}

fn file_digest(file: &FileCut, len: usize, picks: &[Pick], tail: Option<u64>) -> (u64, Digest) {
    let len = file.lens[len];
    let certain_len = file.lens[0];
    let mut digest = file.base_digest;
    for (sector, &pick) in file.sectors.iter().zip(picks) {
        if sector.index * SECTOR_LEN as u64 >= len || (pick == Pick::Old && tail.is_none()) {
            continue;
        }
        let bytes = content(sector, pick, tail, certain_len);
        digest =
            digest.wrapping_sub(sector.base_digest).wrapping_add(digest::of_sector(sector.index, &bytes));
    }
    if tail.is_some() {
        for index in untouched_tail(file, len) {
            digest = digest.wrapping_add(digest::of_sector(index, &tail_sector(index, tail)));
        }
    }
    (len, digest)
}

/// The sectors by which the file grew and to which nothing was written.
fn untouched_tail(file: &FileCut, len: u64) -> impl Iterator<Item = u64> + '_ {
    let sector_len = SECTOR_LEN as u64;
    (file.lens[0].div_ceil(sector_len)..len / sector_len)
        .filter(|&index| file.sectors.binary_search_by_key(&index, |sector| sector.index).is_err())
}

/// The names that are there, and their files.
fn there<'c>(point: &'c CrashPoint, choice: &'c Choice) -> impl Iterator<Item = (&'c NameCut, usize)> {
    let file = |(name, &is_new): (&'c NameCut, &bool)| {
        let file = if is_new { Some(name.file) } else { name.durable };
        file.map(|file| (name, file))
    };
    point.names.iter().zip(&choice.names).filter_map(file)
}

/// The disk itself.
pub fn image(point: &CrashPoint, choice: &Choice) -> Image {
    let files: Vec<Vec<u8>> =
        by_file(point, choice).map(|(file, len, picks)| file_image(file, len, picks, choice.tail)).collect();
    there(point, choice)
        .map(|(name, file)| (name.path.clone(), files.get(file).cloned().unwrap_or_default()))
        .collect()
}

fn file_image(file: &FileCut, len: usize, picks: &[Pick], tail: Option<u64>) -> Vec<u8> {
    let len = file.lens[len];
    let certain_len = file.lens[0];
    let whole = (len as usize).next_multiple_of(SECTOR_LEN);
    let mut bytes = Vec::with_capacity(whole);
    bytes.extend_from_slice(&file.base[..file.base.len().min(whole)]);
    bytes.resize(whole, 0);
    let mut put = |index: u64, sector: Sector| {
        let start = index as usize * SECTOR_LEN;
        if let Some(place) = bytes.get_mut(start..start + SECTOR_LEN) {
            place.copy_from_slice(&sector);
        }
    };
    for (sector, &pick) in file.sectors.iter().zip(picks) {
        if pick != Pick::Old || tail.is_some() {
            put(sector.index, content(sector, pick, tail, certain_len));
        }
    }
    if tail.is_some() {
        for index in untouched_tail(file, len) {
            put(index, tail_sector(index, tail));
        }
    }
    bytes.truncate(len as usize);
    bytes
}

/// The choice in words, for whoever looks into a failure.
pub fn describe(point: &CrashPoint, choice: &Choice) -> String {
    let mut text = format!("cut before {}", point.moment);
    for (file, len, picks) in by_file(point, choice) {
        let torn = |(sector, pick): (&SectorCut, &Pick)| match pick {
            Pick::Old => None,
            pick => Some(format!("{}:{pick:?}", sector.index)),
        };
        let written: Vec<String> = file.sectors.iter().zip(picks).filter_map(torn).collect();
        let lens = &file.lens;
        let total = file.sectors.len();
        text += &format!(
            "; length {} of {lens:?}, {} of {total} sectors written: {}",
            lens[len],
            written.len(),
            written.join(" ")
        );
    }
    for (name, there) in point.names.iter().zip(&choice.names).filter(|(name, _)| !name.is_durable()) {
        text += &format!("; name {} {}", name.path.display(), if *there { "there" } else { "lost" });
    }
    if choice.tail.is_some() {
        text += "; garbage where the file grew";
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::disk::DiskFile;

    fn point(file: &DiskFile, is_durable: bool) -> CrashPoint {
        let durable = if is_durable { Some(0) } else { None };
        let names = vec![NameCut { path: "/db".into(), file: 0, durable }];
        CrashPoint { label: 0, moment: "a sync", files: vec![file.cut()], names }
    }

    fn all(point: &CrashPoint, budget: &Budget) -> Vec<Choice> {
        let mut all = Vec::new();
        let done: Result<(), ()> = each(point, budget, &mut Random::new(1), &mut |choice| {
            all.push(choice.clone());
            Ok(())
        });
        done.unwrap();
        all
    }

    #[test]
    fn few_sectors_give_all_their_subsets_and_lengths_and_names() {
        let mut file = DiskFile::new(vec![0; 1024]);
        for index in 0..4 {
            file.write(index, index, &[index as u8 + 1; SECTOR_LEN], 2048);
        }
        let point = point(&file, false);
        let images: BTreeSet<Image> = all(&point, &Budget { torn: 0, ..Budget::SMALL })
            .iter()
            .filter(|choice| choice.tail.is_none())
            .map(|choice| image(&point, choice))
            .collect();
        // 16 subsets of the long file, 4 of the short one, and no file.
        assert_eq!(images.len(), 16 + 4 + 1);
    }

    #[test]
    fn the_digest_is_the_same_exactly_where_the_disk_is() {
        let mut file = DiskFile::new(vec![3; 4096]);
        for index in 0..10 {
            file.write(2 * index, index, &[index as u8; SECTOR_LEN], 8192);
            file.write(2 * index + 1, index, &[index as u8 / 2; SECTOR_LEN], 8192);
        }
        let point = point(&file, false);
        let mut seen = std::collections::BTreeMap::new();
        let mut digests = BTreeSet::new();
        for choice in all(&point, &Budget::SMALL) {
            let digest = digest(&point, &choice);
            digests.insert(digest);
            assert_eq!(*seen.entry(image(&point, &choice)).or_insert(digest), digest, "{choice:?}");
        }
        assert_eq!(seen.len(), digests.len());
        assert!(seen.len() > 100);
    }

    #[test]
    fn a_torn_sector_has_the_head_of_one_and_the_tail_of_the_other() {
        let mut file = DiskFile::new(vec![1; 512]);
        file.write(0, 0, &[2; SECTOR_LEN], 512);
        let point = point(&file, true);
        let choice = Choice {
            picks: vec![Pick::Torn { at: 8, is_head: true }],
            lens: vec![0],
            names: vec![true],
            tail: None,
        };
        let image = image(&point, &choice);
        assert_eq!((image[0].1[7], image[0].1[8]), (2, 1));
    }
}
