//! How often an engine waits for the disk: the synchronous calls in a trace of its system calls.
//!
//! What counts: fsync, fdatasync and msync(MS_SYNC); a write to a file opened with O_SYNC or O_DSYNC; pwritev2 with
//! RWF_SYNC or RWF_DSYNC. The calls for opening and closing the database are taken away by a second run without any
//! commit.

use std::collections::{HashMap, HashSet};

/// What strace is asked for.
pub const TRACED: &str =
    "trace=open,openat,creat,close,dup,write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,msync";

/// The synchronous calls in the output of `strace -f`.
pub fn count(trace: &str) -> u64 {
    let mut unfinished: HashMap<&str, String> = HashMap::new();
    let mut synchronous_files: HashSet<String> = HashSet::new();
    let mut total = 0;
    for line in trace.lines() {
        let Some((process, rest)) = line.split_once(char::is_whitespace) else { continue };
        let rest = rest.trim_start();
        let call = if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(process, begun.to_owned());
            continue;
        } else if rest.starts_with("<... ") {
            let Some((_, end)) = rest.split_once(" resumed>") else { continue };
            unfinished.remove(process).unwrap_or_default() + end
        } else {
            rest.to_owned()
        };
        total += u64::from(is_synchronous(&call, &mut synchronous_files));
    }
    total
}

/// Whether this call waits for the disk; notes which files are open for synchronous writing.
fn is_synchronous(call: &str, synchronous_files: &mut HashSet<String>) -> bool {
    let Some((name, arguments)) = call.split_once('(') else { return false };
    let result = call.rsplit_once(" = ").map_or("", |(_, result)| result.trim());
    let file = arguments.split([',', ')']).next().unwrap_or("").trim();
    match name {
        "fsync" | "fdatasync" => true,
        "msync" => arguments.contains("MS_SYNC"),
        "open" | "openat" | "creat" => {
            if arguments.contains("O_SYNC") || arguments.contains("O_DSYNC") {
                synchronous_files.insert(result.to_owned());
            }
            false
        }
        "close" => {
            synchronous_files.remove(file);
            false
        }
        "dup" => {
            if synchronous_files.contains(file) {
                synchronous_files.insert(result.to_owned());
            }
            false
        }
        _ => {
            synchronous_files.contains(file)
                || arguments.contains("RWF_SYNC")
                || arguments.contains("RWF_DSYNC")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_waiting_for_the_disk_counts_once() {
        let trace = "\
10 openat(AT_FDCWD, \"db\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = 3
10 openat(AT_FDCWD, \"db\", O_WRONLY|O_DSYNC|O_CLOEXEC) = 4
10 pwrite64(3, \"..\", 4096, 0) = 4096
10 fdatasync(3)                       = 0
10 pwrite64(4, \"..\", 40, 0) = 40
11 fsync(3 <unfinished ...>
10 msync(0x7f00, 4096, MS_ASYNC)  = 0
11 <... fsync resumed>)             = 0
10 msync(0x7f00, 4096, MS_SYNC)  = 0
10 pwritev2(3, [{..}], 1, 0, RWF_DSYNC) = 4096
10 close(4)                              = 0
10 pwrite64(4, \"..\", 40, 0) = 40
10 +++ exited with 0 +++
";
        assert_eq!(count(trace), 5);
    }
}
