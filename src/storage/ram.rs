//! How much memory the process may fill with a file's pages: the machine's, or what its control groups leave it.
//!
//! A limit counts the pages of files that are kept in memory, too, so a file longer than it is read from the disk
//! again and again. The files are those of cgroups(7), where systemd mounts them.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use super::sys;

/// Up to this length, 256 MiB, a file is taken to have room in memory.
const SMALL_LEN: u64 = 256 << 20;

/// Whether a file of `len` bytes is so long that most of what is read ahead of a random read would leave the memory
/// before it is used: longer than half of what the process may fill. Reading ahead then costs a disk's time (8 MiB a
/// get where the disk is set so), and drives out what is used.
pub fn is_outgrown_by(len: u64) -> bool {
    outgrows(len, self::len)
}

fn outgrows(len: u64, memory_len: impl FnOnce() -> u64) -> bool {
    len > SMALL_LEN && len > memory_len() / 2
}

/// In bytes, as it was when it was asked for first: to read the files takes longer than to open a database.
fn len() -> u64 {
    static LEN: OnceLock<u64> = OnceLock::new();
    *LEN.get_or_init(look)
}

fn look() -> u64 {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = group_limit(Path::new("/sys/fs/cgroup"), &groups).unwrap_or(u64::MAX);
    sys::memory_len().min(limit)
}

/// The least limit of the groups that `groups` names, a line each as in `/proc/self/cgroup`, and of those that hold
/// them. A container may name groups that it does not see; it sees its own limit at the root.
fn group_limit(root: &Path, groups: &str) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let (places, names): (_, &[&str]) = match controllers {
            "" => (["", "unified"], &["memory.max", "memory.high"]),
            _ if controllers.split(',').any(|one| one == "memory") => {
                (["memory", controllers], &["memory.limit_in_bytes"])
            }
            _ => return None,
        };
        let ancestors = Path::new(path.trim_start_matches('/')).ancestors();
        // "max" is no number, and no limit.
        let read = |file: &Path| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
        let limit = |group: &Path| names.iter().filter_map(|name| read(&group.join(name))).min();
        ancestors
            .flat_map(|path| places.map(|place| root.join(place).join(path)))
            .filter_map(|at| limit(&at))
            .min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place with these groups and their limits.
    fn groups(limits: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, limit) in limits {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, limit).unwrap();
        }
        root
    }

    #[test]
    fn the_least_limit_above_a_group_holds() {
        let root = groups(&[
            ("pod/memory.max", "1000000\n"),
            ("pod/one/memory.max", "max\n"),
            ("other/memory.max", "5\n"),
            ("other/memory.high", "4\n"),
        ]);
        assert_eq!(group_limit(root.path(), "0::/pod/one\n"), Some(1_000_000));
        assert_eq!(group_limit(root.path(), "0::/other\n"), Some(4));
        assert_eq!(group_limit(root.path(), "0::/\n"), None);
    }

    #[test]
    fn groups_of_the_first_version_are_found_by_their_controller() {
        let root = groups(&[
            ("memory/a/memory.limit_in_bytes", "77"),
            ("cpu,memory/b/memory.limit_in_bytes", "9223372036854771712"),
            ("unified/c/memory.max", "88"),
        ]);
        assert_eq!(group_limit(root.path(), "9:cpu:/a\n4:memory:/a\n0::/x\n"), Some(77));
        assert_eq!(group_limit(root.path(), "4:cpu,memory:/b\n"), Some(9_223_372_036_854_771_712));
        assert_eq!(group_limit(root.path(), "0::/c\n"), Some(88));
    }

    #[test]
    fn a_container_that_does_not_see_its_own_group_finds_the_limit_at_the_root() {
        let root = groups(&[("memory/memory.limit_in_bytes", "4096")]);
        assert_eq!(group_limit(root.path(), "4:memory:/kubepods/pod1/abc\n"), Some(4096));
    }

    #[test]
    fn what_is_no_list_of_groups_gives_no_limit() {
        for text in ["", "\n", "4", "4:memory", "::", "4:memory:/nowhere\n"] {
            assert_eq!(group_limit(Path::new("/nowhere"), text), None, "{text:?}");
        }
        assert!(len() > 1 << 20);
    }

    #[test]
    fn a_file_longer_than_half_the_memory_outgrows_it_unless_it_is_small() {
        const GIB: u64 = 1 << 30;
        assert!(outgrows(GIB, || GIB));
        assert!(outgrows(GIB / 2 + 1, || GIB));
        assert!(!outgrows(GIB / 2, || GIB));
        assert!(!outgrows(SMALL_LEN, || 1));
        assert!(!outgrows(0, || panic!("a small file needs no look at the memory")));
    }
}
