//! The sources of settings besides the built-in defaults: a file, `.env`, the environment, and
//! settings of the program itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layers::{Node, Variable};
use super::problem::{Origin, Problem};
use super::{dotenv, layers, variables};

/// The defaults with a reason for each: both the documentation and the lowest layer.
pub const DEFAULTS: &str = include_str!("../../../config.toml");

/// The layers above the built-in defaults, as they were found. Tests make their own; `Config::load`
/// reads the real ones.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    pub(super) file: Option<(PathBuf, String)>,
    pub(super) variables: BTreeMap<String, Variable>,
    pub(super) overrides: Vec<(String, String)>,
    pub(super) problems: Vec<Problem>,
}

impl Sources {
    /// Reads the working directory and the environment.
    pub fn found(path: Option<&Path>) -> Self {
        let mut sources = Self::default();
        sources.find_file(path);
        sources.find_dotenv(Path::new(".env"));
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str() else { continue };
            match value.into_string() {
                Ok(value) => {
                    sources.variables.insert(name.to_owned(), Variable::new(name, &value, false));
                }
                Err(_) if variables::is_ours(name) => {
                    let origin = Origin::Variable { name: name.to_owned(), dotenv: false };
                    sources.refuse(name, origin, "found bytes that are not UTF-8, expected text");
                }
                Err(_) => {}
            }
        }
        sources
    }

    /// Adds the text of a file.
    #[must_use]
    pub fn file(mut self, path: &str, text: &str) -> Self {
        self.file = Some((PathBuf::from(path), text.to_owned()));
        self
    }

    /// Adds environment variables, including secrets.
    #[must_use]
    pub fn variables(mut self, variables: &[(&str, &str)]) -> Self {
        let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), Variable::new(name, value, false));
        self.variables.extend(variables.iter().map(variable));
        self
    }

    /// Adds the content of a `.env` file, which takes precedence over variables added before.
    #[must_use]
    pub fn dotenv(mut self, bytes: &[u8]) -> Self {
        self.lay_dotenv(bytes);
        self
    }

    /// Adds dotted keys, which take precedence over everything else.
    #[must_use]
    pub fn overrides(mut self, overrides: &[(&str, &str)]) -> Self {
        self.overrides.extend(overrides.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        self
    }

    /// Lays the sources over the built-in defaults. Returns the tree and the problems with their
    /// form.
    ///
    /// # Errors
    /// If the file is not TOML: the part of it that can be read may be in the wrong place, so it
    /// would cause misleading problems.
    pub(super) fn laid(&self) -> Result<(Node, Vec<Problem>), Vec<Problem>> {
        let (mut tree, mut problems) = layers::shipped(DEFAULTS);
        problems.extend(self.problems.iter().cloned());
        if let Some((path, text)) = &self.file {
            let (layer, found) = layers::file(path, text);
            if !found.is_empty() {
                problems.extend(found);
                return Err(problems);
            }
            tree.lay(layer);
        }
        let (layer, found) = layers::variables(&self.variables);
        problems.extend(found);
        tree.lay(layer);
        tree.lay(layers::overrides(&self.overrides));
        Ok((tree, problems))
    }

    fn find_file(&mut self, path: Option<&Path>) {
        let wanted = path.unwrap_or(Path::new("config.toml"));
        match std::fs::read_to_string(wanted) {
            Ok(text) => self.file = Some((wanted.to_owned(), text)),
            Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                let next = format!("cannot be read ({error}); expected a configuration file there");
                self.refuse(&wanted.display().to_string(), Origin::Nowhere, &next);
            }
        }
    }

    fn find_dotenv(&mut self, path: &Path) {
        match std::fs::read(path) {
            Ok(bytes) => self.lay_dotenv(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                self.refuse(".env", Origin::Nowhere, &format!("cannot be read ({error}); expected a text file"));
            }
        }
    }

    /// Adds the variables of `.env`. Variables of other programs have no effect, because no code
    /// asks for them.
    fn lay_dotenv(&mut self, bytes: &[u8]) {
        let lines = match dotenv::read(bytes, &variables::is_ours) {
            Ok(lines) => lines,
            Err(why) => return self.refuse(".env", Origin::Nowhere, why),
        };
        for line in lines {
            match line {
                dotenv::Line::Set { name, value } => {
                    let variable = Variable::new(&name, &value, true);
                    self.variables.insert(name, variable);
                }
                // The line is not repeated, because it may contain a secret.
                dotenv::Line::Bad { name, line, why } => {
                    let origin = Origin::File { path: Arc::new(PathBuf::from(".env")), line };
                    self.refuse(&name, origin, &format!("{why}; write it as NAME=value in one line"));
                }
            }
        }
    }

    fn refuse(&mut self, key: &str, origin: Origin, message: &str) {
        self.problems.push(Problem { key: key.to_owned(), origin, message: message.to_owned() });
    }
}
