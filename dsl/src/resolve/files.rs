//! Files named by a policy: found below the root's directory, read once, kept as sources.

use std::collections::HashMap;
use std::sync::Arc;

use crate::compile::{Limits, LoadError, Loader};
use crate::diag::{Code, Diagnostic};
use crate::span::{Source, SourceId, Sources, Span};

/// The loader with what it has given so far.
pub(crate) struct Files<'a> {
    loader: &'a dyn Loader,
    limits: Limits,
    pub(crate) sources: Sources,
    known: HashMap<String, Result<SourceId, LoadError>>,
}

// === impl Files ===

impl<'a> Files<'a> {
    pub(crate) fn new(loader: &'a dyn Loader, limits: Limits) -> Self {
        Self { loader, limits, sources: Sources::default(), known: HashMap::new() }
    }

    /// Reads the root policy. Its text is always a source, also when it cannot be parsed.
    pub(crate) fn root(&mut self, path: &str) -> (SourceId, Result<Arc<str>, Box<Diagnostic>>) {
        let id = SourceId::default();
        let bytes = match self.loader.load(path) {
            Ok(bytes) => bytes,
            Err(why) => {
                self.sources.add(Source::new(path, ""));
                return (id, Err(cannot_read(Span::new(id, 0, 0), path, why)));
            }
        };
        let (text, problem) = crate::syntax::decode(id, &bytes, self.limits.file_bytes);
        let text: Arc<str> = text.into();
        self.sources.add(Source::new(path, Arc::clone(&text)));
        (id, problem.map_or(Ok(text), |problem| Err(Box::new(problem))))
    }

    /// The text of a file that the statement at `span` names, relative to the file it stands in.
    pub(crate) fn text(&mut self, span: Span, said: &str) -> Result<(SourceId, Arc<str>), Box<Diagnostic>> {
        let base = self.sources.file(span.source).map_or("", |f| f.name()).to_owned();
        let Some(path) = beside(&base, said) else {
            let problem = Diagnostic::new(Code::E0205, span, format!("`{said}` leaves the directory of the policy"))
                .label("files stand beside the policy or below it")
                .help("copy the file below the policy's directory and name it relative to the policy");
            return Err(Box::new(problem));
        };
        if let Some(known) = self.known.get(&path) {
            return match *known {
                Ok(id) => Ok((id, self.sources.file(id).map_or_else(|| "".into(), |f| f.text().into()))),
                Err(why) => Err(cannot_read(span, &path, why)),
            };
        }
        self.load(span, &path)
    }

    fn load(&mut self, span: Span, path: &str) -> Result<(SourceId, Arc<str>), Box<Diagnostic>> {
        if self.sources.files().count() >= self.limits.files {
            let message = format!("more than {} files take part in this policy", self.limits.files);
            let problem = Diagnostic::new(Code::E0309, span, message);
            return Err(Box::new(problem.help("put texts that belong together into one file")));
        }
        let bytes = self.loader.load(path).and_then(|bytes| {
            if bytes.len() > self.limits.data_bytes { Err(LoadError::TooLarge) } else { Ok(bytes) }
        });
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(why) => {
                self.known.insert(path.to_owned(), Err(why));
                return Err(cannot_read(span, path, why));
            }
        };
        let text: Arc<str> = String::from_utf8(bytes)
            .map_err(|_| Box::new(Diagnostic::new(Code::E0001, span, format!("`{path}` is not valid UTF-8"))))?
            .into();
        let id = self.sources.add(Source::new(path, Arc::clone(&text)));
        self.known.insert(path.to_owned(), Ok(id));
        Ok((id, text))
    }
}

fn cannot_read(span: Span, path: &str, why: LoadError) -> Box<Diagnostic> {
    let message = match why {
        LoadError::NotFound => format!("no file `{path}`"),
        LoadError::Denied | LoadError::TooLarge | LoadError::Unreadable => format!("cannot read `{path}`: {why}"),
    };
    Box::new(Diagnostic::new(Code::E0204, span, message).help("paths are relative to the file that names them"))
}

/// `said` relative to the directory of file `base`; `None` if it is absolute or climbs out.
fn beside(base: &str, said: &str) -> Option<String> {
    if said.is_empty() || said.starts_with('/') || said.contains('\\') || said.contains(':') {
        return None;
    }
    let directory = base.rsplit_once('/').map_or("", |(d, _)| d);
    let mut parts: Vec<&str> = Vec::new();
    for part in said.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    let inner = parts.join("/");
    Some(if directory.is_empty() && !base.starts_with('/') { inner } else { format!("{directory}/{inner}") })
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn stays_below_the_policy() {
        assert_eq!(beside("conf/main.weir", "prompts/a.txt").as_deref(), Some("conf/prompts/a.txt"));
        assert_eq!(beside("main.weir", "./a/../b.txt").as_deref(), Some("b.txt"));
        assert_eq!(beside("/main.weir", "b.txt").as_deref(), Some("/b.txt"));
        assert_eq!(beside("conf/main.weir", "../a.txt"), None);
        assert_eq!(beside("conf/main.weir", "/etc/passwd"), None);
        assert_eq!(beside("conf/main.weir", ""), None);
    }
}
