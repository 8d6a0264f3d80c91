//! What the repository says of the library: its version, its ABI number, and what the header declares.
//!
//! Each fact has one place: the version `Cargo.toml`, the ABI number `abi/SOVERSION`, the functions with the
//! release in which each appeared `abi/libbolt.symbols`. Everything else is made from these or compared with
//! them.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use crate::Outcome;
use crate::tools::at;

/// A release: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Rises when programs must change to be compiled again; 0 before the first such promise.
    pub major: u32,
    /// Rises when functions are added.
    pub minor: u32,
    /// Rises when nothing but behaviour is corrected.
    pub patch: u32,
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Version, String> {
        let fault = |_| format!("the version {text} is not three numbers");
        let parts: Vec<u32> = text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(fault)?;
        match parts[..] {
            [major, minor, patch] => Ok(Version { major, minor, patch }),
            _ => Err(format!("the version {text} has not three parts")),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The release that `Cargo.toml` names.
pub fn version(repository: &Path) -> Outcome<Version> {
    let path = repository.join("Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(at(&path))?;
    let text = manifest.lines().find_map(|line| line.strip_prefix("version = \"")?.strip_suffix('"'));
    Ok(text.ok_or("Cargo.toml names no version")?.parse()?)
}

/// The number in the shared library's name.
pub fn abi_number(repository: &Path) -> Outcome<u32> {
    let path = repository.join("abi/SOVERSION");
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let number = text.trim().parse();
    Ok(number.map_err(|_| format!("{}: {:?} is no number", path.display(), text.trim()))?)
}

/// A function as the header declares it.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its declaration on one line, without attributes and the final semicolon.
    pub declaration: String,
}

/// A struct as the header declares it.
#[derive(Debug, PartialEq, Eq)]
pub struct Struct {
    /// Its name.
    pub name: String,
    /// The names of its fields, in order.
    pub fields: Vec<String>,
}

impl Struct {
    /// Whether the struct may get more fields at its end: it begins with its size.
    pub fn grows(&self) -> bool {
        self.fields.first().is_some_and(|field| field == "struct_size")
    }
}

/// What `include/bolt.h` declares.
pub struct Header {
    /// The functions in the order of the header.
    pub functions: Vec<Function>,
    /// The structs that programs see into.
    pub structs: Vec<Struct>,
    /// The names of the numbers that programs are compiled with, but for those of the version.
    pub constants: Vec<String>,
}

/// Reads `include/bolt.h`.
pub fn header(repository: &Path) -> Outcome<Header> {
    let path = repository.join("include/bolt.h");
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    Ok(Header { functions: functions(&text), structs: structs(&text), constants: constants(&text) })
}

/// The functions that a header declares: each from `BOLT_API` at the start of a line to the semicolon.
fn functions(header: &str) -> Vec<Function> {
    let starts = header.match_indices("\nBOLT_API ");
    let declarations =
        starts.filter_map(|(index, start)| header.get(index + start.len()..)?.split(';').next());
    let functions = declarations.filter_map(|declaration| {
        let words: Vec<&str> =
            declaration.split_whitespace().filter(|word| *word != "BOLT_MUST_USE").collect();
        let declaration = words.join(" ");
        let name = declaration.split('(').next()?.rsplit([' ', '*']).next()?.to_owned();
        Some(Function { name, declaration })
    });
    functions.collect()
}

/// The structs of a header: `typedef struct name {`, then fields and comments, then `} name;`.
fn structs(header: &str) -> Vec<Struct> {
    let declarations = header.split("\ntypedef struct ").skip(1).filter_map(|rest| rest.split_once(" {\n"));
    let structs = declarations.filter(|(name, _)| !name.contains(char::is_whitespace));
    let structs = structs.filter_map(|(name, rest)| Some((name, rest.split_once("\n}")?.0)));
    structs.map(|(name, body)| Struct { name: name.to_owned(), fields: fields(body) }).collect()
}

/// The names of the fields: of what stands before a semicolon outside of comments, the last word.
fn fields(body: &str) -> Vec<String> {
    let code: String =
        body.split("/**").filter_map(|part| part.split_once("*/")).map(|(_, code)| code).collect();
    let fields = code.split(';').filter_map(|field| field.split('[').next()?.rsplit([' ', '*']).next());
    fields.map(str::trim).filter(|field| !field.is_empty()).map(str::to_owned).collect()
}

/// The constants of a header that are numbers and stay the same from release to release.
fn constants(header: &str) -> Vec<String> {
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define BOLT_")?.split_once(' '));
    let numbers = defines.filter(|(name, value)| {
        let starts_a_number = |digit: char| digit.is_ascii_digit() || digit == '-' || digit == '(';
        !name.starts_with("VERSION_") && (value.starts_with(starts_a_number) || *value == "UINT64_MAX")
    });
    numbers.map(|(name, _)| format!("BOLT_{name}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "
#define BOLT_API __attribute__((visibility(\"default\")))
#define BOLT_VERSION_MAJOR 0
#define BOLT_OK 0
#define BOLT_NOTFOUND (-1)
#define BOLT_FOREVER UINT64_MAX
/** BOLT_API in a comment; */
BOLT_API uint32_t bolt_version(void);
BOLT_API BOLT_MUST_USE int bolt_open(const char *path, const bolt_options *options,
        bolt_db **db);
BOLT_API const char *bolt_version_string(void);
typedef struct bolt_db bolt_db;
/** An info. */
typedef struct bolt_info {
    /** Its size; set by you. */
    size_t struct_size;
    /**
     * A text.
     */
    char text[BOLT_LEN];
    /** A key. */
    const void *key;
} bolt_info;
typedef struct bolt_pair {
    /** One. */
    uint32_t one;
} bolt_pair;
";

    #[test]
    fn structs_are_read_with_their_fields_and_the_opaque_ones_left_out() {
        let structs = structs(HEADER);
        assert_eq!(structs[0].name, "bolt_info");
        assert_eq!(structs[0].fields, ["struct_size", "text", "key"]);
        assert_eq!(structs[1].fields, ["one"]);
        assert_eq!(structs.len(), 2);
        assert!(structs[0].grows() && !structs[1].grows());
    }

    #[test]
    fn functions_are_read_over_several_lines_and_behind_a_star() {
        let functions = functions(HEADER);
        let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(names, ["bolt_version", "bolt_open", "bolt_version_string"]);
        let open = "int bolt_open(const char *path, const bolt_options *options, bolt_db **db)";
        assert_eq!(functions[1].declaration, open);
    }

    #[test]
    fn constants_are_the_numbers_but_for_the_version() {
        assert_eq!(constants(HEADER), ["BOLT_OK", "BOLT_NOTFOUND", "BOLT_FOREVER"]);
    }

    #[test]
    fn a_version_has_three_numbers() {
        assert_eq!("1.20.3".parse(), Ok(Version { major: 1, minor: 20, patch: 3 }));
        assert!("1.2".parse::<Version>().is_err() && "1.2.x".parse::<Version>().is_err());
    }

    #[test]
    fn the_repository_s_own_facts_are_read() -> Outcome<()> {
        let repository = crate::repository();
        assert!(version(&repository)? >= Version { major: 0, minor: 1, patch: 0 });
        abi_number(&repository)?;
        let header = header(&repository)?;
        assert!(header.functions.iter().any(|function| function.name == "bolt_open"));
        assert!(header.constants.iter().any(|name| name == "BOLT_NOTFOUND"));
        let options = header.structs.iter().find(|known| known.name == "bolt_options");
        assert!(options.is_some_and(|options| options.grows() && options.fields.len() > 5));
        Ok(())
    }
}
