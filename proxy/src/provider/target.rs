//! One endpoint, ready to be called: everything that does not depend on the request, worked out at load.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use weir_dsl::hir::{self, Endpoint, SecretRef};
use weir_filters::format::Dialect;

use super::base::{BaseUrl, BaseUrlError, Scheme};
use super::{Auth, LATER, Provider, find, tls};
use crate::exchange::port::{Peer, PeerTls};
use crate::secret::{Secret, SecretError};
use crate::sign;

/// An endpoint, ready to be called.
#[derive(Debug)]
pub struct Target {
    /// Name.
    pub name: Arc<str>,
    /// Its vendor.
    pub provider: &'static Provider,
    /// Where to connect.
    pub peer: Arc<Peer>,
    /// The value of `host`.
    pub host: HeaderValue,
    /// Credentials; marked sensitive. None has the name of an `extra`.
    pub credentials: Vec<(HeaderName, HeaderValue)>,
    /// What the provider wants on requests that do not bring their own.
    pub defaults: Vec<(HeaderName, HeaderValue)>,
    /// What the policy adds; replaces what the client sent.
    pub extra: Vec<(HeaderName, HeaderValue)>,
    /// Path of the base URL, without a slash at its end.
    base: String,
}

/// Why an endpoint cannot be called. Messages name the endpoint, never a secret.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A vendor that the language knows and this build cannot sign for.
    #[error("endpoint `{endpoint}`: provider `{provider}` is not in this build yet: one of {}", names())]
    Later {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// Its provider.
        provider: Arc<str>,
    },
    /// A vendor nobody knows.
    #[error(
        "endpoint `{endpoint}`: unknown provider `{provider}`: use `compatible` with a `url`, or one of {}",
        names()
    )]
    Unknown {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// Its provider.
        provider: Arc<str>,
    },
    /// The provider has no address of its own.
    #[error("endpoint `{endpoint}`: provider `{provider}` needs a `url`")]
    NoUrl {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// Its provider.
        provider: &'static str,
    },
    /// The address cannot be used.
    #[error("endpoint `{endpoint}`: `{url}` {reason}")]
    Url {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// As written, without a user name or password.
        url: String,
        /// What is wrong with it.
        reason: BaseUrlError,
    },
    /// A secret has no value.
    #[error("endpoint `{endpoint}`: `{setting}`: {source}")]
    Secret {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// Which setting.
        setting: &'static str,
        /// Why.
        source: SecretError,
    },
    /// A key holds what no header can.
    #[error(
        "endpoint `{endpoint}`: the value of `{setting}` cannot be sent in a header: it holds control characters"
    )]
    HeaderValue {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// Which setting.
        setting: Arc<str>,
    },
    /// A name that is no header, or one that the transport writes itself.
    #[error("endpoint `{endpoint}`: header `{header}` cannot be set: the connection needs it, or it is not a name")]
    HeaderName {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// As written.
        header: Arc<str>,
    },
    /// A file that is no PEM.
    #[error("endpoint `{endpoint}`: `{setting}` holds no usable PEM block")]
    Pem {
        /// Which endpoint.
        endpoint: Arc<str>,
        /// Which setting.
        setting: &'static str,
    },
    /// `tls` settings without TLS.
    #[error("endpoint `{endpoint}`: `tls` is set but the `url` is clear text: write `https://`")]
    TlsInClear {
        /// Which endpoint.
        endpoint: Arc<str>,
    },
}

// === impl Target ===

impl Target {
    /// Prepares an endpoint. `resolve` reads secrets.
    ///
    /// # Errors
    /// A [`TargetError`] that names the endpoint.
    pub fn build(
        endpoint: &Endpoint,
        resolve: &dyn Fn(&SecretRef) -> Result<Secret, SecretError>,
    ) -> Result<Self, TargetError> {
        let provider = provider_of(endpoint)?;
        let base = base_of(endpoint, provider)?;
        let peer = peer_of(endpoint, base.as_ref(), resolve)?;
        let authority = base.as_ref().map_or_else(|| "sim".to_owned(), BaseUrl::authority);
        let path = base.map(|b| b.path).filter(|path| !path.is_empty());
        let mut target = Self {
            name: Arc::clone(&endpoint.name),
            provider,
            peer: Arc::new(peer),
            host: value(&endpoint.name, "url", &authority)?,
            credentials: Vec::new(),
            defaults: Vec::new(),
            extra: Vec::new(),
            base: path.unwrap_or_else(|| provider.path.to_owned()),
        };
        for (name, text) in provider.headers {
            target.defaults.push((HeaderName::from_static(name), HeaderValue::from_static(text)));
        }
        target.credentials.extend(credential(endpoint, provider, resolve)?);
        target.add_headers(endpoint, resolve)?;
        // A `header` line that names the credential's header takes its place: there is one of each.
        let extra = &target.extra;
        target.credentials.retain(|(name, _)| !extra.iter().any(|(own, _)| own == name));
        Ok(target)
    }

    /// Whether it answers this API without translation.
    #[must_use]
    pub fn serves(&self, dialect: Dialect) -> bool {
        self.provider.dialects.contains(&dialect)
    }

    /// Path and query at the endpoint for the client's path and query.
    ///
    /// The part after the API's own prefix (`/v1`, `/v1beta`) is appended to the base. Anthropic's SDK writes its
    /// base without a version, so its paths keep their prefix unless the base ends with it. A client's key in the
    /// query (`?key=`) stays behind.
    #[must_use]
    pub fn path(&self, client: &str) -> String {
        let (path, query) = client.split_once('?').map_or((client, None), |(path, query)| (path, Some(query)));
        let (prefix, rest) = split_prefix(path);
        let versioned = self.provider.name == "anthropic" || is_messages(rest);
        let keep = if versioned && !self.base.ends_with(prefix) { prefix } else { "" };
        let mut out = String::with_capacity(self.base.len() + client.len());
        out.push_str(&self.base);
        out.push_str(keep);
        out.push_str(rest);
        if out.is_empty() {
            out.push('/');
        }
        let mut mark = '?';
        for pair in query.into_iter().flat_map(|q| q.split('&')).filter(|pair| !sign::is_credential_pair(pair)) {
            out.push(mark);
            out.push_str(pair);
            mark = '&';
        }
        out
    }

    fn add_headers(
        &mut self,
        endpoint: &Endpoint,
        resolve: &dyn Fn(&SecretRef) -> Result<Secret, SecretError>,
    ) -> Result<(), TargetError> {
        for (written, text) in &endpoint.headers {
            let bad =
                || TargetError::HeaderName { endpoint: Arc::clone(&endpoint.name), header: Arc::clone(written) };
            let name: HeaderName = written.parse().map_err(|_| bad())?;
            if sign::is_framing(&name) {
                return Err(bad());
            }
            let value = match text {
                hir::HeaderValue::Text(text) => value(&endpoint.name, written, text)?,
                hir::HeaderValue::Secret(reference) => {
                    let secret = resolve(reference).map_err(|source| TargetError::Secret {
                        endpoint: Arc::clone(&endpoint.name),
                        setting: "header",
                        source,
                    })?;
                    secret_value(&endpoint.name, written, secret.reveal())?
                }
            };
            if name == http::header::HOST {
                self.host = value;
            } else {
                self.extra.push((name, value));
            }
        }
        Ok(())
    }
}

fn provider_of(endpoint: &Endpoint) -> Result<&'static Provider, TargetError> {
    find(&endpoint.provider).ok_or_else(|| {
        let (endpoint, provider) = (Arc::clone(&endpoint.name), Arc::clone(&endpoint.provider));
        if LATER.contains(&&*provider) {
            TargetError::Later { endpoint, provider }
        } else {
            TargetError::Unknown { endpoint, provider }
        }
    })
}

/// The base URL; `None` for the provider that answers in process.
fn base_of(endpoint: &Endpoint, provider: &'static Provider) -> Result<Option<BaseUrl>, TargetError> {
    if is_sim(endpoint) {
        return Ok(None);
    }
    let written = endpoint.url.as_deref().or(provider.url);
    let Some(written) = written else {
        return Err(TargetError::NoUrl { endpoint: Arc::clone(&endpoint.name), provider: provider.name });
    };
    match BaseUrl::parse(written) {
        Ok(base) => Ok(Some(base)),
        Err(reason) => {
            // What stands before `@` may be a secret.
            let url = written.rsplit('@').next().unwrap_or_default().to_owned();
            Err(TargetError::Url { endpoint: Arc::clone(&endpoint.name), url, reason })
        }
    }
}

/// A `sim` endpoint without a `url` answers in process; with one it is a `weir sim` on a socket.
fn is_sim(endpoint: &Endpoint) -> bool {
    &*endpoint.provider == "sim" && endpoint.url.is_none()
}

fn peer_of(
    endpoint: &Endpoint,
    base: Option<&BaseUrl>,
    resolve: &dyn Fn(&SecretRef) -> Result<Secret, SecretError>,
) -> Result<Peer, TargetError> {
    let secure = base.is_some_and(|b| b.scheme == Scheme::Https);
    if !secure && endpoint.tls != hir::Tls::default() {
        return Err(TargetError::TlsInClear { endpoint: Arc::clone(&endpoint.name) });
    }
    let tls = if secure { Some(tls::read(&endpoint.name, &endpoint.tls, resolve)?) } else { None };
    Ok(Peer {
        endpoint: Arc::clone(&endpoint.name),
        key: key_of(&endpoint.name, base, tls.as_ref()),
        host: base.map_or("sim", |b| b.host.trim_matches(['[', ']'])).into(),
        port: base.map_or(0, |b| b.port),
        tls,
        h2c: base.is_some_and(|b| b.scheme == Scheme::H2c),
        sim: base.is_none(),
    })
}

/// Identity of address, TLS material and endpoint: a rotated certificate gets connections of its own.
fn key_of(name: &str, base: Option<&BaseUrl>, tls: Option<&PeerTls>) -> u64 {
    // Fixed keys: the same peer has the same hash as long as the process lives.
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    base.map(|b| (&b.host, b.port, b.scheme == Scheme::H2c)).hash(&mut hasher);
    tls.map(|t| (&t.server_name, &t.ca_pem, &t.client_pem)).hash(&mut hasher);
    hasher.finish()
}

fn credential(
    endpoint: &Endpoint,
    provider: &Provider,
    resolve: &dyn Fn(&SecretRef) -> Result<Secret, SecretError>,
) -> Result<Option<(HeaderName, HeaderValue)>, TargetError> {
    let Some(reference) = &endpoint.key else { return Ok(None) };
    let secret = resolve(reference).map_err(|source| TargetError::Secret {
        endpoint: Arc::clone(&endpoint.name),
        setting: "key",
        source,
    })?;
    let (name, text) = match provider.auth {
        Auth::Bearer => (http::header::AUTHORIZATION, format!("Bearer {}", secret.reveal())),
        Auth::Header(name) => (HeaderName::from_static(name), secret.reveal().to_owned()),
    };
    Ok(Some((name, secret_value(&endpoint.name, "key", &text)?)))
}

fn secret_value(endpoint: &Arc<str>, setting: &str, text: &str) -> Result<HeaderValue, TargetError> {
    let mut made = value(endpoint, setting, text)?;
    made.set_sensitive(true);
    Ok(made)
}

fn value(endpoint: &Arc<str>, setting: &str, text: &str) -> Result<HeaderValue, TargetError> {
    let refused = |_| TargetError::HeaderValue { endpoint: Arc::clone(endpoint), setting: setting.into() };
    HeaderValue::from_str(text).map_err(refused)
}

/// The API's own prefix, and the rest of a client's path.
fn split_prefix(path: &str) -> (&str, &str) {
    let found = ["/v1beta", "/v1"].into_iter().find_map(|prefix| {
        let rest = path.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| path.split_at(prefix.len()))
    });
    found.unwrap_or(("", path))
}

fn is_messages(rest: &str) -> bool {
    rest == "/messages" || rest.starts_with("/messages/")
}

fn names() -> String {
    let names: Vec<String> = super::PROVIDERS.iter().map(|p| format!("`{}`", p.name)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
