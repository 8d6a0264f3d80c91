//! What the border between C and Rust costs: the same calls from C through `libbolt.so` and from Rust directly.
//!
//! `bench/border.sh` builds the library and runs this: `border LIBRARIES HEADERS [ROUNDS]`, the directory of
//! `libbolt.so` and that of `bolt.h`. It compiles `benches/border.c` and loads it, so that both sides run in
//! one process over the same file, in rounds that take turns; the time is that of the thread on the
//! processor, and the median round counts. The database is small, so that calls cost what they execute and
//! not what they wait for memory. Rust's side is compiled into its loop, as in any program in Rust.
//!
//! `border LIBRARIES HEADERS count c|rust CALL TIMES` makes calls alone, for callgrind to count their instructions.
#![expect(unsafe_code, reason = "a library of C's is loaded and called")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark stops at what it did not expect")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;

use bolt::{BucketId, Cursor, Db, Options, ROOT, Txn, Wait};

const KEY_LEN: usize = 16;
const VALUE_LEN: usize = 100;
/// So few that all of them stay in the first cache.
const KEYS: u64 = 200;
const CALLS: usize = KEYS as usize;
/// How often they are made in a round.
const TIMES: usize = 10;
const NAMES: [&str; 3] = ["bolt_get", "bolt_cursor_next", "bolt_bucket_sequence"];

type Key = [u8; KEY_LEN];

/// A number that depends on `index` alone and tells nothing of it (the finalizer of splitmix64).
fn mixed(index: u64) -> u64 {
    let z = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn key(number: u64) -> Key {
    let mut key = [0; KEY_LEN];
    key[..8].copy_from_slice(&mixed(number).to_be_bytes());
    key[8..].copy_from_slice(&number.to_be_bytes());
    key
}

fn fill(path: &Path) {
    let db = Db::open(path, &Options { no_sync: true, ..Options::default() }).unwrap();
    let mut txn = db.begin_write(Wait::Try).unwrap();
    let bucket = txn.create_bucket(ROOT, b"b").unwrap();
    (0..KEYS).for_each(|number| txn.put(bucket, &key(number), &[1; VALUE_LEN]).unwrap());
    txn.set_sequence(bucket, 1).unwrap();
    txn.commit().unwrap();
    db.close().unwrap();
}

/// Each call so many times; a sum that the other side has, too.
trait Side {
    fn get(&mut self, keys: &[Key]) -> u64;
    fn next(&mut self, count: usize) -> u64;
    fn sequence(&mut self, count: usize) -> u64;

    fn call(&mut self, name: &str, keys: &[Key]) -> u64 {
        match name {
            "bolt_get" => self.get(keys),
            "bolt_cursor_next" => self.next(keys.len()),
            "bolt_bucket_sequence" => self.sequence(keys.len()),
            other => panic!("{other}: there are {NAMES:?}"),
        }
    }
}

struct Rust {
    txn: Txn,
    bucket: BucketId,
    cursor: Cursor,
}

impl Rust {
    fn open(path: &Path) -> Rust {
        let db = Db::open(path, &Options { read_only: true, ..Options::default() }).unwrap();
        let mut txn = db.begin_read().unwrap();
        let bucket = txn.bucket(ROOT, b"b").unwrap();
        let cursor = txn.cursor(bucket).unwrap();
        Rust { txn, bucket, cursor }
    }
}

impl Side for Rust {
    #[inline(never)]
    fn get(&mut self, keys: &[Key]) -> u64 {
        let get =
            |key: &Key| self.txn.get(self.bucket, black_box(key.as_slice())).unwrap().unwrap().len() as u64;
        keys.iter().map(get).sum()
    }

    #[inline(never)]
    fn next(&mut self, count: usize) -> u64 {
        let mut sum = 0;
        let mut entry = self.cursor.first(&self.txn).unwrap();
        for _ in 1..count {
            sum += black_box(entry).unwrap().value.unwrap().len() as u64;
            entry = self.cursor.next(&self.txn).unwrap();
        }
        sum + black_box(entry).unwrap().value.unwrap().len() as u64
    }

    #[inline(never)]
    fn sequence(&mut self, count: usize) -> u64 {
        (0..count).map(|_| black_box(&self.txn).sequence(black_box(self.bucket)).unwrap()).sum()
    }
}

/// The functions of `border.c`, which go with the process.
struct C {
    reader: *mut c_void,
    get: unsafe extern "C" fn(*mut c_void, *const Key, usize) -> u64,
    next: unsafe extern "C" fn(*mut c_void, usize) -> u64,
    sequence: unsafe extern "C" fn(*mut c_void, usize) -> u64,
}

/// Compiles `border.c` against the library in `libraries`.
fn compile(libraries: &Path, headers: &Path, directory: &Path) -> PathBuf {
    let program = directory.join("libborder.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/border.c");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let status = Command::new(compiler)
        .args(["-std=c99", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-o"])
        .arg(&program)
        .arg(source)
        .arg("-I")
        .arg(headers)
        .arg("-L")
        .arg(libraries)
        .args(["-lbolt", "-ldl"])
        .arg(format!("-Wl,-rpath,{}", libraries.display()))
        .status();
    assert!(status.unwrap().success(), "border.c does not compile");
    program
}

fn symbol(library: *mut c_void, name: &CStr) -> *mut c_void {
    // SAFETY: the library was loaded; the name ends with a zero.
    let place = unsafe { libc::dlsym(library, name.as_ptr()) };
    assert!(!place.is_null(), "no {name:?}");
    place
}

impl C {
    fn open(program: &Path, path: &Path) -> C {
        let name = |path: &Path| CString::new(path.to_str().unwrap()).unwrap();
        // SAFETY: a path that ends with a zero; the library's start does nothing.
        let library = unsafe { libc::dlopen(name(program).as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!library.is_null(), "border.c cannot be loaded: is libbolt.so where it was?");
        let from = symbol(library, c"border_library");
        // SAFETY: the type that border.c gives it.
        let from: unsafe extern "C" fn() -> *const c_char = unsafe { std::mem::transmute(from) };
        // SAFETY: it takes nothing, and answers with a text of the linker's or NULL.
        let from = unsafe { from() };
        assert!(!from.is_null());
        // SAFETY: a text that ends with a zero, which the linker keeps.
        let from = unsafe { CStr::from_ptr(from) }.to_str().unwrap();
        assert!(from.contains("libbolt.so"), "C calls {from}, and not libbolt.so");
        let open = symbol(library, c"border_open");
        // SAFETY: the type that border.c gives it.
        let open: unsafe extern "C" fn(*const c_char) -> *mut c_void = unsafe { std::mem::transmute(open) };
        // SAFETY: a path that ends with a zero.
        let reader = unsafe { open(name(path).as_ptr()) };
        assert!(!reader.is_null(), "C cannot open the database");
        let get = symbol(library, c"border_get");
        let next = symbol(library, c"border_next");
        let sequence = symbol(library, c"border_sequence");
        C {
            reader,
            // SAFETY: the type that border.c gives it.
            get: unsafe {
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, *const Key, usize) -> u64>(
                    get,
                )
            },
            // SAFETY: the type that border.c gives it.
            next: unsafe {
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, usize) -> u64>(next)
            },
            // SAFETY: the type that border.c gives it.
            sequence: unsafe {
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void, usize) -> u64>(sequence)
            },
        }
    }
}

impl Side for C {
    fn get(&mut self, keys: &[Key]) -> u64 {
        // SAFETY: its own reader, and as many keys as said.
        unsafe { (self.get)(self.reader, keys.as_ptr(), keys.len()) }
    }

    fn next(&mut self, count: usize) -> u64 {
        // SAFETY: its own reader.
        unsafe { (self.next)(self.reader, count) }
    }

    fn sequence(&mut self, count: usize) -> u64 {
        // SAFETY: its own reader.
        unsafe { (self.sequence)(self.reader, count) }
    }
}

/// How long this thread has been on the processor, in nanoseconds.
fn thread_time() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the struct is this function's own and has the type that the call fills.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) }, 0);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_unstable_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Nanoseconds a call, the median of the rounds: of C, of Rust, and of the difference within a round.
fn measure(name: &str, c: &mut C, rust: &mut Rust, keys: &[Key], rounds: usize) -> [f64; 3] {
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..rounds + 2 {
        let mut both = [0.0, 0.0];
        for turn in 0..2 {
            let side = (round + turn) % 2;
            let begun = thread_time();
            let one = |_| if side == 0 { c.call(name, keys) } else { rust.call(name, keys) };
            let sum: u64 = (0..TIMES).map(one).sum();
            let calls = (TIMES * keys.len()) as u64;
            both[side] = (thread_time() - begun) / calls as f64;
            let each = if name == "bolt_bucket_sequence" { 1 } else { VALUE_LEN as u64 };
            assert_eq!(sum, calls * each, "{name} on side {side}");
        }
        // The first rounds bring the file and the code into the caches.
        if round >= 2 {
            times[0].push(both[0]);
            times[1].push(both[1]);
            times[2].push(both[0] - both[1]);
        }
    }
    times.map(median)
}

fn main() {
    // Cargo says --bench to every benchmark.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [libraries, headers, rest @ ..] = words.as_slice() else {
        println!("border LIBRARIES HEADERS [ROUNDS]: bench/border.sh knows both");
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("border.db");
    fill(&path);
    let program = compile(Path::new(libraries), Path::new(headers), directory.path());
    let (mut c, mut rust) = (C::open(&program, &path), Rust::open(&path));
    if let [count, side, name, times] = rest {
        assert_eq!(count, "count");
        let keys: Vec<Key> = (0..KEYS).map(key).collect();
        for _ in 0..times.parse::<usize>().unwrap() / CALLS {
            let sum = if side == "c" { c.call(name, &keys) } else { rust.call(name, &keys) };
            assert!(sum > 0);
        }
        return;
    }
    let rounds = rest.first().map_or(401, |word| word.parse().unwrap());
    println!("| call | from C | from Rust | the border, ns |\n|---|---:|---:|---:|");
    for name in NAMES {
        let keys: Vec<Key> = (0..CALLS as u64).map(|index| key(mixed(index) % KEYS)).collect();
        let [from_c, from_rust, border] = measure(name, &mut c, &mut rust, &keys, rounds);
        println!("| `{name}` | {from_c:.1} | {from_rust:.1} | {border:.1} |");
    }
}
