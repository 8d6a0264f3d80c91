//! What a command was told after its name: `--name value` or `--name=value`, and switches without a value.

use std::collections::{BTreeMap, BTreeSet};

use crate::Outcome;

/// The options of one command.
#[derive(Debug)]
pub struct Arguments {
    values: BTreeMap<String, String>,
    switches: BTreeSet<String>,
}

impl Arguments {
    /// Sorts what was given into options with a value and switches; an option of neither kind is an error.
    pub fn parse(given: &[&str], with_value: &[&str], switches: &[&str]) -> Outcome<Arguments> {
        let mut arguments = Arguments { values: BTreeMap::new(), switches: BTreeSet::new() };
        let mut words = given.iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (*word, None),
            };
            if with_value.contains(&name) {
                let value = value.or_else(|| words.next().copied());
                let value = value.ok_or_else(|| format!("{name} needs a value"))?;
                arguments.values.insert(name.to_owned(), value.to_owned());
            } else if switches.contains(&name) && value.is_none() {
                arguments.switches.insert(name.to_owned());
            } else {
                let known: Vec<&str> = with_value.iter().chain(switches).copied().collect();
                return Err(format!("unknown option {word}; there are: {}", known.join(" ")).into());
            }
        }
        Ok(arguments)
    }

    /// The value of an option, if it was given one that is not empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a switch was given.
    pub fn has(&self, name: &str) -> bool {
        self.switches.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(given: &[&str]) -> Outcome<Arguments> {
        Arguments::parse(given, &["--prefix", "--libdir"], &["--check"])
    }

    #[test]
    fn values_follow_their_name_after_a_space_or_an_equals_sign() -> Outcome<()> {
        let arguments = parse(&["--prefix", "/usr", "--check", "--libdir=lib=64"])?;
        assert_eq!(arguments.value("--prefix"), Some("/usr"));
        assert_eq!(arguments.value("--libdir"), Some("lib=64"));
        assert!(arguments.has("--check"));
        Ok(())
    }

    #[test]
    fn an_empty_value_is_as_none() -> Outcome<()> {
        assert_eq!(parse(&["--prefix="])?.value("--prefix"), None);
        Ok(())
    }

    #[test]
    fn unknown_options_missing_values_and_switches_with_a_value_are_errors() {
        for (given, fault) in [
            (&["--perfix=/usr"][..], "unknown option --perfix=/usr; there are: --prefix --libdir --check"),
            (&["--prefix"], "--prefix needs a value"),
            (&["--check=yes"], "unknown option --check=yes"),
        ] {
            let error = parse(given).map(|_| ()).map_err(|error| error.to_string());
            assert!(matches!(&error, Err(text) if text.starts_with(fault)), "{error:?}");
        }
    }
}
